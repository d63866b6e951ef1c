package agent

import (
	"math"

	"golang.org/x/sys/unix"
)

// keepToOurselves marks every file but the standard ones as not for programs that we start: a pipe that the caller's shell gave to
// us would otherwise stay open for as long as the agent lives, and who reads from it would wait for that long. What Go opened is
// marked already. Before Linux 5.11 there is no such call, and what was inherited stays open.
func keepToOurselves() { _ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

func dup(from, to int) error { return unix.Dup3(from, to, 0) }
