//go:build unix && !linux

package audit

import "testing"

func smallDisk(t *testing.T) string {
	t.Helper()
	t.Skip("no small disk on this system")
	return ""
}
