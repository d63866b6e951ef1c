//go:build unix

package paths

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes a flock(2), which belongs to the open file and so also excludes others in this process; closing gives it back.
func tryLock(f *os.File, shared bool) (bool, error) {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

// unlockOpen gives back what tryLock took, and leaves the file open.
func unlockOpen(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
