package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// A hold keeps signals from ending this process while it has made what it must take away again: files with secrets, a token. While the program
// runs, they are the program's. A signal that we ignore since we were started, as under nohup, is not held.
type hold struct{ signals chan os.Signal }

func newHold() hold { return hold{make(chan os.Signal, 1)} }

// begin holds signals from now on.
func (h hold) begin() {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(h.signals, s)
		}
	}
}

// came returns the status with which the first signal that was held ends this process; nil: none came.
func (h hold) came() error {
	select {
	case s := <-h.signals:
		if n, ok := s.(syscall.Signal); ok {
			return exitStatus(128 + int(n))
		}
		return interrupted
	default:
		return nil
	}
}

// end lets signals end this process again.
func (h hold) end() { signal.Stop(h.signals) }
