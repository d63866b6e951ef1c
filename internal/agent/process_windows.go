package agent

import (
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"

	"tacit/internal/fault"
)

// Harden makes this process fit to be the agent, before anything else happens in it (I09). A process that has more in its
// environment than an agent needs starts one that has not and becomes its shadow: it waits for it and ends as it ended, since
// Windows cannot replace the program of a process.
func Harden(environ []string) error {
	env := Environ(environ)
	if slices.Equal(env, environ) {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fault.Wrap(fault.Failed, err, "start the agent")
	}
	c := exec.Command(self, os.Args[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); c.ProcessState == nil {
		return fault.Wrap(fault.Failed, err, "start the agent")
	}
	os.Exit(c.ProcessState.ExitCode())
	return nil
}

// detach gives a command no console.
func detach(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}

// Quiet lets go of the standard files that the process was started with: whoever waits for their end need not wait for ours.
func Quiet() error {
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		_ = f.Close()
	}
	return nil
}

// terminate ends a process: Windows has no way to ask one.
func terminate(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
