package server

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// Limit returns a listener with at most n connections at once. When there is one more, the one that has kept the server waiting
// for the longest time is closed: for a first request, the rest of one, or another. So whoever opens thousands of connections
// and is slow only crowds out itself, and a caller that sends its request and waits for the answer is served. Only when all
// n are at work, a new connection is closed instead.
//
// It needs a server that went through [Configure]. The connections are wrapped; NetConn returns what is inside.
func Limit(l net.Listener, n int) net.Listener { return &limit{Listener: l, max: n} }

type limit struct {
	net.Listener
	max int

	mu      sync.Mutex
	open    int
	waiting list.List // of *limited, the longest wait first
}

// Accept waits for a connection that there is room for.
func (l *limit) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if in := l.admit(c); in != nil {
			return in, nil
		}
		_ = c.Close()
	}
}

// admit makes room for c, or returns nil.
func (l *limit) admit(c net.Conn) *limited {
	l.mu.Lock()
	var out *limited
	if l.open >= l.max {
		first := l.waiting.Front()
		if first == nil {
			l.mu.Unlock()
			return nil
		}
		out = first.Value.(*limited)
		l.leave(out)
	}
	l.open++
	in := &limited{Conn: c, of: l}
	in.place = l.waiting.PushBack(in)
	l.mu.Unlock()
	if out != nil {
		_ = out.Conn.Close()
	}
	return in
}

// leave takes c out of the count, once. l.mu is held.
func (l *limit) leave(c *limited) {
	if c.left {
		return
	}
	c.left = true
	l.open--
	if c.place != nil {
		l.waiting.Remove(c.place)
		c.place = nil
	}
}

// limited is a connection of a limit.
type limited struct {
	net.Conn
	of    *limit
	place *list.Element // in of.waiting; nil while at work
	left  bool
}

// NetConn returns the connection that c wraps.
func (c *limited) NetConn() net.Conn { return c.Conn }

// Close closes the connection and makes room for another.
func (c *limited) Close() error {
	c.of.mu.Lock()
	c.of.leave(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets a server end an answer before a request was read to its end, where the connection can.
func (c *limited) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// wait notes that the server waits for the peer from now.
func (c *limited) wait() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if !c.left && c.place == nil {
		c.place = c.of.waiting.PushBack(c)
	}
}

// work notes that the peer waits for the server from now.
func (c *limited) work() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.place != nil {
		c.of.waiting.Remove(c.place)
		c.place = nil
	}
}

// limitedOf finds the limited connection that c is or wraps; nil if there is none.
func limitedOf(c net.Conn) *limited {
	for c != nil {
		if l, ok := c.(*limited); ok {
			return l
		}
		wrapper, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = wrapper.NetConn()
	}
	return nil
}

// connKey is the key of a request's connection in its context: the only way from one to the other.
type connKey struct{}

func contextWithConn(also func(context.Context, net.Conn) context.Context) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, c net.Conn) context.Context {
		if l := limitedOf(c); l != nil {
			ctx = context.WithValue(ctx, connKey{}, l)
		}
		if also != nil {
			ctx = also(ctx, c)
		}
		return ctx
	}
}

// working notes that a request is complete: from now on its connection waits for us.
func working(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*limited); ok {
		c.work()
	}
}

// waiting notes that the server waits for more of a request from now.
func waiting(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*limited); ok {
		c.work()
		c.wait()
	}
}
