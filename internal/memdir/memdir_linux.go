package memdir

import (
	"os"

	"golang.org/x/sys/unix"
)

// InMemory reports whether path exists on a file system that keeps its files in memory.
func InMemory(path string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return false
	}
	return int64(s.Type) == unix.TMPFS_MAGIC || int64(s.Type) == unix.RAMFS_MAGIC
}

func openForWipe(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}
