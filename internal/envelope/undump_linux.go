package envelope

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Undump makes this process undumpable (I09): no core file, and no other process of the same user may attach to it or read its
// memory. Every process that opens a slot calls it before it reads a passphrase. Children that it starts are not affected.
func Undump() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process undumpable: %w", err)
	}
	return nil
}
