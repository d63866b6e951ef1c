package broker

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
)

// A coding is a content coding (RFC 9110, section 8.4.1).
type coding int

const (
	identity coding = iota
	gzipped
	deflated
)

// codingOf returns the one coding of an answer that asked for none. An upstream that compresses all the same is decoded: text that is
// not seen cannot be cleaned. Two codings on top of each other, and those that are not known here, are refused.
func codingOf(h http.Header) (coding, error) {
	found := identity
	for _, line := range h["Content-Encoding"] {
		for name := range strings.SplitSeq(line, ",") {
			var c coding
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "", "identity":
				continue
			case "gzip", "x-gzip":
				c = gzipped
			case "deflate":
				c = deflated
			default:
				return 0, errCoding
			}
			if found != identity {
				return 0, errCoding
			}
			found = c
		}
	}
	return found, nil
}

// decode returns the decoded stream. Nothing is read before the first Read.
func decode(c coding, r io.Reader) io.Reader {
	if c == identity {
		return r
	}
	return &decoder{coding: c, source: &source{r: r}}
}

// A decoder decodes a stream in constant memory.
type decoder struct {
	coding coding
	source *source
	r      io.Reader
	err    error
}

// A source remembers the error of the transport, which says more than what a decoder makes of it.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !isEnd(err) {
		s.err = err
	}
	return n, err
}

func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.r == nil {
		if d.err = d.open(); d.err != nil {
			return 0, d.err
		}
	}
	n, err := d.r.Read(p)
	d.err = d.explain(err)
	return n, d.err
}

func (d *decoder) open() error {
	from := bufio.NewReader(d.source)
	if d.coding == gzipped {
		r, err := gzip.NewReader(from)
		if err != nil {
			return d.explain(notEnd(err))
		}
		d.r = r
		return nil
	}
	// "deflate" is zlib (RFC 1950), but some send bare deflate (RFC 1951). The two bytes of a zlib header are a multiple of 31.
	head, err := from.Peek(2)
	switch {
	case len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0:
		r, err := zlib.NewReader(from)
		if err != nil {
			return d.explain(notEnd(err))
		}
		d.r = r
	case len(head) == 0:
		return d.explain(notEnd(err))
	default:
		d.r = flate.NewReader(from)
	}
	return nil
}

// explain returns err as one of the transport or of this package.
func (d *decoder) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case d.source.err != nil:
		return d.source.err
	case isEnd(err):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	}
	return errDecode
}

// notEnd keeps a stream that is cut off in its header from looking complete.
func notEnd(err error) error {
	if isEnd(err) {
		return io.ErrUnexpectedEOF
	}
	return err
}
