package handoff

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// endsWithUs makes a child that is told to end when this process is killed. Best effort: a child that changes its user loses it.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }

// widen makes a pipe hold more, for programs that print much. It may stay as it is.
func widen(pipe *os.File) {
	if c, err := pipe.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 256<<10) })
	}
}

// How the modes of a terminal are read and set.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)
