package paths

import (
	"io/fs"
	"os"
)

// Windows has access-control lists instead of modes. The profile directories that tacit lives in are closed to other users by
// the system; their lists are not read, so a directory that was opened to others by hand is not noticed here.

func openFile(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, FileMode) }

func checkMode(string, fs.FileInfo) error { return nil }

func checkOwner(string, fs.FileInfo) error { return nil }

// ignoreUnsupportedSync: directories cannot be flushed; NTFS journals renames.
func ignoreUnsupportedSync(error) error { return nil }

func quote(path string) string { return `"` + path + `"` }
