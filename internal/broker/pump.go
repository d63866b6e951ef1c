package broker

import (
	"context"
	"io"
)

// A pump reads a caller's body for somebody who must not wait for ever. The transport of HTTP/2 does not return from a request, even one
// that was cancelled, before the Read of its body has returned, and that of HTTP/1.1 leaves a goroutine behind in it: a caller who
// stops in the middle of one would hold all that the request holds (I29).
type pump struct {
	ctx    context.Context //nolint:containedctx // of the exchange, which the pump lives in
	pieces chan piece
	free   chan []byte
	now    piece
	rest   []byte // of now
}

// pumped is how much a pump reads at a time, twice: as much as the system hands over at once when the caller is the faster one.
const pumped = 64 << 10

type piece struct {
	bytes []byte
	err   error
}

// newPump reads body until its end, or until ctx is over. A Read that is under way then is left behind. length is that of the body, or
// -1.
func newPump(ctx context.Context, body io.Reader, length int64) *pump {
	p := &pump{ctx: ctx, pieces: make(chan piece), free: make(chan []byte, 2)}
	size := int64(pumped)
	if length >= 0 {
		size = min(size, length+1) // so that the end comes with the first piece
	}
	for range cap(p.free) {
		p.free <- make([]byte, size)
	}
	go p.run(body)
	return p
}

func (p *pump) run(body io.Reader) {
	for {
		var b []byte
		select {
		case b = <-p.free:
		case <-p.ctx.Done():
			return
		}
		n, err := body.Read(b[:cap(b)])
		select {
		case p.pieces <- piece{b[:n], err}:
		case <-p.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (p *pump) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for len(p.rest) == 0 {
		if p.now.err != nil {
			return 0, p.now.err
		}
		if p.now.bytes != nil {
			p.free <- p.now.bytes // there is room for each of them
			p.now = piece{}
		}
		select {
		case p.now = <-p.pieces:
			p.rest = p.now.bytes
		case <-p.ctx.Done():
			return 0, errFinished
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
