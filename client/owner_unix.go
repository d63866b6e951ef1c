//go:build unix

package client

import (
	"os"
	"path/filepath"
	"syscall"
)

// ours reports whether nobody but our own user can listen at the socket: it is ours, and in a directory in which nobody can put another in
// its place. Of a socket that is not there nobody knows, since the next moment one may be: that is an error.
func (p place) ours() (bool, error) {
	socket, err := os.Lstat(p.socket)
	if err != nil {
		return false, err
	}
	dir, err := os.Stat(filepath.Dir(p.socket))
	if err != nil {
		return false, err
	}
	me := uint32(os.Getuid()) //nolint:gosec // a uid is one
	is, ok := socket.Sys().(*syscall.Stat_t)
	in, ok2 := dir.Sys().(*syscall.Stat_t)
	writable := dir.Mode().Perm()&0o022 != 0 && dir.Mode()&os.ModeSticky == 0
	return ok && ok2 && is.Uid == me && (in.Uid == me || in.Uid == 0) && !writable, nil
}
