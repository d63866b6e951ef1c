package program

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// alone gives the program no console to ask on. What it started is not ended with it.
func alone(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}

func isBrokenPipe(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}
