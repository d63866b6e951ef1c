//go:build unix && !linux && !darwin

package files

import "os"

const foldsCase = false

// mountedReadOnly: nobody has asked yet on this system, so modes count.
func mountedReadOnly(*os.File) bool { return false }
