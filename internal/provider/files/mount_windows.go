package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	nonblock  = 0
	foldsCase = true
)

// fits reports whether a name means a file of exactly this name: not a device such as CON, and with no dot at the end of a segment, which
// Windows drops.
func fits(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && !strings.HasSuffix(name, ".") && !strings.Contains(name, "./")
}

// Windows has no modes to speak of: who may read a file is inherited from its directory.

func mountedReadOnly(*os.File) bool { return false }

func tooWide(fs.FileMode) bool { return false }

func strangersUID(fs.FileInfo) (uint32, bool) { return 0, false }
