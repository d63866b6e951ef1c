package handoff

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// Names of variables are the same on Windows whatever their case.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

// Become is Run: Windows replaces no process, so this one outlives the child.
func (p Program) Become() (exit int, err error) { return p.Run() }

func (p Program) failure(err error) *StartError {
	return startError(ExitNotExecutable, "run %s: %v", p.Argv[0], err)
}

func (p Program) runPlain() (exit int, err error) { return p.wait(p.command(), func() {}) }

// runMasked masks through pipes: the program sees that its output is no terminal.
func (p Program) runMasked() (exit int, err error) {
	o := outputs{of: p}
	c := p.command()
	stdout, err := o.pass(os.Stdout, openPipe)
	if err != nil {
		return 0, p.startFailed(err)
	}
	stderr, err := o.pass(os.Stderr, openPipe)
	if err != nil {
		o.abandon()
		return 0, p.startFailed(err)
	}
	c.Stdout, c.Stderr = stdout, stderr
	started := false
	exit, err = p.wait(c, func() { started = true; o.started() })
	if !started {
		o.abandon()
		return exit, err
	}
	if lost := o.ended(nil); err == nil {
		err = lost
	}
	return exit, err
}

// wait starts c, calls started, and returns the exit status of c. It stays alive at Ctrl-C, which Windows sends to every process of the
// console: the child decides what it means.
func (p Program) wait(c *exec.Cmd, started func()) (exit int, err error) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	if err := c.Start(); err != nil {
		return 0, p.startFailed(err)
	}
	started()
	err = c.Wait()
	var status *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &status):
		return status.ExitCode(), nil
	}
	return 0, p.startFailed(err)
}

// brokenPipe reports whether err says that nobody reads the output any more.
func brokenPipe(err error) bool {
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, syscall.Errno(232)) // ERROR_NO_DATA
}
