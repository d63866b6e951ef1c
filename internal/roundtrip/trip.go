package roundtrip

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"os"
)

// A trip is a request on a connection, and the way of its answer.
type trip struct {
	t     *Transport
	c     *conn
	r     *http.Request
	stop  func() bool // of what watches the context
	up    *upload     // of a body that is sent beside
	stale bool        // it failed as it does when the server has closed a connection at rest
}

// run writes what is composed and reads the header of the answer. whole says that the body of the request is part of it. With an error
// the connection is gone.
func (x *trip) run(out []byte, whole bool) (*http.Response, error) {
	ctx := x.r.Context()
	x.stop = context.AfterFunc(ctx, x.c.cut)
	reused := x.c.used
	n, err := x.c.rw.Write(out)
	if err != nil {
		x.stale = reused && n == 0 && isGone(err) // nothing arrived
		if !whole {
			closeBody(x.r)
		}
		x.end(false)
		return nil, err
	}
	switch {
	case whole:
	case hasBody(x.r):
		x.up = startUpload(x.t, x.c, x.r.Body, x.r.ContentLength)
	default:
		closeBody(x.r)
	}
	a, err := x.answer()
	if err != nil {
		x.stale = reused && errors.Is(err, errNothing) && mayRepeat(x.r)
		x.end(false)
		return nil, err
	}
	x.c.used = true
	return x.response(a), nil
}

// answer reads headers until one that is not of an interim answer (RFC 9110, section 15.2).
func (x *trip) answer() (*head, error) {
	left := x.t.o.MaxHeaderBytes
	for range maxInterim {
		a, n, err := readHead(x.c.br, left)
		if err != nil {
			return nil, err
		}
		if left -= n; a.status >= 200 || a.status == http.StatusSwitchingProtocols {
			return a, a.frame(x.r.Method)
		}
	}
	return nil, malformed("more than %d interim answers", maxInterim)
}

// response returns the answer, and a body that gives the connection back.
func (x *trip) response(a *head) *http.Response {
	answer := &http.Response{
		Status: a.text, StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, ContentLength: a.length, Close: !a.keep, Request: x.r, Body: http.NoBody,
	}
	if a.old {
		answer.Proto, answer.ProtoMinor = "HTTP/1.0", 0
	}
	keep := a.keep && !x.r.Close
	if a.ends == nothing {
		x.end(keep)
		return answer
	}
	b := &body{trip: x, ends: a.ends, left: a.length, keep: keep}
	if a.ends == chunked {
		b.chunks = httputil.NewChunkedReader(x.c.br)
		answer.TransferEncoding = []string{"chunked"}
	}
	answer.Body = b
	return answer
}

// end gives the connection back, to be used again when all went well.
func (x *trip) end(well bool) {
	if !x.stop() { // it was interrupted, or is about to be
		well = false
	}
	if well && x.up != nil {
		well = x.up.finished()
	}
	if !well {
		x.c.abort()
		x.t.giveBack(x.c)
		return
	}
	x.t.put(x.c)
}

// explain returns why the trip failed: what ended it, or was wrong with the body of the request, before what the connection says.
func (x *trip) explain(err error) error {
	if ended := context.Cause(x.r.Context()); ended != nil {
		return ended
	}
	if wrong := x.up.wrong(); wrong != nil {
		return wrong
	}
	return err
}

// rewind makes the request one that can be sent again; false when it cannot.
func (x *trip) rewind() bool {
	if x.r.Context().Err() != nil || x.up.wrong() != nil {
		return false
	}
	if !hasBody(x.r) || isInline(x.r) {
		return true
	}
	if x.r.GetBody == nil {
		return false
	}
	again, err := x.r.GetBody()
	if err != nil {
		return false
	}
	r := *x.r
	r.Body = again
	x.r = &r
	return true
}

// isGone reports whether err says that the connection is closed, and not that somebody was interrupted.
func isGone(err error) bool { return !errors.Is(err, os.ErrDeadlineExceeded) }
