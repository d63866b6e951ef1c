//go:build !unix && !windows

package program

import "os/exec"

func alone(*exec.Cmd) {}

func isBrokenPipe(error) bool { return false }
