// Package memdir makes private directories whose files live in memory and never on a disk (I01).
//
// A file system counts only when the kernel says that it is tmpfs or ramfs; a path that merely has the usual name does not.
// Where there is none (macOS, Windows, a container without /dev/shm) there is no such directory and the caller refuses:
// plain text in an ordinary temporary directory stays on the disk long after it was deleted.
package memdir

import (
	"io/fs"
	"os"
	"path/filepath"

	"tacit/internal/fault"
)

// Dir is a private directory in memory. Remove must be called.
type Dir struct{ Path string }

// Make makes a directory of mode 0700 below $XDG_RUNTIME_DIR or /dev/shm, whichever is in memory and can be written.
func Make(getenv func(string) string) (*Dir, error) {
	for _, parent := range []string{getenv("XDG_RUNTIME_DIR"), "/dev/shm"} {
		if !filepath.IsAbs(parent) || !InMemory(parent) {
			continue
		}
		// MkdirTemp makes it 0700 and fails when the name is taken, by a symlink too.
		if path, err := os.MkdirTemp(parent, "tacit-"); err == nil {
			return &Dir{path}, nil
		}
	}
	return nil, fault.New(fault.Failed, "there is no directory in memory here: neither $XDG_RUNTIME_DIR nor /dev/shm is a tmpfs that can be written")
}

// Remove overwrites every file below the directory with zeros and removes it. It follows no symlink.
func (d *Dir) Remove() error {
	_ = filepath.WalkDir(d.Path, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			wipe(path)
		}
		return nil
	})
	if err := os.RemoveAll(d.Path); err != nil {
		return fault.Wrap(fault.Failed, err, "remove %s", d.Path).About(d.Path)
	}
	return nil
}

// wipe is best effort: what cannot be opened is unlinked all the same.
func wipe(path string) {
	f, err := openForWipe(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	zeros := make([]byte, 64<<10)
	for left := info.Size(); left > 0; left -= int64(len(zeros)) {
		if _, err := f.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
			return
		}
	}
}
