//go:build unix

package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow is added to the flags of every open: a symbolic link in place of the last element is an error.
const noFollow = unix.O_NOFOLLOW

// noSpace are the errors of a full disk.
var noSpace = [...]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT}

// readOnly reports whether err is that of a file system mounted read-only.
func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// tryLock takes the lock on f, or says that it is held. A lock belongs to the open file, so goroutines that open the file each
// exclude each other too.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	for {
		switch err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case errors.Is(err, unix.EINTR):
		default:
			return false, os.NewSyscallError("flock", err)
		}
	}
}

// unlock gives back a lock that is still held when a mapping keeps the file open.
func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// openTurnstile opens the directory of the lock file, which is the turnstile: a lock that needs no file of its own.
func openTurnstile(lockPath string) (*os.File, error) { return os.Open(filepath.Dir(lockPath)) }

// tryTurnstile enters the turnstile. Where a directory cannot be locked everybody passes: fairness is lost, nothing else.
func tryTurnstile(f *os.File, exclusive bool) (bool, error) {
	ok, err := tryLock(f, exclusive)
	return ok || err != nil, nil
}

func leaveTurnstile(f *os.File) { unlock(f) }

// identity tells a file from others on the machine. An inode number is used again after its file is gone.
func identity(f *os.File) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return uint64(st.Ino) ^ uint64(st.Dev)<<40, nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
