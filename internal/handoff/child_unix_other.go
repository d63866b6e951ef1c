//go:build unix && !linux

package handoff

import "syscall"

// endsWithUs: only Linux tells a child that its parent is gone.
func endsWithUs() *syscall.SysProcAttr { return nil }
