package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// maxInvoke bounds the request of an invoke, and maxInvoked the answer, in bytes: they are whole in memory. What is larger is streamed.
const (
	maxInvoke  = 8 << 20
	maxInvoked = 8 << 20
)

// invoke sends one request to a service, and answers with one JSON object.
func (s *server) invoke(x *exchange) error {
	var in client.InvokeRequest
	if err := x.read(&in); err != nil {
		return err
	}
	r, body, err := wire.ToInvoke(in)
	if err != nil {
		return err
	}
	if body != nil {
		r.Body, r.ContentLength = bytes.NewReader(body), int64(len(body))
	}
	began := time.Now()
	used, err := s.API.Use(x.ctx(), x.caller, r)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(used.Body, maxInvoked+1))
	_ = used.Body.Close()
	switch {
	case err != nil:
		return err
	case len(answer) > maxInvoked:
		return fault.New(fault.Unavailable, "%s: the answer has more than %d bytes", used.Capability, maxInvoked).About(used.Capability).
			WithFix("ask for it as a stream: POST %s", wire.Use)
	}
	return x.answer(wire.FromInvoked(used, answer, time.Since(began)))
}

// use sends one request to a service, and streams both ways: a line of JSON, then the body as it is. The end of the answer is in its
// trailer, so that nobody takes half of one for all of it.
func (s *server) use(x *exchange) error {
	body := bufio.NewReaderSize(&pieces{x}, 16<<10)
	line, err := (&lines{x: x, r: body}).head(wire.MaxHead)
	if err != nil {
		return err
	}
	var head client.UseHead
	if err := wire.UnmarshalRequest(line, &head); err != nil {
		return err
	}
	r := wire.ToUse(head)
	if head.ContentLength == 0 {
		if _, err := body.ReadByte(); !errors.Is(err, io.EOF) {
			return x.refuse(http.StatusBadRequest, "a body follows that content_length does not tell of")
		}
		x.complete()
	} else {
		// HTTP/1 in both directions at once: the service may answer before it has all.
		if err := x.deadline.EnableFullDuplex(); err != nil {
			return fault.Wrap(fault.Failed, err, "stream")
		}
		working(x.r)
		r.Body = body
	}
	used, err := s.API.Use(x.ctx(), x.caller, r)
	if err != nil {
		return err
	}
	out := &answering{x: x}
	err = out.send(used)
	if cerr := used.Body.Close(); err == nil {
		err = cerr
	}
	x.w.Header().Set(wire.HeaderEnd, wire.EncodeEnd(used.Stats(), err))
	return nil
}

// head returns the first line, of at most so many bytes.
func (l *lines) head(most int) ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		if l.long = append(l.long, line...); len(l.long) > most {
			return nil, l.x.tooLarge(int64(most))
		}
		line, err = l.r.ReadSlice('\n')
	}
	if err != nil {
		return nil, l.x.refuse(http.StatusBadRequest, "it begins with a line that says what is asked for")
	}
	return append(l.long, line...), nil
}

// pieces reads the body of a request, of which something must come every uploadTime.
type pieces struct{ x *exchange }

func (p *pieces) Read(b []byte) (int, error) {
	_ = p.x.deadline.SetReadDeadline(time.Now().Add(uploadTime))
	n, err := p.x.r.Body.Read(b)
	if errors.Is(err, io.EOF) {
		p.x.complete()
	}
	return n, err
}

// answering sends the answer of a service to the caller.
type answering struct{ x *exchange }

// send sends what there is as soon as it is there: an event must not wait for the next one. It returns what ended the body too early.
func (a *answering) send(used *keeper.Used) error {
	line, err := wire.Marshal(wire.FromUsed(used))
	if err != nil {
		return fault.New(fault.Failed, "the answer cannot be written as JSON")
	}
	a.x.began = true
	h := a.x.w.Header()
	h.Set("Content-Type", wire.Stream)
	h.Set("Trailer", wire.HeaderEnd)
	a.extend()
	a.x.w.WriteHeader(http.StatusOK)
	if _, err := a.x.w.Write(append(line, '\n')); err != nil {
		return err
	}
	b := make([]byte, 32<<10)
	for {
		if err := a.x.deadline.Flush(); err != nil {
			return err
		}
		n, err := used.Body.Read(b)
		a.extend()
		if _, werr := a.x.w.Write(b[:n]); werr != nil {
			return werr
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// extend gives the peer writeTime from now to take what is written.
func (a *answering) extend() { _ = a.x.deadline.SetWriteDeadline(time.Now().Add(writeTime)) }
