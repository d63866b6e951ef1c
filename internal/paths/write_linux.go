package paths

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openUnnamed opens a file in dir that has no name (open(2), O_TMPFILE): it is gone when we are.
func openUnnamed(dir string) (*os.File, error) {
	return os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, FileMode)
}

// nameIt gives an unnamed file a name in dir and returns it. linkat(2) cannot replace a file, so it is not the final one.
func nameIt(f *os.File, dir string) (string, error) {
	name := filepath.Join(dir, ".tacit-"+rand.Text())
	err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return "", &os.LinkError{Op: "link", Old: f.Name(), New: name, Err: err}
	}
	return name, nil
}
