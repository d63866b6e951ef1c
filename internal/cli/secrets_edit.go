package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/memdir"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

func (a *app) editCommand() *cobra.Command {
	return &cobra.Command{
		Use: "edit NAME", Short: "Change a value in your editor",
		Long: `Change a value in your editor ($VISUAL or $EDITOR), in a private directory in memory, with the editor's backups and swap
files off. Without such a directory, and with editors that keep copies of their own, it refuses; without a terminal too, unless
one of the two is set.`,
		Example: "tacit edit db.password",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.edit(c.Context(), args[0]) },
	}
}

func (a *app) edit(ctx context.Context, arg string) error {
	ref, err := a.plainRef(arg)
	if err != nil {
		return err
	}
	setting := orElse(a.getenv("VISUAL"), a.getenv("EDITOR"))
	if strings.TrimSpace(setting) == "" && !(a.interactive() && isTerminal(a.world.Stdout)) {
		// The editor of the system would draw the value into a pipe or a log, and wait for keys that nobody presses.
		return fault.New(fault.Usage, "edit %s: there is no terminal to edit on", ref.Name).About(ref.Name).
			WithFix("set EDITOR, or pipe the new value in: tacit set %s", ref.Name)
	}
	argv, err := editorCommand(setting)
	if err != nil {
		return err
	}
	k, err := a.keeper()
	if err != nil {
		return err
	}
	got, err := k.Get(ctx, a.caller(), keeper.GetRequest{Ref: ref, IncludeExpired: true, Door: "edit"})
	if err != nil {
		return err
	}
	old := got.Value
	defer old.Wipe()
	if b := old.Reveal(); !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return fault.New(fault.Invalid, "edit %s: the value is not text", ref.Name).About(ref.Name).WithFix("tacit set %s --from-file F", ref.Name)
	}
	if a.stores != nil { // before anything is typed that would be lost
		if err := a.stores.CanWrite(ctx, a.caller(), got.Secret.Provider); err != nil {
			return err
		}
	}
	edited, err := a.editValue(ctx, got.Secret.Name, old, argv)
	if err != nil {
		return err
	}
	if bytes.Equal(edited.Reveal(), old.Reveal()) {
		return a.printChanged(client.Changed{Secret: got.Secret})
	}
	w, err := k.Set(ctx, a.caller(), keeper.SetRequest{
		Ref: keeper.Ref{Name: got.Secret.Name, Scope: got.Secret.Scope, Provider: got.Secret.Provider}, Value: edited, Via: "edit",
	})
	if err != nil {
		return err
	}
	return a.printChanged(w.Changed)
}

// editValue lets the user change v in an editor and returns what became of it.
func (a *app) editValue(ctx context.Context, name string, v secret.Value, argv []string) (edited secret.Value, err error) {
	env, err := a.childEnvironment(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	// From here on a signal must not end the process before the file is gone. Ctrl-C is the editor's.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	dir, err := memdir.Make(a.getenv)
	if err != nil {
		return secret.Value{}, fault.Wrap(fault.Failed, err, "edit %s", name).WithFix("pipe the new value in: tacit set %s", name)
	}
	defer func() {
		if removed := dir.Remove(); err == nil {
			err = removed
		}
	}()
	file := filepath.Join(dir.Path, strings.ReplaceAll(name, "/", "_"))
	if err := os.WriteFile(file, v.Reveal(), 0o600); err != nil {
		return secret.Value{}, paths.Explain(err, file, "write %s", file)
	}
	c := exec.Command(argv[0], append(argv[1:], file)...)
	c.Stdin, c.Stdout, c.Stderr = a.world.Stdin, a.world.Stdout, a.world.Stderr
	c.Dir, c.Env = dir.Path, append(env, "TMPDIR="+dir.Path)
	if err := runEditor(c, signals); err != nil {
		return secret.Value{}, err
	}
	b, err := readEdited(file)
	if err != nil {
		return secret.Value{}, err
	}
	if !bytes.HasSuffix(v.Reveal(), []byte("\n")) {
		b = trimNewline(b) // which editors add to the last line
	}
	if len(b) == 0 {
		return secret.Value{}, fault.New(fault.Invalid, "edit %s: the value is empty; nothing was changed", name).About(name).
			WithFix("tacit rm %s removes the secret", name)
	}
	return secret.New(b), nil
}

// runEditor runs the editor. When the process is told to end, the editor is too, and it is not waited for.
func runEditor(c *exec.Cmd, signals <-chan os.Signal) error {
	if err := c.Start(); err != nil {
		return fault.Wrap(fault.Failed, err, "start the editor").WithFix("set EDITOR to your editor")
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case err := <-ended:
			var status *exec.ExitError
			if errors.As(err, &status) {
				return fault.New(fault.Failed, "the editor ended with %s; nothing was changed", status.ProcessState)
			}
			return err
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGHUP {
				_ = c.Process.Signal(s)
				return exitStatus(128 + int(s.(syscall.Signal)))
			}
		}
	}
}

// readEdited reads what the editor left, which may be another file of the same name but not a link to somewhere else.
func readEdited(file string) ([]byte, error) {
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, fault.New(fault.Failed, "the editor left no file; nothing was changed")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, paths.Explain(err, file, "read %s", file)
	}
	defer func() { _ = f.Close() }()
	return readBounded(f, "the edited value")
}
