package agent

import (
	"time"

	"golang.org/x/sys/windows"
)

// sinceBoot goes on while the machine sleeps.
func sinceBoot() time.Duration { return windows.DurationSinceBoot() }
