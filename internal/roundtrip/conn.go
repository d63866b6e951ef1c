package roundtrip

import (
	"bufio"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// A conn is a connection to a server, for one request at a time.
type conn struct {
	to    server
	link  *link
	rw    net.Conn      // the link, or TLS over it
	br    *bufio.Reader // of rw; nil at rest
	used  bool          // it has carried an answer
	since time.Time     // it rests
	cut   func()        // interrupt: made once
	one   [1]byte
}

func newConn(to server, l *link, rw net.Conn) *conn {
	c := &conn{to: to, link: l, rw: rw}
	c.cut = c.interrupt
	return c
}

// interrupt makes every Read and Write of c fail, now and from now on.
func (c *conn) interrupt() { _ = c.link.SetDeadline(time.Unix(1, 0)) }

// abort closes c without a word: what was under way broke off.
func (c *conn) abort() { _ = c.link.Close() }

// goodbye closes c, which is at rest. In TLS that is a message, which the server may wait for.
func (c *conn) goodbye() { _ = c.rw.Close() }

// quiet reports whether c, which is at rest, is open and nothing has come from the server: neither its end nor bytes that would pass
// for the answer of the next request. It does not wait. TLS reads what is about itself meanwhile.
func (c *conn) quiet() bool {
	c.link.peeking = true
	n, err := c.rw.Read(c.one[:])
	c.link.peeking = false
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// A link is a connection below TLS, which can be read without waiting.
type link struct {
	net.Conn
	raw     syscall.RawConn // nil where the platform cannot
	peeking bool            // a Read does not wait; of whoever holds the connection

	attempt func(fd uintptr) bool // made once; its arguments and results:
	p       []byte
	n       int
	err     error
}

func newLink(c net.Conn) *link {
	l := &link{Conn: c}
	if s, ok := c.(syscall.Conn); ok && canReadNow {
		if raw, err := s.SyscallConn(); err == nil {
			l.raw = raw
		}
	}
	l.attempt = func(fd uintptr) bool {
		l.n, l.err = readNow(fd, l.p)
		return true
	}
	return l
}

// Read reads, while peeking only what is there already: it fails with [os.ErrDeadlineExceeded] when that is nothing, which is also
// what TLS goes on after.
func (l *link) Read(p []byte) (int, error) {
	switch {
	case !l.peeking:
		return l.Conn.Read(p)
	case l.raw == nil:
		return 0, os.ErrDeadlineExceeded
	}
	l.p = p
	err := l.raw.Read(l.attempt)
	l.p = nil
	if err != nil {
		return 0, err
	}
	return l.n, l.err
}
