package http1

import (
	"context"
	"errors"
	"os"
	"time"
)

// patience is how long a handler works before somebody looks whether the peer is still there. Most are done before.
const patience = 100 * time.Millisecond

// A watch tells a handler that its peer has gone: it reads, when nothing is to be read, until something comes. What comes is of the next
// request and stays in the buffer; when that is full, nothing can be told any more.
//
// It runs in the goroutine of a timer that each request sets anew, so a request that is answered soon has none of its own.
type watch struct {
	timer   *time.Timer
	cancel  context.CancelFunc // of the request
	allowed bool               // the request is here as a whole, and its handler works
	at      bool               // work
	ending  bool               // somebody waits for its end
	gone    bool               // the peer
}

// whole notes that nothing more is to be read of the request.
func (c *conn) whole() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch.allowed = !c.cut
	if c.watch.timer == nil {
		c.watch.timer = time.AfterFunc(patience, c.look)
	} else {
		c.watch.timer.Reset(patience)
	}
}

// look watches, if there is still something to watch.
func (c *conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.watch.allowed || c.watch.at {
		return
	}
	c.watch.at = true
	defer func() {
		c.watch.at = false
		c.idle.Broadcast()
	}()
	n := copy(c.buf, c.buf[c.r:c.w])
	clear(c.buf[n:])
	c.r, c.w = 0, n
	c.apply(time.Time{})
	for !c.watch.ending && c.w < len(c.buf) {
		c.mu.Unlock()
		err := c.fill()
		c.mu.Lock()
		if err == nil || c.watch.ending && errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		c.watch.gone = true
		c.watch.cancel()
		return
	}
}

// unwatch ends the watch of a request, and reports whether the peer has gone.
func (c *conn) unwatch() (gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch.allowed = false
	if c.watch.at {
		c.watch.ending = true
		c.apply(long)
		for c.watch.at {
			c.idle.Wait()
		}
		c.watch.ending = false
	}
	return c.watch.gone
}

// end stops the timer of a connection that is closed.
func (w *watch) end() {
	if w.timer != nil {
		w.timer.Stop()
	}
}
