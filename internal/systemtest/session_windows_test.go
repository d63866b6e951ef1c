package systemtest

import "syscall"

func noTerminal() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
