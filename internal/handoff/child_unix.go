//go:build unix

package handoff

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// runPlain is Run with our own streams.
func (p Program) runPlain() (exit int, err error) {
	relay := newRelay()
	defer relay.stop()
	return p.wait(p.command(), relay, func() {})
}

// wait starts c, calls started, and returns the exit status of c. What c gets from us it has by then.
func (p Program) wait(c *exec.Cmd, relay *relay, started func()) (exit int, err error) {
	// A child that is to end with its parent ends with the thread that made it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.SysProcAttr = endsWithUs()
	err = c.Start()
	if errors.Is(err, syscall.ENOEXEC) {
		again := p.byShell().command()
		again.Stdin, again.Stdout, again.Stderr, again.SysProcAttr = c.Stdin, c.Stdout, c.Stderr, c.SysProcAttr
		c = again
		err = c.Start()
	}
	if err != nil {
		return 0, p.startFailed(err)
	}
	started()
	relay.to(c.Process)
	err = c.Wait()
	relay.end()
	var status *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &status):
		return exitOf(status.Sys().(syscall.WaitStatus)), nil
	}
	return 0, p.startFailed(err)
}

// exitOf is the status that a shell would give.
func exitOf(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// relay passes signals on to a child.
type relay struct {
	signals chan os.Signal
	before  func(os.Signal) // is called before one is passed on; nil: nothing is
	done    chan struct{}   // nothing is passed on any more
}

// passedOn are the signals that a child gets when they are sent to us. SIGPIPE is not one: that nobody reads our output is an error of
// writing it.
var passedOn = []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT}

// heeded returns what is passed on, but for what we ignore since we were started, as under nohup: the child then ignores it too.
func heeded() []os.Signal {
	return slices.DeleteFunc(slices.Clone(passedOn), signal.Ignored)
}

// newRelay keeps the signals for the child; also those are the relay's that begin with its work, given by also.
func newRelay(also ...os.Signal) *relay {
	r := &relay{signals: make(chan os.Signal, 16), done: make(chan struct{})}
	signal.Notify(r.signals, append(heeded(), also...)...)
	return r
}

// to passes on what arrives from now. Ctrl-C and Ctrl-\ reach the child from the terminal itself, while it is in the foreground with us.
func (r *relay) to(p *os.Process) {
	go func() {
		for {
			select {
			case s := <-r.signals:
				if r.before != nil {
					r.before(s)
				}
				if s == syscall.SIGPIPE || (s == syscall.SIGINT || s == syscall.SIGQUIT) && inForeground() {
					continue
				}
				_ = p.Signal(s)
			case <-r.done:
				return
			}
		}
	}()
}

// inForeground reports whether our process group has the terminal, if there is one.
func inForeground() bool {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// end passes nothing on any more: the child has ended. What still arrives is for who reads signals.
func (r *relay) end() { close(r.done) }

func (r *relay) stop() { signal.Stop(r.signals) }
