package cli

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"tacit/internal/fault"
)

// What each editor is told so that it writes nothing but the file itself. The file is in memory and so are its neighbours;
// this is about swap files, undo files, histories and backups that would go into the user's home.
//
// vim reads its configuration after --cmd and before -c, hence both.
func editorFlags(program string) (flags []string, refuse bool) {
	const vim = "set nobackup nowritebackup noundofile noswapfile"
	switch program {
	case "vim", "vim.basic", "vim.tiny", "vim.nox", "vim.gtk3", "gvim", "mvim", "nvim":
		return []string{"-n", "-i", "NONE", "--cmd", vim, "-c", vim}, false
	case "nvi", "ex.nvi", "vi.nvi":
		return []string{"-c", "set nodirectory"}, false
	case "nano", "rnano":
		return []string{"--ignorercfiles"}, false
	case "emacs", "emacs-gtk", "emacs-nox", "emacs-lucid", "emacs-pgtk":
		return []string{"--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil auto-save-list-file-prefix nil)"}, false
	case "micro":
		return []string{"-backup", "false", "-saveundo", "false", "-savecursor", "false", "-savehistory", "false"}, false
	case "code", "code-insiders", "codium", "vscodium", "cursor", "windsurf", "zed", "subl", "atom", "idea", "pycharm", "goland", "webstorm", "gedit", "kate":
		return nil, true
	}
	return nil, false
}

// editorCommand returns the editor that setting names, as argv, with the flags that keep it from making copies.
func editorCommand(setting string) ([]string, error) {
	if strings.TrimSpace(setting) == "" {
		if runtime.GOOS == "windows" {
			return nil, fault.New(fault.Usage, "there is no editor: neither VISUAL nor EDITOR is set").WithFix("set EDITOR")
		}
		setting = "vi"
	}
	words := strings.Fields(setting)
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil, fault.New(fault.Failed, "the editor %s is not there", words[0]).WithFix("set EDITOR to your editor")
	}
	program := filepath.Base(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if program == "vi" || program == "editor" || program == "sensible-editor" {
			program = filepath.Base(real) // vi is whichever editor the system has
		}
	}
	flags, refuse := editorFlags(strings.TrimSuffix(program, ".exe"))
	if refuse {
		return nil, fault.New(fault.Failed, "%s keeps copies of what it edits on the disk, and cannot be told not to", program).
			WithFix("use another for this: EDITOR=nano tacit edit NAME")
	}
	if runtime.GOOS != "windows" && strings.ContainsAny(setting, "|&;<>()$`\\\"'*?[#~=%") {
		// As git and others have it, such a setting is for the shell. The flags and the file are arguments, never its text.
		return slices.Concat([]string{"/bin/sh", "-c", setting + ` "$@"`, words[0]}, flags), nil
	}
	if path, err = filepath.Abs(path); err != nil { // the editor runs in another directory
		return nil, err
	}
	return slices.Concat([]string{path}, words[1:], flags), nil
}
