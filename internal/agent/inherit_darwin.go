package agent

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// keepToOurselves marks every file but the standard ones as not for programs that we start: a pipe that the caller's shell gave to
// us would otherwise stay open for as long as the agent lives, and who reads from it would wait for that long.
func keepToOurselves() {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

func dup(from, to int) error { return unix.Dup2(from, to) }
