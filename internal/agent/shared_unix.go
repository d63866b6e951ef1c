//go:build unix

package agent

import (
	"io/fs"
	"os"
	"syscall"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// ownDirectory refuses a directory in which others can replace files.
func ownDirectory(dir string, info fs.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(s.Uid) != os.Geteuid() {
		return fault.New(fault.Permissions, "the directory of the shared socket belongs to another user: %s", dir).About(dir)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fault.New(fault.Permissions, "others may write in the directory of the shared socket: %s", dir).About(dir).
			WithFix("chmod go-w %s", paths.Quote(dir))
	}
	return nil
}

// groupOf returns the group of a file.
func groupOf(info fs.FileInfo) (gid int, known bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Gid), true
}
