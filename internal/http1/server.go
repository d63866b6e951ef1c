// Package http1 serves HTTP/1.1 to an [http.Handler], strictly and with little around it: one goroutine a connection, in which the
// handler runs; one read and one write for an ordinary request; and a request that could be read in two ways is read in none (I25,
// RFC 9112). It has no TLS, no HTTP/2 and no upgrade but by Hijack.
//
// What a handler may do is what net/http lets it do, by [http.ResponseController] too, with these differences: no type is guessed for
// an answer, Transfer-Encoding and Connection are the server's (but Connection: close is heard), trailers of requests are dropped, those of
// answers must be declared in Trailer, and the context of a request knows neither server nor local address.
package http1

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Server answers the requests that come by its listeners. Its fields do not change once it serves.
type Server struct {
	Handler http.Handler

	// ConnContext makes the context that those of a connection's requests come from; nil: the one it is given.
	ConnContext func(context.Context, net.Conn) context.Context
	// ConnState is told that a connection is there (StateNew), that the server waits for it (StateIdle), each time, and that it is no
	// more (StateClosed) or no more the server's (StateHijacked). nil: nobody is.
	ConnState func(net.Conn, http.ConnState)

	RequestTimeout time.Duration // for a request to come, from its first byte, or from the connection's begin; a handler may give its body more
	WriteTimeout   time.Duration // for an answer to be taken, unless the handler says otherwise
	IdleTimeout    time.Duration // between two requests
	MaxHeaderBytes int           // of a request's line and header; 0: 8 KiB

	Log *slog.Logger // nil: none

	closing atomic.Bool
	date    date

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	quit      chan struct{} // closed: closing is true
	empty     chan struct{} // closed: closing is true and conns is empty
}

// defaultHeaderBytes bounds a header when nobody says how.
const defaultHeaderBytes = 8 << 10

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Serve answers those who connect to l, until Shutdown or Close: then it is [http.ErrServerClosed]. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.add(l) {
		return http.ErrServerClosed
	}
	defer s.drop(l)
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.welcome(nc)
			continue
		}
		if s.closing.Load() {
			return http.ErrServerClosed
		}
		var short interface{ Temporary() bool }
		if !errors.As(err, &short) || !short.Temporary() {
			return err
		}
		// No descriptors are left, or the peer is gone already.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log().Debug("accept", "error", err.Error())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.quit:
		}
		timer.Stop()
	}
}

// add notes a listener. It is false once the server is closing.
func (s *Server) add(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init()
	if s.closing.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

// init makes what is not there in a Server as it is written down. s.mu is held.
func (s *Server) init() {
	if s.conns == nil {
		s.listeners, s.conns = map[net.Listener]struct{}{}, map[*conn]struct{}{}
		s.quit, s.empty = make(chan struct{}), make(chan struct{})
	}
}

func (s *Server) drop(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// welcome serves a connection in a goroutine of its own.
func (s *Server) welcome(nc net.Conn) {
	c := &conn{server: s, nc: nc, ctx: context.Background()}
	c.idle.L = &c.mu
	if s.ConnContext != nil {
		c.ctx = s.ConnContext(c.ctx, nc)
	}
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	s.tell(nc, http.StateNew)
	go c.serve()
}

// forget takes a connection out of those that Shutdown waits for.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[c]; !ok {
		return
	}
	delete(s.conns, c)
	if s.closing.Load() && len(s.conns) == 0 {
		close(s.empty)
	}
}

func (s *Server) tell(nc net.Conn, state http.ConnState) {
	if s.ConnState != nil {
		s.ConnState(nc, state)
	}
}

// close ends the listeners and has connections end after their requests.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init()
	if s.closing.Swap(true) {
		return
	}
	close(s.quit)
	if len(s.conns) == 0 {
		close(s.empty)
	}
	for l := range s.listeners {
		_ = l.Close()
	}
}

// each calls do for every connection.
func (s *Server) each(do func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		do(c)
	}
}

// Shutdown lets nobody in any more, closes connections that wait for a request, and returns when those that are under way have their
// answers, or with ctx's error. Hijacked connections are not its business.
func (s *Server) Shutdown(ctx context.Context) error {
	s.close()
	s.each((*conn).closeIdle)
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close lets nobody in any more and closes every connection. It does not wait for handlers.
func (s *Server) Close() error {
	s.close()
	s.each(func(c *conn) { _ = c.nc.Close() })
	return nil
}
