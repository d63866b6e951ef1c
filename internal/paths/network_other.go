//go:build !linux && !darwin && !windows

package paths

// fileSystem: not known on this system.
func fileSystem(string) (string, bool, error) { return "", false, nil }
