//go:build unix

package paths

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"tacit/internal/fault"
)

// openFile opens a file that is not followed through a link; a FIFO in its place does not hang us. It does without os.OpenFile,
// which would begin by setting up the runtime's poller: six system calls for files that cannot be polled.
func openFile(path string, flag int) (*os.File, error) {
	flag |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if flag&(os.O_RDWR|os.O_WRONLY) != os.O_RDWR {
		flag |= unix.O_NONBLOCK // opening a FIFO for both ends never waits
	}
	for {
		fd, err := unix.Open(path, flag, uint32(FileMode))
		if err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

func checkMode(path string, info fs.FileInfo) error {
	if err := checkOwner(path, info); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		mode, what := FileMode, "files"
		if info.IsDir() {
			mode, what = DirMode, "directories"
		}
		return fault.New(fault.Permissions, "%s has mode %04o: others can reach it; %s of tacit are %04o", path, perm, what, mode).
			About(path).WithFix("chmod %o %s", mode, Quote(path))
	}
	return nil
}

// checkOwner: root counts as any other uid (I10): a vault that root may use is a vault that root made.
func checkOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	return fault.New(fault.Permissions, "%s belongs to uid %d, not to you (uid %d)", path, st.Uid, os.Geteuid()).
		About(path).WithFix("chown %d %s", os.Geteuid(), Quote(path))
}

// ignoreUnsupportedSync: some file systems have no fsync of directories and make renames durable by themselves.
func ignoreUnsupportedSync(err error) error {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

func quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }
