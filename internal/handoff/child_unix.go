//go:build unix

package handoff

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// relay passes signals on to a child.
type relay struct {
	signals chan os.Signal
	done    chan struct{}
}

func newRelay() *relay {
	r := &relay{signals: make(chan os.Signal, 16), done: make(chan struct{})}
	signal.Notify(r.signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT)
	return r
}

// to passes on what arrives from now. Ctrl-C and Ctrl-\ reach the child from the terminal itself: it is in our process group.
func (r *relay) to(p *os.Process) {
	terminal := false
	if t, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0); err == nil {
		terminal = true
		_ = t.Close()
	}
	go func() {
		for {
			select {
			case s := <-r.signals:
				if terminal && (s == syscall.SIGINT || s == syscall.SIGQUIT) {
					continue
				}
				_ = p.Signal(s)
			case <-r.done:
				return
			}
		}
	}()
}

func (r *relay) stop() {
	signal.Stop(r.signals)
	close(r.done)
}

// exitOf is the status that a shell would give.
func exitOf(e *exec.ExitError) int {
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return e.ExitCode()
}
