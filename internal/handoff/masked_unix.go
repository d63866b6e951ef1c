//go:build unix

package handoff

import (
	"errors"
	"os"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// How a program whose output is masked gets at the terminal:
//
//   - If it writes to one, it runs in a session of its own on a terminal of its own, between which and the real one everything is passed on
//     (terminal_unix.go). So all that it does there goes through the mask, /dev/tty included.
//   - Else it stays in our session, with the real terminal for its job control: its output is for a file or another program, and the
//     terminal for that other program too, a pager perhaps, whose keys are not ours to take. Its output goes through a pipe; its errors,
//     if they are for a terminal, through one that is for output only. What it writes to /dev/tty is not seen then.
//
// Its standard input is ours itself, not a copy, unless that is a terminal.
func (p Program) runMasked() (exit int, err error) {
	if isTerminal(os.Stdout) {
		if isTerminal(os.Stdin) {
			return p.runOnTerminal(os.Stdin)
		}
		if tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0); err == nil {
			defer tty.Close()
			return p.runOnTerminal(tty)
		}
	}
	o := &outputs{of: p}
	relay := newRelay(syscall.SIGPIPE, syscall.SIGWINCH)
	relay.before = func(s os.Signal) {
		if s == syscall.SIGWINCH {
			o.resize()
		}
	}
	defer relay.stop()
	c := p.command()
	stdout, err := o.pass(os.Stdout, openAlike)
	if err != nil {
		return 0, p.startFailed(err)
	}
	stderr, err := o.pass(os.Stderr, openAlike)
	if err != nil {
		o.abandon()
		return 0, p.startFailed(err)
	}
	c.Stdout, c.Stderr = stdout, stderr
	begun := false
	exit, err = p.wait(c, relay, func() { begun = true; o.started() })
	if !begun {
		o.abandon()
		return exit, err
	}
	if lost := o.ended(relay.signals); err == nil {
		err = lost
	}
	return exit, err
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// openAlike opens a terminal for a terminal, else a pipe.
func openAlike(ours *os.File) (here, theirs *os.File, err error) {
	if !isTerminal(ours) {
		return openPipe(ours)
	}
	here, theirs, err = openPTY()
	if err != nil {
		return nil, nil, err
	}
	// The real terminal makes of a line end what it is set to. This one must not do so before.
	if _, err = term.MakeRaw(int(theirs.Fd())); err == nil {
		err = pty.InheritSize(ours, here)
	}
	if err != nil {
		_ = here.Close()
		_ = theirs.Close()
		return nil, nil, err
	}
	return here, theirs, nil
}

// resize gives the terminals of the program the size of the real ones.
func (o *outputs) resize() {
	for _, s := range o.streams {
		if isTerminal(s.to) {
			_ = pty.InheritSize(s.to, s.from)
		}
	}
}

// brokenPipe reports whether err says that nobody reads the output any more.
func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EIO) }
