package files

import (
	"os"

	"golang.org/x/sys/unix"
)

const foldsCase = false

// mountedReadOnly asks the mount (ST_RDONLY, statvfs(3)), not the file: root could write to any file otherwise.
func mountedReadOnly(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && st.Flags&unix.ST_RDONLY != 0
}
