package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/wire"
)

// An exchange is one request and its answer.
type exchange struct {
	*server
	w        http.ResponseWriter
	r        *http.Request
	deadline *http.ResponseController
	route    route
	caller   keeper.Caller
	status   int  // of a problem, when it is not that of its class
	began    bool // part of the answer may be on its way
}

// refuse returns the error for a request that is not one of the API, with a status of its own.
func (x *exchange) refuse(status int, why string) error {
	x.status = status
	return fault.New(fault.Usage, "request: %s", why)
}

// read reads the whole body strictly into v, a shape.
func (x *exchange) read(v any) error {
	b, err := x.body()
	if err != nil {
		return err
	}
	defer clear(b)
	return wire.UnmarshalRequest(b, v)
}

// body returns the whole body. It must be there within bodyTime.
func (x *exchange) body() ([]byte, error) {
	limit, length := x.route.limit, x.r.ContentLength
	if length > limit {
		return nil, x.tooLarge(limit)
	}
	var (
		b   []byte
		err error
	)
	if length >= 0 {
		b = make([]byte, length)
		_, err = io.ReadFull(x.r.Body, b)
	} else if b, err = io.ReadAll(io.LimitReader(x.r.Body, limit+1)); err == nil && int64(len(b)) > limit {
		clear(b)
		return nil, x.tooLarge(limit)
	}
	if err != nil {
		clear(b)
		return nil, x.refuse(http.StatusBadRequest, "the body broke off")
	}
	x.complete()
	return b, nil
}

// complete notes that the whole request is here. The deadline for it is lifted, so that a server which goes on reading, to learn that the
// client left, does not take it for that.
func (x *exchange) complete() {
	_ = x.deadline.SetReadDeadline(time.Time{})
	working(x.r)
}

func (x *exchange) tooLarge(limit int64) error {
	x.status = http.StatusRequestEntityTooLarge
	x.w.Header().Set("Connection", "close")
	return fault.New(fault.Invalid, "request: larger than %d bytes", limit)
}

// answer writes v, a shape.
func (x *exchange) answer(v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return fault.New(fault.Failed, "the answer cannot be written as JSON")
	}
	x.write(http.StatusOK, wire.JSON, b)
	clear(b)
	return nil
}

// answerBuilt writes what was built, and wipes it.
func (x *exchange) answerBuilt(b *jsonstream.Builder) error {
	text, err := b.Built()
	if err == nil {
		x.write(http.StatusOK, wire.JSON, text)
	} else {
		err = fault.New(fault.Failed, "the answer cannot be written as JSON")
	}
	clear(text)
	return err
}

// write writes a whole answer. Nobody is there to be told if that fails.
func (x *exchange) write(status int, media string, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{media}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.began = true
	_ = x.deadline.SetWriteDeadline(time.Now().Add(writeTime))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body)
}

// fail answers with a problem, or, when a stream has begun, ends it with one.
func (x *exchange) fail(err error, status int) {
	if x.began {
		panic(http.ErrAbortHandler)
	}
	problem(x.w, err, status)
}

// Problem answers with err as problem details of its class (RFC 9457), for other handlers beside this one.
func Problem(w http.ResponseWriter, err error) { problem(w, err, 0) }

func problem(w http.ResponseWriter, err error, status int) {
	problemFor(w, err, status, `Bearer realm="tacit"`)
}

// problemFor is problem with the ways to authenticate that a 401 tells of.
func problemFor(w http.ResponseWriter, err error, status int, challenges ...string) {
	p := wire.ProblemOf(err, status)
	b, merr := wire.Marshal(p)
	if merr != nil {
		b = []byte(`{}`)
	}
	h := w.Header()
	h.Set("Content-Type", wire.Problem)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	if errors.Is(err, fault.Busy) {
		h.Set("Retry-After", "1")
	}
	var limited *broker.Problem
	if errors.As(err, &limited) && limited.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((limited.RetryAfter+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h["Www-Authenticate"] = challenges
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(b)
}

func (x *exchange) ctx() context.Context { return x.r.Context() }
