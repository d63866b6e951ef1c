package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// What a connection is about, for Shutdown.
const (
	isIdle   = iota // waits for a request
	isActive        // has the beginning of one, or more
	isClosed        // by Shutdown, while it was idle
)

// A conn is a connection and the one request that is read or answered.
type conn struct {
	server *Server
	nc     net.Conn
	ctx    context.Context // of the connection; those of requests come from it
	remote string          // address of the peer
	state  atomic.Int32

	// What was read and not used yet is buf[r:w]. It belongs to whoever reads: this goroutine while there is no request, the body of one
	// until it ends, then the watch.
	buf    []byte
	r, w   int
	fields []field // of the head that is parsed, kept for the next one

	mu       sync.Mutex
	deadline time.Time // for what is read of a body
	applied  time.Time // what nc has as deadline for reading
	reading  bool      // a body is read from nc
	cut      bool      // nothing more is read of the body: the request is over
	watch    watch
	idle     sync.Cond // of mu: the watch is over
}

// bufferSize is how much is read ahead, in bytes; a larger head has a larger buffer.
const bufferSize = 4 << 10

// buffers are read buffers, of bufferSize, wiped.
var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// long is a deadline that is over.
var long = time.Unix(1, 0)

func (c *conn) serve() {
	hijacked := false
	defer func() {
		c.watch.end()
		if hijacked {
			return
		}
		_ = c.nc.Close()
		c.server.forget(c)
		c.server.tell(c.nc, http.StateClosed)
	}()
	buf := buffers.Get().(*[]byte) //nolint:errcheck // nothing else is in it
	c.buf = *buf
	defer func() { // after what was read of secrets is wiped
		clear(c.buf)
		clear(*buf)
		buffers.Put(buf)
	}()
	if a := c.nc.RemoteAddr(); a != nil {
		c.remote = a.String()
	}
	wait := c.server.RequestTimeout
	for c.await(wait) {
		m, err := c.head()
		if err != nil {
			c.refuse(err)
			return
		}
		var again bool
		if again, hijacked = c.answer(m); !again {
			return
		}
		c.wipe()
		wait = c.server.IdleTimeout
	}
}

// await waits for the first byte of a request. It is false when none comes.
func (c *conn) await(atMost time.Duration) bool {
	if c.r == c.w {
		c.state.Store(isIdle)
		if c.server.closing.Load() {
			return false
		}
		c.apply(after(time.Now(), atMost))
		if c.fill() != nil {
			return false
		}
		if !c.state.CompareAndSwap(isIdle, isActive) {
			return false
		}
	}
	c.deadline = after(time.Now(), c.server.RequestTimeout)
	return true
}

// after is a deadline; the zero time without a bound.
func after(now time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// closeIdle closes a connection that has no request.
func (c *conn) closeIdle() {
	if c.state.CompareAndSwap(isIdle, isClosed) {
		_ = c.nc.Close()
	}
}

// apply sets the deadline for reading, if it is another one.
func (c *conn) apply(t time.Time) {
	if !t.Equal(c.applied) {
		_ = c.nc.SetReadDeadline(t) // of a connection that is gone nothing can be read either
		c.applied = t
	}
}

// fill reads more into the buffer, which has room.
func (c *conn) fill() error {
	n, err := c.nc.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// wipe makes room for the next request, and leaves nothing of the last one.
func (c *conn) wipe() {
	n := copy(c.buf, c.buf[c.r:c.w])
	clear(c.buf[n:])
	c.r, c.w = 0, n
	if len(c.buf) > bufferSize && n <= bufferSize {
		small := make([]byte, bufferSize)
		copy(small, c.buf[:n])
		clear(c.buf)
		c.buf = small
	}
}

// answer has the handler answer a request. Then there may be another one, or the connection is not ours any more.
func (c *conn) answer(m *message) (again, hijacked bool) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	w := &response{conn: c, message: m, length: -1, header: http.Header{}, cancel: cancel}
	c.cut, c.watch.cancel = false, cancel
	r := m.request(c.remote)
	if m.length != 0 {
		w.body = &body{conn: c, response: w, remain: max(m.length, 0), chunked: m.length < 0, expect: m.expect}
		r.Body = w.body
	} else {
		c.whole()
	}
	w.out = outs.Get().(*out) //nolint:errcheck // nothing else is in it
	ended := c.call(w, r.WithContext(ctx))
	if w.hijacked {
		return false, true
	}
	whole := w.body.stop() // before the watch: a body's end begins it
	gone := c.unwatch()
	if ended {
		w.finish()
	}
	w.out.free()
	w.out = nil
	if !ended || w.err != nil || gone {
		return false, false
	}
	if w.closes || !whole && !c.drain(w.body) {
		if !whole || c.r < c.w {
			c.linger()
		}
		return false, false
	}
	c.server.tell(c.nc, http.StateIdle)
	return true, false
}

// call runs the handler. It is false when the answer shall not be ended as if it were whole.
func (c *conn) call(w *response, r *http.Request) (ended bool) {
	defer func() {
		v := recover()
		if v != nil && v != http.ErrAbortHandler { //nolint:errorlint // the value itself is the signal
			c.server.log().Error("panic in a handler", "method", r.Method, "stack", string(debug.Stack())) // what panicked may hold a secret
		}
		if w.hijacked && !ended {
			_ = c.nc.Close()
		}
	}()
	c.server.Handler.ServeHTTP(w, r)
	return true
}

// refuse answers what is no request, if somebody is there and said something.
func (c *conn) refuse(err error) {
	var why *refusal
	if !errors.As(err, &why) {
		return
	}
	_ = c.nc.SetWriteDeadline(after(time.Now(), c.server.WriteTimeout))
	if _, err := io.WriteString(c.nc, why.answer()); err == nil {
		c.linger()
	}
}

// How long, and for how much, a connection is kept that has its last answer while there is more to read: who closes it then takes the
// answer away with it (RFC 9112, section 9.6).
const (
	lingerTime = 500 * time.Millisecond
	lingerSize = 4 << 20
)

// linger says that nothing more comes, and reads what the peer still sends.
func (c *conn) linger() {
	c.server.tell(c.nc, http.StateIdle)
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.apply(time.Now().Add(lingerTime))
	for total := 0; total < lingerSize; {
		n, err := c.nc.Read(c.buf)
		if err != nil {
			return
		}
		total += n
	}
}
