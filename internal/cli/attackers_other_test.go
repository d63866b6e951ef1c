//go:build !linux

package cli_test

// attackers are the programs of tests that attack, on Linux.
var attackers = map[string]func(){}
