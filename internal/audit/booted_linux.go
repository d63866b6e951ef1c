package audit

import (
	"time"

	"golang.org/x/sys/unix"
)

// systemBooted returns when the machine started; if it cannot be known, now.
func systemBooted() time.Time {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return time.Now()
	}
	return time.Now().Add(-time.Duration(info.Uptime) * time.Second) //nolint:unconvert // 32 bits on some machines
}
