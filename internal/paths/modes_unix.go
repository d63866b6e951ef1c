//go:build unix

package paths

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"tacit/internal/fault"
)

// openFlags: a link is not followed, and a FIFO in the file's place does not hang us.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

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
