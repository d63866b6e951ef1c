package http1

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A response is the answer to one request, and what [http.ResponseController] finds.
//
// A body that is written in pieces waits until it has pieceSize bytes, is flushed, or the handler returns: then its length is known, and
// head and body are one write.
type response struct {
	conn    *conn
	message *message
	body    *body // of the request; nil: it has none
	cancel  context.CancelFunc
	header  http.Header
	out     *out

	status   int   // 0: nothing was said yet
	length   int64 // that the handler announced; -1: none
	written  int64 // bytes of the body
	trailers []string
	sent     bool // the head
	chunked  bool
	closes   bool // no request shall follow
	hijacked bool
	err      error // of writing: nothing more can be said

	mu    sync.Mutex  // held while something is written: who reads the body may ask for it meanwhile
	timed atomic.Bool // there is a deadline for writing
	over  bool        // of conn.mu: the handler has returned
}

const (
	pieceSize = 4 << 10  // of a body, before it is sent by itself
	copySize  = 32 << 10 // what is written at once and is not longer goes into one write with what stands before it
)

// An out is what is about to be written. It is wiped before another answer gets it: there may be secrets in it.
type out struct {
	head []byte // the head, as long as it was not sent; then what is written
	body []byte
	most int // bytes that head had
}

var outs = sync.Pool{New: func() any { return &out{head: make([]byte, 0, 1<<10), body: make([]byte, 0, pieceSize)} }}

func (o *out) free() {
	clear(o.head[:max(o.most, len(o.head))])
	clear(o.body[:cap(o.body)])
	o.head, o.body, o.most = o.head[:0], o.body[:0], 0
	if cap(o.head) <= 2*copySize && cap(o.body) <= copySize {
		outs.Put(o)
	}
}

func (w *response) Header() http.Header { return w.header }

// WriteHeader begins the answer: what the handler sets in the header later does not count, except trailers.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("http1: no status has that number")
	}
	if w.hijacked || w.status != 0 {
		return
	}
	w.out.head = appendStatus(w.out.head[:0], w.message.old, status)
	if status < 200 && status != http.StatusSwitchingProtocols { // and the answer follows
		w.out.head = append(w.appendFields(w.out.head), "\r\n"...)
		if !w.message.old {
			w.send(w.out.head)
		}
		w.out.most = max(w.out.most, len(w.out.head))
		w.length, w.trailers, w.out.head = -1, nil, w.out.head[:0]
		return
	}
	w.status = status
	w.out.head = w.appendFields(w.out.head)
}

// bodyless reports whether the answer has no body whatever is written.
func (w *response) bodyless() bool {
	return w.status < 200 || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

func (w *response) isHead() bool { return w.message.method == http.MethodHead }

// Write adds to the body.
func (w *response) Write(p []byte) (int, error) {
	switch {
	case w.hijacked:
		return 0, http.ErrHijacked
	case w.status == 0:
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0 || w.err != nil:
		return 0, w.err
	case w.bodyless():
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && int64(len(p)) > w.length-w.written:
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	switch {
	case w.isHead():
	case len(w.out.body)+len(p) <= pieceSize:
		w.out.body = append(w.out.body, p...)
	default:
		w.emit(p, false)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// WriteString is Write for a string that is short.
func (w *response) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// FlushError sends what there is.
func (w *response) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.sent || len(w.out.body) > 0 {
		w.emit(nil, false)
	}
	return w.err
}

func (w *response) Flush() { _ = w.FlushError() }

// finish sends what is missing of the answer, once the handler has returned.
func (w *response) finish() {
	c := w.conn
	c.mu.Lock()
	w.over = true
	c.mu.Unlock()
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.sent || w.chunked || len(w.out.body) > 0 {
		w.emit(nil, true)
	}
	if w.length >= 0 && w.written != w.length && !w.isHead() && !w.bodyless() {
		w.closes = true // it was announced to be longer
	}
}

// emit writes what waits, p after it, and the end of the body if this is the last.
func (w *response) emit(p []byte, last bool) {
	if w.err != nil {
		return
	}
	b := w.out.head
	if !w.sent {
		w.mu.Lock()
		w.sent = true
		w.mu.Unlock()
		b = w.appendFraming(b, last)
	}
	n := len(w.out.body) + len(p)
	if w.chunked && n > 0 {
		b = appendHex(b, n)
	}
	b = append(b, w.out.body...)
	w.out.body = w.out.body[:0]
	if len(p) > copySize {
		w.send(b)
		w.send(p)
		b = b[:0]
	} else {
		b = append(b, p...)
	}
	if w.chunked {
		if n > 0 {
			b = append(b, "\r\n"...)
		}
		if last {
			b = w.appendTrailers(append(b, "0\r\n"...))
		}
	}
	if len(b) > 0 {
		w.send(b)
	}
	w.out.most = max(w.out.most, len(b))
	w.out.head = b[:0]
}

// send writes a part of the answer.
func (w *response) send(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = w.write(b)
	}
}

// write writes to the connection. w.mu is held.
func (w *response) write(b []byte) error {
	if !w.timed.Swap(true) {
		_ = w.conn.nc.SetWriteDeadline(after(time.Now(), w.conn.server.WriteTimeout))
	}
	_, err := w.conn.nc.Write(b)
	if err != nil {
		w.cancel() // nobody hears the rest
	}
	return err
}

// goOn tells a peer which waits for that to send its body, unless it has an answer already.
func (w *response) goOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent {
		_ = w.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) // if it fails, nothing comes
	}
}

// SetReadDeadline bounds how long the body may take.
func (w *response) SetReadDeadline(t time.Time) error {
	c := w.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.over || w.hijacked {
		return http.ErrNotSupported
	}
	c.deadline = t
	if c.reading && !c.cut {
		c.apply(t)
	}
	return nil
}

// SetWriteDeadline bounds how long the answer may take.
func (w *response) SetWriteDeadline(t time.Time) error {
	c := w.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.over || w.hijacked {
		return http.ErrNotSupported
	}
	w.timed.Store(true)
	return c.nc.SetWriteDeadline(t)
}

// EnableFullDuplex is what every answer does: nothing of the request is read before one that the handler did not read.
func (w *response) EnableFullDuplex() error { return nil }

// Hijack gives the connection away, with what was read of it beyond the request.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c := w.conn
	if w.hijacked || w.status != 0 || !w.body.stop() {
		return nil, nil, http.ErrHijacked
	}
	if c.unwatch() {
		return nil, nil, net.ErrClosed
	}
	c.mu.Lock()
	w.hijacked = true
	c.mu.Unlock()
	_ = c.nc.SetDeadline(time.Time{})
	ahead := slices.Clone(c.buf[c.r:c.w])
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(ahead), c.nc), bufferSize)
	_, _ = r.Peek(len(ahead)) // so that it tells what there is
	c.server.forget(c)
	c.server.tell(c.nc, http.StateHijacked)
	return c.nc, bufio.NewReadWriter(r, bufio.NewWriter(c.nc)), nil
}
