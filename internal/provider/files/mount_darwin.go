package files

import (
	"os"

	"golang.org/x/sys/unix"
)

const foldsCase = true

// mountedReadOnly asks the mount (MNT_RDONLY, statfs(2)).
func mountedReadOnly(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && st.Flags&unix.MNT_RDONLY != 0
}
