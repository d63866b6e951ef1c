package bolt

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// noFollow: Windows needs a privilege to make symbolic links, and openFile refuses them before it opens.
const noFollow = 0

// noSpace are the errors of a full disk.
var noSpace = [...]syscall.Errno{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}

// readOnly reports whether err is that of a file system mounted read-only.
func readOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// Locks here are on ranges and keep others from reading them, so they lie behind everything that is in the file.
const (
	mainRange = 1 << 20
	turnRange = 2 << 20
)

func tryRange(f *os.File, at uint32, exclusive bool) (bool, error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: at})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("LockFileEx", err)
}

// tryLock takes the lock on f, or says that it is held.
func tryLock(f *os.File, exclusive bool) (bool, error) { return tryRange(f, mainRange, exclusive) }

// unlock does nothing: closing the handle unlocks, mapped or not.
func unlock(*os.File) {}

// openTurnstile opens the lock file once more; the turnstile is another range of it.
func openTurnstile(lockPath string) (*os.File, error) { return os.Open(lockPath) }

func tryTurnstile(f *os.File, exclusive bool) (bool, error) { return tryRange(f, turnRange, exclusive) }

func leaveTurnstile(f *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{Offset: turnRange})
}

// identity tells a file from others on its volume.
func identity(f *os.File) (uint64, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, os.NewSyscallError("GetFileInformationByHandle", err)
	}
	return uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}

// syncDir does nothing: NTFS keeps a journal of names, and directories cannot be flushed.
func syncDir(string) error { return nil }
