package files

import (
	"io/fs"
	"os"
)

const (
	nonblock  = 0
	foldsCase = true
)

// Windows has no modes to speak of: who may read a file is inherited from its directory.

func mountedReadOnly(*os.File) bool { return false }

func tooWide(fs.FileMode) bool { return false }

func strangersUID(fs.FileInfo) (uint32, bool) { return 0, false }
