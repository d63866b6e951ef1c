package http1

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// A body is what follows a head. Whoever has it may read it in a goroutine of its own, until the handler returns.
type body struct {
	conn     *conn
	response *response

	mu      sync.Mutex // held while it is read
	remain  int64      // bytes: of the body or of the chunk
	chunked bool
	between bool  // chunked: the line that ends a chunk comes before the next one
	expect  bool  // the peer waits to be told that it is wanted
	closed  bool  // by the handler
	err     error // of every Read from now on; [io.EOF]: it was read to its end
}

// lastChunk ends a body whose trailer is empty, after the bytes of the chunk before.
const lastChunk = "\r\n0\r\n\r\n"

var (
	errChunk   = errors.New("http1: the body is not in chunks as it should be")
	errTrailer = errors.New("http1: the trailer is not as it should be")
)

// Read reads of the body. Its end comes with the last bytes.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.read(p)
}

func (b *body) read(p []byte) (n int, err error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.expect {
		b.expect = false
		b.response.goOn()
	}
	if b.chunked && b.remain == 0 {
		if b.err = b.chunk(); b.err != nil {
			return 0, b.err
		}
	}
	if n, err = b.conn.read(p[:min(int64(len(p)), b.remain)]); err != nil {
		b.err = b.fail(err)
		return 0, b.err
	}
	b.remain -= int64(n)
	switch {
	case b.remain > 0:
	case b.chunked:
		b.between = true
		if bytes.HasPrefix(b.conn.buf[b.conn.r:b.conn.w], []byte(lastChunk)) { // that was all
			b.err = b.chunk()
		}
	default:
		b.err = io.EOF
		b.conn.whole()
	}
	return n, b.err
}

// fail is err as the error of a body. Who breaks off is gone.
func (b *body) fail(err error) error {
	b.response.cancel()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunk reads what stands before the next chunk. After the last one it is io.EOF.
func (b *body) chunk() error {
	if b.between {
		line, err := b.conn.line(0)
		if err != nil {
			return b.broken(err, errChunk)
		}
		if len(line) > 0 {
			return errChunk
		}
		b.between = false
	}
	line, err := b.conn.line(maxChunkLine)
	if err != nil {
		return b.broken(err, errChunk)
	}
	size, ok := parseChunkSize(line)
	if !ok {
		return errChunk
	}
	if b.remain = size; size > 0 {
		return nil
	}
	if err := b.trailer(); err != nil {
		return err
	}
	b.conn.whole()
	return io.EOF
}

// broken is the error for a line that did not come, or is none.
func (b *body) broken(err, odd error) error {
	if errors.Is(err, errLine) {
		return odd
	}
	return b.fail(err)
}

// Bounds on lines in a body, in bytes. A size has no extensions: nobody sends them but to hide something.
const (
	maxChunkLine = 15
	maxTrailer   = 4 << 10
)

func parseChunkSize(line []byte) (n int64, ok bool) {
	for _, b := range line {
		switch {
		case isDigit(b):
			n = n<<4 | int64(b-'0')
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			n = n<<4 | int64(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, len(line) > 0
}

// trailer reads what follows the last chunk, and drops it: fields that come after the request was decided about.
func (b *body) trailer() error {
	for left := maxTrailer; ; {
		line, err := b.conn.line(min(left, bufferSize-2))
		if err != nil {
			return b.broken(err, errTrailer)
		}
		if len(line) == 0 {
			return nil
		}
		if left -= len(line) + 2; left < 0 {
			return errTrailer
		}
		if _, err := parseField(line, 0, len(line)); err != nil {
			return errTrailer
		}
	}
}

// Close lets nobody read on. What is left is for the server.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// stop ends the reading of a body, in whatever goroutine it is read, and reports whether it was read to its end. A nil body was.
func (b *body) stop() (whole bool) {
	if b == nil {
		return true
	}
	if !b.mu.TryLock() {
		c := b.conn
		c.mu.Lock()
		c.cut = true
		if c.reading {
			c.apply(long)
		}
		c.mu.Unlock()
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	b.closed = true
	return b.err == io.EOF //nolint:errorlint // our own
}

// maxDrained bounds what is read of a body that the handler did not read, in bytes, so that another request can follow.
const maxDrained = 256 << 10

// drainable reports whether what is left of a body may be read for nothing. b.mu is held.
func (b *body) drainable() bool {
	return !b.expect && (b.err == nil || b.err == io.EOF) && b.remain <= maxDrained //nolint:errorlint // our own
}

// hopeless reports whether no request can follow a body. While somebody reads it, it is not.
func (b *body) hopeless() bool {
	if b == nil || !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return !b.drainable()
}

// drain reads a body to its end, if that comes soon.
func (c *conn) drain(b *body) bool {
	c.server.tell(c.nc, http.StateIdle)
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.cut || !b.drainable() {
		return false
	}
	c.mu.Lock()
	c.deadline = after(time.Now(), c.server.RequestTimeout)
	c.mu.Unlock()
	scratch := make([]byte, bufferSize)
	for total := 0; total <= maxDrained; {
		n, err := b.read(scratch)
		if total += n; err != nil {
			c.unwatch()          // it may have begun one
			return err == io.EOF //nolint:errorlint // our own
		}
	}
	return false
}

// read reads of a body into p, which is not empty.
func (c *conn) read(p []byte) (int, error) {
	if c.r == c.w {
		c.r, c.w = 0, 0
		if len(p) >= len(c.buf) {
			return c.pull(p)
		}
		n, err := c.pull(c.buf)
		if c.w = n; n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	return n, nil
}

// pull reads from the connection within the deadline that the handler set.
func (c *conn) pull(p []byte) (int, error) {
	c.mu.Lock()
	if c.cut {
		c.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	c.reading = true
	c.apply(c.deadline)
	c.mu.Unlock()
	n, err := c.nc.Read(p)
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

var errLine = errors.New("http1: a line is too long or does not end with CR and LF")

// line reads a line of at most so many bytes without its end. It is valid until the next read.
func (c *conn) line(most int) ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(c.buf[c.r+seen:c.w], '\n'); i >= 0 {
			i += seen
			line := c.buf[c.r : c.r+i]
			if i == 0 || line[i-1] != '\r' || i-1 > most || bytes.IndexByte(line[:i-1], '\r') >= 0 {
				return nil, errLine
			}
			c.r += i + 1
			return line[:i-1], nil
		}
		if seen = c.w - c.r; seen > most+1 {
			return nil, errLine
		}
		if c.w == len(c.buf) {
			c.r, c.w = 0, copy(c.buf, c.buf[c.r:c.w])
		}
		n, err := c.pull(c.buf[c.w:])
		if err != nil {
			return nil, err
		}
		c.w += n
	}
}
