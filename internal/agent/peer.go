package agent

import (
	"context"
	"net"
	"os"

	"tacit/internal/fault"
)

// Peer is the process at the other end of a connection, as the kernel tells it.
type Peer struct {
	UID        int
	PID        int    // 0: it is in a pid namespace of its own
	Executable string // path of its program; empty where the system does not tell
}

// ours refuses every uid but our own. Root is another user too (I10).
func (p Peer) ours() error {
	if p.UID != os.Geteuid() {
		return fault.New(fault.Denied, "the process at the other end of the socket belongs to uid %d", p.UID)
	}
	return nil
}

// peerConn is a connection whose peer is known, and ours unless it came by the shared socket.
type peerConn struct {
	*net.UnixConn
	peer   Peer
	shared bool
}

// peerListener accepts connections of our own user only, or, at the shared socket, of anybody whom the modes let through.
type peerListener struct {
	*net.UnixListener
	shared bool
}

// Accept closes what comes from somebody else, and waits for the next. The program of the peer is looked up now, since a process
// that is about to be given secrets makes itself unreadable.
func (l peerListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err == nil && !l.shared {
			err = p.ours()
		}
		if err == nil {
			return &peerConn{UnixConn: c, peer: p, shared: l.shared}, nil
		}
		_ = c.Close() // refused; there is nobody to tell
	}
}

// connKey is where the connection of a request is found in its context.
type connKey struct{}

// withConn is for http1.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection that a request came by.
func connOf(ctx context.Context) (*peerConn, bool) {
	c, _ := ctx.Value(connKey{}).(net.Conn)
	for {
		switch outer := c.(type) {
		case *peerConn:
			return outer, true
		case interface{ NetConn() net.Conn }:
			c = outer.NetConn()
		default:
			return nil, false
		}
	}
}
