package remote

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// A transport sends a request and returns the answer to it. Whoever gets the answer closes its body.
type transport interface {
	do(r *http.Request, what call) (*http.Response, error)
	close()
}

// web sends requests to a server.
type web struct{ client *http.Client }

func (w *web) do(r *http.Request, _ call) (*http.Response, error) {
	resp, err := w.client.Do(r)
	return resp, err
}

func (w *web) close() { w.client.CloseIdleConnections() }

// socket sends requests to an agent. It is no http.Transport, because a command that lives for milliseconds has no use for the
// goroutines of one: a call writes its request, and reads the answer, where it is made.
type socket struct {
	dial func(ctx context.Context) (net.Conn, error)

	mu   sync.Mutex
	idle []*conn
}

// maxIdle is how many connections are kept for the next call.
const maxIdle = 16

// conn is a connection and what was read of it ahead.
type conn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

// errNoAnswer is a connection that ended before the first byte of an answer.
var errNoAnswer = errors.New("the connection was closed before the answer")

// do sends r on a connection that was used before, if there is one. When the other side had closed that meanwhile, a request that
// changes nothing is sent once more on a new one; of a change nobody knows whether it was made.
func (s *socket) do(r *http.Request, what call) (*http.Response, error) {
	if c := s.take(); c != nil {
		resp, err := s.on(c, r, what)
		if !errors.Is(err, errNoAnswer) || what.change || what.lines != nil {
			return resp, err
		}
		if r.GetBody != nil {
			r.Body, _ = r.GetBody()
		}
	}
	raw, err := s.dial(r.Context())
	if err != nil {
		return nil, err
	}
	return s.on(&conn{Conn: raw, r: bufio.NewReader(raw), w: bufio.NewWriter(raw)}, r, what)
}

// on sends r on c. The connection is used again after the answer was read to its end, and closed when ctx ends.
func (s *socket) on(c *conn, r *http.Request, what call) (*http.Response, error) {
	stop := context.AfterFunc(r.Context(), func() { _ = c.Conn.Close() })
	fail := func(err error) (*http.Response, error) {
		stop()
		_ = c.Conn.Close()
		return nil, err
	}
	written := make(chan error, 1)
	write := func() {
		werr := r.Write(c.w)
		if werr == nil {
			werr = c.w.Flush()
		}
		written <- werr
	}
	if what.stream != nil {
		go write() // it ends with the connection at the latest, or when its source does
	} else {
		write()
	}
	// Also when writing failed: the answer may have come before the request was read to its end.
	if _, err := c.r.Peek(1); err != nil {
		return fail(errNoAnswer)
	}
	resp, err := http.ReadResponse(c.r, r)
	if err != nil {
		return fail(err)
	}
	again := !resp.Close && !r.Close
	resp.Body = &body{ReadCloser: resp.Body, done: func(all bool) {
		if stop() && all && again && sent(written) {
			s.keep(c)
			return
		}
		_ = c.Conn.Close()
	}}
	return resp, nil
}

// sent reports whether the whole request was written by now.
func sent(written <-chan error) bool {
	select {
	case err := <-written:
		return err == nil
	default:
		return false
	}
}

func (s *socket) take() *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return nil
	}
	c := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return c
}

func (s *socket) keep(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < maxIdle {
		s.idle = append(s.idle, c)
		return
	}
	_ = c.Conn.Close()
}

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		_ = c.Conn.Close()
	}
	s.idle = nil
}

// body is the body of an answer, which gives its connection back.
type body struct {
	io.ReadCloser
	done func(all bool)
	end  bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.end = b.end || errors.Is(err, io.EOF)
	return n, err
}

// Close gives the connection back when all was read. It does not close the body itself: that would read what is left of it.
func (b *body) Close() error {
	if done := b.done; done != nil {
		if b.done = nil; !b.end {
			n, err := b.ReadCloser.Read(make([]byte, 1))
			b.end = n == 0 && errors.Is(err, io.EOF)
		}
		done(b.end)
	}
	return nil
}
