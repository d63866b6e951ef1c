//go:build unix && !linux

package paths

func undumpableWrite(path string) error { return WriteFile(path, []byte("secret")) }
