//go:build unix

package cli

import "syscall"

// ownSession makes a child that neither the terminal's end nor its signals reach.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
