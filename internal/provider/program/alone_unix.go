//go:build unix

package program

import (
	"errors"
	"os/exec"
	"syscall"
)

// alone gives the program a session of its own: it has no terminal to ask on, and its whole process group can be ended at once.
func alone(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
