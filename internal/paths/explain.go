package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tacit/internal/fault"
)

// Explain gives an error of the operating system about path its class — fault.DiskFull, fault.Permissions, else fault.Failed —
// and, where there is one, its way out. The message says what was being done. The cause stays wrapped, so that
// errors.Is(err, fs.ErrNotExist) goes on working; an error that has a class keeps it.
func Explain(err error, path, doing string, args ...any) error {
	var classed *fault.Error
	if errors.As(err, &classed) {
		return err
	}
	cause := err
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		cause = pathError.Err // the message names the path already
	}
	e := fault.Wrap(fault.Failed, cause, doing, args...).About(path)
	switch {
	case isFull(err):
		e.Code = fault.DiskFull
		return e.WithFix("free some space on the disk of %s and try again; nothing was changed", path)
	case isReadOnly(err):
		e.Code = fault.Permissions
		return e.WithFix("the file system of %s is read-only: mount it writable, or set TACIT_DIR to another directory", path)
	case errors.Is(err, fs.ErrPermission):
		e.Code = fault.Permissions
		return e.WithFix("%s", remedy(path))
	}
	return e
}

// remedy is what gives back the access to path that was refused: a command for the file itself, or else for the nearest
// directory above it.
func remedy(path string) string {
	for p := path; ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		switch {
		case err == nil && checkOwner(p, info) != nil:
			return "set TACIT_DIR to a directory of yours"
		case err == nil && info.IsDir() && info.Mode().Perm()&DirMode != DirMode:
			return fmt.Sprintf("chmod %o %s", DirMode, Quote(p))
		case err == nil && !info.IsDir() && info.Mode().Perm()&FileMode != FileMode:
			return fmt.Sprintf("chmod %o %s", FileMode, Quote(p))
		case err == nil && info.IsDir() || p == filepath.Dir(p):
			return "ls -ld " + Quote(path) // neither owner nor mode explains it
		}
	}
}
