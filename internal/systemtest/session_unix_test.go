//go:build unix

package systemtest

import "syscall"

// noTerminal starts a program in a session of its own, so that it has no terminal to ask on.
func noTerminal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
