package audit

import (
	"time"

	"golang.org/x/sys/windows"
)

// systemBooted returns when the machine started.
func systemBooted() time.Time { return time.Now().Add(-windows.DurationSinceBoot()) }
