package cli_test

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// noTerminal starts a program that finds no terminal to ask on.
func noTerminal() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS}
}
