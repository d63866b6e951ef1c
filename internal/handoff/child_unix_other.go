//go:build unix && !linux

package handoff

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// endsWithUs: only Linux tells a child that its parent is gone.
func endsWithUs() *syscall.SysProcAttr { return nil }

// How the modes of a terminal are read and set.
const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)
