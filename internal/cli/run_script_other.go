//go:build !unix

package cli

import "net"

// listenScript opens the door of a script at a port of this machine, since programs have no sockets in the file system here; the token keeps
// others out.
func listenScript(string) (l net.Listener, addr string, err error) {
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, "", err
	}
	return l, "http://" + l.Addr().String(), nil
}
