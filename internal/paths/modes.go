package paths

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tacit/internal/fault"
)

// The modes of everything tacit keeps. Narrower ones are fine; wider ones are refused, never silently narrowed: whoever could
// read the file until now may have done so, and the user should know.
const (
	FileMode fs.FileMode = 0o600
	DirMode  fs.FileMode = 0o700
)

// EnsureDir makes the directory and its missing parents, each 0700. One that exists must be a directory of ours that nobody
// else can enter, else the error has class fault.Permissions and names the command that mends it. The directory itself may
// be reached through a symbolic link: people keep state on another disk.
func EnsureDir(path string) error {
	err := CheckDir(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(path, DirMode); err != nil {
		return Explain(err, path, "make directory %s", path)
	}
	return CheckDir(path)
}

// CheckDir checks a directory as [EnsureDir] does, and makes nothing. A missing one is an error that wraps fs.ErrNotExist.
func CheckDir(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return Explain(err, path, "look at directory %s", path)
	}
	if !info.IsDir() {
		return fault.New(fault.Invalid, "%s is not a directory", path).About(path)
	}
	return checkMode(path, info)
}

// CheckFile checks that a file of tacit's own is a regular file, not a symbolic link, is ours, and can be read or written by
// nobody else; else the error has class fault.Permissions and names the command that mends it. A missing file is an error that
// wraps fs.ErrNotExist.
func CheckFile(path string) error {
	_, err := Look(path)
	return err
}

// Look is [CheckFile], and returns what it saw.
func Look(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, Explain(err, path, "look at %s", path)
	}
	return info, checkFile(path, info)
}

// Open opens a file of tacit's own with os.OpenFile's flags, never through a symbolic link, and checks what was opened as
// [CheckFile] does. With os.O_CREATE a missing file is made 0600.
func Open(path string, flag int) (*os.File, error) {
	f, err := openFile(path, flag)
	if err != nil {
		if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
			return nil, checkFile(path, info)
		}
		return nil, Explain(err, path, "open %s", path)
	}
	info, err := f.Stat()
	if err == nil {
		err = checkFile(path, info)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Fix gives a file or directory of ours the mode it must have. What it cannot mend — a symbolic link, another owner — is an
// error of class fault.Permissions that says what would.
func Fix(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return Explain(err, path, "look at %s", path)
	}
	mode := FileMode
	switch {
	case info.IsDir():
		mode = DirMode
	case !info.Mode().IsRegular():
		return checkFile(path, info)
	}
	if err := checkOwner(path, info); err != nil {
		return err
	}
	if info.Mode().Perm() == mode {
		return nil
	}
	if err := os.Chmod(path, mode); err != nil {
		return Explain(err, path, "chmod %s", path)
	}
	return nil
}

func checkFile(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return fault.New(fault.Permissions, "%s is a symbolic link", path).About(path).
			WithFix("put the file itself there, or set TACIT_DIR to the directory that holds it")
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.Permissions, "%s is not a regular file", path).About(path).WithFix("rm %s", Quote(path))
	}
	return checkMode(path, info)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return ignoreUnsupportedSync(d.Sync())
}

// SyncDir makes creations, renames and removals in a directory durable.
func SyncDir(dir string) error {
	if err := syncDir(dir); err != nil {
		return Explain(err, dir, "sync directory %s", dir)
	}
	return nil
}

// Quote writes a path so that it can be pasted into a shell.
func Quote(path string) string {
	for _, c := range path {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '.', c == '-', c == '_', c == filepath.Separator, c == ':':
		default:
			return quote(path)
		}
	}
	return path
}
