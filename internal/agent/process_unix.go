//go:build unix

package agent

import (
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/paths"
)

// Harden makes this process fit to be the agent, before anything else happens in it (I09). A process that has more in its
// environment than an agent needs replaces itself by one that has not, since the Go runtime reads some of it before any program
// can: then Harden does not return. Otherwise the process is undumpable from now on, writes no core, and makes no file for others.
func Harden(environ []string) error {
	if env := Environ(environ); !slices.Equal(env, environ) {
		return replace(env)
	}
	for _, step := range []func() error{envelope.Undump, envelope.NoCores} {
		if err := step(); err != nil {
			return fault.Wrap(fault.Failed, err, "start the agent")
		}
	}
	unix.Umask(0o077)
	if err := os.Chdir("/"); err != nil {
		return fault.Wrap(fault.Failed, err, "start the agent")
	}
	return nil
}

// replace runs this program anew with the same arguments. Files that were inherited stay behind.
func replace(env []string) error {
	keepToOurselves()
	self, err := os.Executable()
	if err != nil {
		return fault.Wrap(fault.Failed, err, "start the agent")
	}
	return fault.Wrap(fault.Failed, syscall.Exec(self, os.Args, env), "start the agent: run %s", paths.Quote(self))
}

// detach makes a command a session of its own: no terminal, and no signal that was meant for the terminal's programs.
func detach(c *exec.Cmd) {
	keepToOurselves()
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}

// Quiet lets go of the standard files that the process was started with: whoever waits for their end need not wait for ours.
func Quiet() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if err := dup(int(null.Fd()), fd); err != nil {
			return os.NewSyscallError("dup", err)
		}
	}
	return nil
}

// terminate asks a process to end.
func terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }
