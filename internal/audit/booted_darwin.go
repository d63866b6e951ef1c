package audit

import (
	"time"

	"golang.org/x/sys/unix"
)

// systemBooted returns when the machine started; if it cannot be known, now.
func systemBooted() time.Time {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return time.Now()
	}
	return time.Unix(t.Unix())
}
