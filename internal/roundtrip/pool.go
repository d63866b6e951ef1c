package roundtrip

import (
	"bufio"
	"slices"
	"time"
)

// take returns the connection that rested last, as long as it is good; nil when there is none.
func (t *Transport) take(to server) *conn {
	for {
		c := t.pop(to)
		switch {
		case c == nil:
			return nil
		case !t.tired(c, time.Now()) && c.quiet():
			t.lend(c)
			return c
		}
		c.abort()
	}
}

func (t *Transport) pop(to server) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = false
	some := t.rest[to]
	if len(some) == 0 {
		return nil
	}
	c := some[len(some)-1]
	some[len(some)-1] = nil
	t.rest[to] = some[:len(some)-1]
	return c
}

// lend gives c a buffer.
func (t *Transport) lend(c *conn) {
	c.br = t.readers.Get().(*bufio.Reader) //nolint:forcetypeassert // it holds nothing else
	c.br.Reset(c.rw)
}

// giveBack takes the buffer of c, which nobody reads from any more.
func (t *Transport) giveBack(c *conn) {
	if c.br != nil {
		c.br.Reset(nil)
		t.readers.Put(c.br)
		c.br = nil
	}
}

// put lays c to rest. Bytes that nobody asked for are its end.
func (t *Transport) put(c *conn) {
	surplus := c.br.Buffered() > 0
	t.giveBack(c)
	if surplus {
		c.abort()
		return
	}
	c.since = time.Now()
	t.mu.Lock()
	kept := !t.closing && len(t.rest[c.to]) < t.o.IdlePerHost
	if kept {
		t.rest[c.to] = append(t.rest[c.to], c)
		if t.sweeper == nil {
			t.sweeper = time.AfterFunc(t.o.IdleTimeout, t.sweep)
		}
	}
	t.mu.Unlock()
	if !kept {
		c.goodbye()
	}
}

// sweep closes what has rested for too long, and comes again while anything rests.
func (t *Transport) sweep() {
	var old []*conn
	now := time.Now()
	next := time.Duration(-1)
	t.mu.Lock()
	for to, some := range t.rest {
		n := 0
		for n < len(some) && t.tired(some[n], now) {
			n++
		}
		old = append(old, some[:n]...)
		if n == len(some) {
			delete(t.rest, to)
			continue
		}
		t.rest[to] = slices.Delete(some, 0, n)
		if left := t.o.IdleTimeout - now.Sub(some[n].since); next < 0 || left < next {
			next = left
		}
	}
	if next < 0 {
		t.sweeper = nil
	} else {
		t.sweeper.Reset(max(next, time.Millisecond))
	}
	t.mu.Unlock()
	for _, c := range old {
		c.goodbye()
	}
}

// tired reports whether c has rested for too long, by the clock on the wall: the other one stands still while a machine sleeps.
func (t *Transport) tired(c *conn, now time.Time) bool {
	return now.Round(0).Sub(c.since.Round(0)) >= t.o.IdleTimeout
}
