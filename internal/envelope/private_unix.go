//go:build unix

package envelope

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"tacit/internal/fault"
)

const noFollow = unix.O_NOFOLLOW

func tooWide(m fs.FileMode) bool { return m.Perm()&0o077 != 0 }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

// checkProgram returns an error of class fault.Permissions if someone else than the user and root could have written the
// program at path. The path comes from a slot, which is read before anything has proved who wrote it.
func checkProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return unreadable(path, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 || st.Uid != 0 && int(st.Uid) != os.Getuid() {
		return fault.New(fault.Permissions, "%s can be changed by others", path).About(path).WithFix("chmod go-w %s", shellQuote(path))
	}
	return nil
}
