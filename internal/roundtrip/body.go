package roundtrip

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// A body is that of an answer. It gives the connection back with its last bytes, before who reads it can ask for more. Closed before
// that it closes the connection.
type body struct {
	*trip
	ends   ending
	left   int64     // of one that is sized
	chunks io.Reader // of one that is chunked
	keep   bool      // the connection lasts

	over atomic.Bool // the connection is given back, or being closed
	mu   sync.Mutex  // of a Read
	err  error
}

// Read returns what there is as soon as it is there.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.read(p)
	if err == nil {
		return n, nil
	}
	if b.err = err; !b.over.CompareAndSwap(false, true) {
		b.err = http.ErrBodyReadAfterClose // Close came first, and does the rest
		return n, b.err
	}
	whole := errors.Is(err, io.EOF)
	if !whole {
		b.err = b.explain(err)
	}
	b.end(whole && b.keep)
	return n, b.err
}

// read is Read without what becomes of the connection. io.EOF is the proper end of the body, and nothing else is.
func (b *body) read(p []byte) (int, error) {
	switch b.ends {
	case sized:
		n, err := b.c.br.Read(p[:min(int64(len(p)), b.left)])
		switch b.left -= int64(n); {
		case b.left == 0:
			return n, io.EOF
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		return n, err
	case chunked:
		n, err := b.chunks.Read(p)
		if err == io.EOF { //nolint:errorlint // an end that is wrapped is none
			err = b.trailer()
		}
		return n, err
	default: // until the end of the connection
		n, err := b.c.br.Read(p)
		if err != nil && context.Cause(b.r.Context()) != nil {
			return n, b.explain(err) // what was interrupted has no proper end
		}
		return n, err
	}
}

// trailer reads what follows the last chunk and forgets it: a field that counts stands in the header.
func (b *body) trailer() error {
	block, err := readBlock(b.c.br, bufferBytes)
	if err != nil {
		if errors.Is(err, errNothing) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if strings.Count(block, "\n") != strings.Count(block, "\r\n") {
		return malformed("a line of its trailer has half an end") // as net/http would have it
	}
	if _, err := parseFields(block); err != nil {
		return err
	}
	return io.EOF
}

// Close interrupts a Read that is under way.
func (b *body) Close() error {
	if !b.over.CompareAndSwap(false, true) {
		return nil
	}
	b.c.interrupt()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(false)
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}
