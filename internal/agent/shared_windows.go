package agent

import (
	"io/fs"

	"tacit/internal/fault"
)

// ownDirectory refuses: modes say nothing about who may connect here.
func ownDirectory(dir string, _ fs.FileInfo) error {
	return fault.New(fault.Usage, "a shared socket needs the modes of a Unix file system").About(dir)
}

// groupOf is not known here.
func groupOf(fs.FileInfo) (gid int, known bool) { return 0, false }
