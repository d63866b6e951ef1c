//go:build !linux

package agent

// children are run as another user by the tests of attacks, on Linux.
var children = map[string]func(args []string) error{}
