//go:build unix

package files

import (
	"io/fs"
	"os"
	"syscall"
)

const nonblock = syscall.O_NONBLOCK

// fits reports whether a name means a file of exactly this name.
func fits(string) bool { return true }

// tooWide reports whether others can read or change a file of this mode.
func tooWide(perm fs.FileMode) bool { return perm&0o077 != 0 }

// strangersUID returns the owner of a file if it is neither we nor root.
func strangersUID(info fs.FileInfo) (uid uint32, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 || int(st.Uid) == os.Geteuid() {
		return 0, false
	}
	return st.Uid, true
}
