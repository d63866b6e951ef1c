//go:build unix

package handoff

import (
	"errors"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// keys reads what is typed at a terminal and passes it on. A read that waits would take the first key after the program's end, which is
// the shell's; so it waits with poll(2), and reads only what is there.
type keys struct {
	from  int
	to    *os.File
	wake  *os.File // written to when something changed
	woken *os.File

	taking  atomic.Bool
	stopped atomic.Bool
	done    chan struct{}
}

// readKeys begins; nothing is read before [keys.take].
func readKeys(from, to *os.File) *keys {
	k := &keys{from: int(from.Fd()), to: to, done: make(chan struct{})}
	var err error
	if k.woken, k.wake, err = os.Pipe(); err != nil {
		close(k.done)
		return k
	}
	go k.run()
	return k
}

// take says whether keys are ours.
func (k *keys) take(yes bool) {
	if k.taking.Swap(yes) != yes {
		k.stir()
	}
}

func (k *keys) stir() {
	if k.wake != nil {
		_, _ = k.wake.Write([]byte{0})
	}
}

// stop ends it.
func (k *keys) stop() {
	k.taking.Store(false)
	if k.stopped.Swap(true) {
		return
	}
	k.stir()
	// A program that ended may have left keys unread, and run waits for it to take them: closing its terminal ends that.
	go func() { <-k.done; _ = k.wake.Close(); _ = k.woken.Close() }()
}

func (k *keys) run() {
	defer close(k.done)
	buffer := make([]byte, 4096)
	for !k.stopped.Load() {
		fds := []unix.PollFd{{Fd: int32(k.woken.Fd()), Events: unix.POLLIN}}
		if k.taking.Load() {
			fds = append(fds, unix.PollFd{Fd: int32(k.from), Events: unix.POLLIN})
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[0].Revents != 0 {
			_, _ = k.woken.Read(buffer)
			continue
		}
		if len(fds) == 1 || fds[1].Revents == 0 || !k.taking.Load() {
			continue
		}
		n, err := unix.Read(k.from, buffer)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case err != nil || n == 0: // the terminal is gone
			k.taking.Store(false)
		default:
			if _, err := k.to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}
