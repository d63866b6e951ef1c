//go:build unix

package cli

import (
	"net"
	"os"
	"path/filepath"

	"tacit/internal/paths"
)

// listenScript opens the door of a script in a directory that only we can enter, and returns its address in the form of TACIT_ADDR.
func listenScript(dir string) (l net.Listener, addr string, err error) {
	socket := filepath.Join(dir, "tacit.sock")
	if l, err = net.Listen("unix", socket); err != nil {
		return nil, "", err
	}
	if err := os.Chmod(socket, paths.FileMode); err != nil {
		_ = l.Close()
		return nil, "", err
	}
	return l, "unix:" + socket, nil
}
