package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"tacit/internal/clipboard"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/memdir"
	"tacit/internal/secret"
	"tacit/internal/when"
)

// clearCommandName is a hidden command: the process that get --copy leaves behind.
const clearCommandName = "clipboard-clear"

// clearRequest is what that process is told, on its standard input. It never learns the value.
type clearRequest struct {
	SHA256 string        `json:"sha256"` // of what was copied, in hex
	After  time.Duration `json:"after"`
}

// copyValue puts a value on the clipboard and has it cleared later.
func (a *app) copyValue(ctx context.Context, name string, v secret.Value, clearAfter time.Duration) error {
	env, err := a.childEnvironment(ctx)
	if err != nil {
		return err
	}
	var tty io.Writer
	if t, err := openTerminal(); err == nil {
		defer t.close()
		tty = t.out
	}
	board, err := a.clipboard(env, tty)
	if err != nil {
		return err
	}
	if err := board.Copy(ctx, v); err != nil {
		return err
	}
	switch {
	case clearAfter == 0:
		a.out.Notice("%s is on the clipboard, and stays there", name)
	case !board.CanClear():
		a.out.Notice("%s is on the clipboard of %s, which cannot say later whether it still is: clear it yourself", name, board.Tool)
	default:
		if err := startClearing(env, v, clearAfter); err != nil {
			return fault.Wrap(fault.Failed, err, "%s is on the clipboard, but will not be cleared", name)
		}
		a.out.Notice("%s is on the clipboard; in %s it is cleared, if it is still there", name, when.Format(clearAfter))
	}
	return nil
}

func (a *app) clipboard(env []string, tty io.Writer) (*clipboard.Board, error) {
	return clipboard.Find(clipboard.World{
		Getenv: a.getenv, Environ: env, LookPath: exec.LookPath, InMemory: memdir.InMemory, Terminal: tty,
	})
}

// childEnvironment returns what a program that tacit starts may see of our environment: nothing that opens the vault of this machine
// (I12). Which variables do, its slots say to anybody, so this takes no key, and counts also for who asks somebody else for secrets.
// There may be no vault here then, or none that is ours to read.
func (a *app) childEnvironment(ctx context.Context) ([]string, error) {
	k := a.keyless(a.layout(), nil, nil)
	defer func() { _ = k.Close() }()
	slots, err := k.SlotVariables(ctx)
	if elsewhere := errors.Is(err, fault.NoVault) || errors.Is(err, fault.Permissions); err != nil && !(a.distant() && elsewhere) {
		return nil, err
	}
	return handoff.Strip(a.world.Environ, slots...), nil
}

// startClearing starts the process that clears the clipboard. It outlives this one and the terminal.
func startClearing(env []string, v secret.Value, after time.Duration) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(v.Reveal())
	request, err := json.Marshal(clearRequest{SHA256: hex.EncodeToString(sum[:]), After: after})
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	c := &exec.Cmd{Path: exe, Args: []string{"tacit", clearCommandName}, Env: env, Stdin: r, SysProcAttr: ownSession()}
	if err := c.Start(); err != nil {
		_ = w.Close()
		return err
	}
	_, err = w.Write(request) // far less than a pipe holds
	if closed := w.Close(); err == nil {
		err = closed
	}
	_ = c.Process.Release()
	return err
}

func (a *app) clipboardClearCommand() *cobra.Command {
	return &cobra.Command{
		Use: clearCommandName, Short: "Clear the clipboard later (get --copy starts this)",
		Example: "tacit get db.password --copy",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var r clearRequest
			if err := json.NewDecoder(io.LimitReader(a.world.Stdin, 1024)).Decode(&r); err != nil {
				return fault.New(fault.Usage, "%s is started by tacit get --copy only", clearCommandName)
			}
			var sum [sha256.Size]byte
			if n, err := hex.Decode(sum[:], []byte(r.SHA256)[:min(len(r.SHA256), 2*len(sum))]); err != nil || n != len(sum) {
				return fault.New(fault.Usage, "%s is started by tacit get --copy only", clearCommandName)
			}
			select {
			case <-c.Context().Done():
				return c.Context().Err()
			case <-time.After(r.After):
			}
			board, err := a.clipboard(handoff.Strip(a.world.Environ), nil)
			if err != nil {
				return err
			}
			_, err = board.ClearIf(c.Context(), sum)
			return err
		},
	}
}
