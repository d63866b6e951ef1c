//go:build unix

package cli_test

import "syscall"

// noTerminal starts a program that finds no terminal to ask on.
func noTerminal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
