//go:build unix

package envelope

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCores sets the core size limit to 0, hard and soft, for this process and its children: for the agent. The CLI does not
// call it on Linux, where [Undump] is enough and the programs that it starts keep the user's limit.
func NoCores() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switch core files off: %w", err)
	}
	return nil
}
