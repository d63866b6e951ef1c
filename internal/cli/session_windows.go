package cli

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// ownSession makes a child that neither the console's end nor its signals reach.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}
