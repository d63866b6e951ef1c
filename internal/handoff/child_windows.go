package handoff

import (
	"os"
	"os/exec"
	"os/signal"
)

// relay keeps this process alive at Ctrl-C, which Windows sends to every process of the console: the child decides what it means.
type relay struct{ interrupts chan os.Signal }

func newRelay() *relay {
	r := &relay{make(chan os.Signal, 1)}
	signal.Notify(r.interrupts, os.Interrupt)
	return r
}

func (*relay) to(*os.Process) {}

func (r *relay) stop() { signal.Stop(r.interrupts) }

func exitOf(e *exec.ExitError) int { return e.ExitCode() }
