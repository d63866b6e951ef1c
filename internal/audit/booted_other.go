//go:build !linux && !darwin && !windows

package audit

import "time"

// systemBooted cannot know, so it says now: then every segment is looked at as a whole.
func systemBooted() time.Time { return time.Now() }
