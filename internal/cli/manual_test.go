package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestManual lets groff find what is wrong with the pages, and man show one.
func TestManual(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, "tacit", "man", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 15 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	need(t, "groff")
	if out := run(t, "groff", append([]string{"-man", "-ww", "-z"}, pages...)...); out != "" {
		t.Errorf("groff: %s", out)
	}
	need(t, "man")
	text := run(t, "man", "-l", filepath.Join(dir, "tacit-slot-add.1"))
	for _, want := range []string{"tacit-slot-add - Add a way", "tacit slot add KIND [ARG]", "--label NAME", "tacit-slot(1)"} {
		if !strings.Contains(text, want) {
			t.Errorf("man shows no %q:\n%s", want, text)
		}
	}
}

// TestCompletion loads the scripts into the shells themselves and completes.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for shell, ask := range map[string]string{
		"bash": `source "$SCRIPT"
			complete_at() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=(); __start_tacit; printf '%s\n' "${COMPREPLY[@]}"; }
			_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
			complete_at tacit slot re; complete_at tacit slot add re; complete_at tacit init --pass; complete_at tacit slot rm ''`,
		"zsh": `autoload -U compinit && compinit -u -d "$TMPDIR/zcompdump" && source "$SCRIPT" && [[ -n ${functions[_tacit]} ]] && [[ ${_comps[tacit]} = _tacit ]]
			_describe() { print -l -- "${completions[@]}" }  # prints what zsh would offer
			words=(tacit slot add re); CURRENT=4; _tacit
			words=(tacit init --pass); CURRENT=3; _tacit`,
		"fish": `source $SCRIPT
			complete -C'tacit slot add re'; complete -C'tacit init --pass'; complete -C'tacit slot rm '`,
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			need(t, shell)
			dir := t.TempDir()
			script := filepath.Join(dir, "completion")
			if err := os.WriteFile(script, []byte(run(t, "tacit", "completion", shell)), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(shell, "-c", ask)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "SCRIPT="+script, "HOME="+dir, "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"recovery", "recipient", "--passphrase"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s does not offer %q:\n%s", shell, want, out)
				}
			}
			if strings.Contains(string(out), "completion\n") {
				t.Errorf("%s offers a file where none belongs:\n%s", shell, out)
			}
			if left, err := os.ReadDir(filepath.Join(dir, "tacit")); err == nil {
				t.Errorf("completing made a vault: %v", left)
			}
		})
	}
	if out := run(t, "tacit", "completion", "powershell"); !strings.Contains(out, "Register-ArgumentCompleter") {
		t.Error("no PowerShell script")
	}
}

// run returns what a command prints, and fails the test if the command fails.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "MANWIDTH=200", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// need skips the test where a tool that it drives is not installed.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
}
