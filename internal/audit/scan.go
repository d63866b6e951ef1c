package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// extent is what a reader sees: the segments and the size of the last one at one moment. What lies within it never changes but
// by tampering, so it can be read without a lock.
type extent struct {
	numbers []int
	size    int64 // of the last segment; 0: it has no record yet
}

// extent looks at the log between two appends.
func (l *Log) extent(ctx context.Context) (extent, error) {
	unlock, err := l.lockForReading(ctx)
	if err != nil {
		return extent{}, err
	}
	defer unlock()
	numbers, err := l.segments()
	if err != nil || len(numbers) == 0 {
		return extent{}, err
	}
	info, err := os.Stat(l.segmentPath(numbers[len(numbers)-1]))
	if err != nil {
		path := l.segmentPath(numbers[len(numbers)-1])
		return extent{}, paths.Explain(err, path, "look at %s", path)
	}
	return extent{numbers, info.Size()}, nil
}

// open opens the i-th segment of the extent, as it was then.
func (x extent) open(l *Log, i int) (*segment, error) {
	s, err := l.openSegment(x.numbers[i], os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if i == len(x.numbers)-1 {
		s.size = min(s.size, x.size)
		return s, nil
	}
	if s.body == 0 || x.numbers[i+1] != x.numbers[i]+1 {
		s.close()
		return nil, damaged(s.path, "%s is not whole or not followed by the next segment", s.path)
	}
	return s, nil
}

// Scan calls fn with each record from the seq from on (0 and 1: from the first), oldest first, until fn returns an error, which
// it returns. It reads what was there when it was called, in memory that does not grow with it. It checks what it reads:
// a log that is not as it was written is an error of class fault.Tampered.
func (l *Log) Scan(ctx context.Context, from uint64, fn func(Record) error) error {
	x, err := l.extent(ctx)
	if err != nil {
		return err
	}
	_, err = l.scan(ctx, x, Head{Seq: max(from, 1) - 1}, fn)
	return err
}

// scan reads the records of x after the place after and returns the last place it came to. If after has a hash, the first
// record must follow it.
func (l *Log) scan(ctx context.Context, x extent, after Head, fn func(Record) error) (Head, error) {
	begins, err := l.beginning(x)
	if err != nil {
		return after, err
	}
	if after.Seq < begins.Seq {
		after = begins
	}
	first, err := l.segmentOf(x, after.Seq+1)
	if err != nil {
		return after, err
	}
	for i := first; i < len(x.numbers); i++ {
		s, err := x.open(l, i)
		if err != nil {
			return after, err
		}
		after, err = l.scanSegment(ctx, s, i == len(x.numbers)-1, after, fn)
		s.close()
		if err != nil {
			return after, err
		}
	}
	return after, nil
}

// segmentOf returns the index of the segment that holds the record seq, or that would if there were one.
func (l *Log) segmentOf(x extent, seq uint64) (int, error) {
	for i := len(x.numbers) - 1; i > 0; i-- {
		s, err := x.open(l, i)
		if err != nil {
			return 0, err
		}
		first, begun := s.header.First, s.body > 0
		s.close()
		if begun && first <= seq {
			return i, nil
		}
	}
	return 0, nil
}

func (l *Log) scanSegment(ctx context.Context, s *segment, last bool, after Head, fn func(Record) error) (Head, error) {
	if s.body == 0 {
		return after, nil
	}
	c, err := l.newChecker(s)
	if err != nil {
		return after, err
	}
	start := s.body
	if s.header.First <= after.Seq {
		if start, err = s.find(after.Seq + 1); err != nil {
			return after, err
		}
		c.follows = after
	} else if s.header.First == after.Seq+1 {
		if after.Hash != [HashSize]byte{} && s.header.Prev != after.Hash {
			return after, damaged(s.path, "%s does not follow record %d", s.path, after.Seq)
		}
	} else {
		return after, damaged(s.path, "record %d is missing before %s", after.Seq+1, s.path)
	}
	r := newLines(s.f, start, s.size)
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return after, context.Cause(ctx)
		}
		b, err := r.next()
		if last && bytes.IndexByte(b, 0) >= 0 {
			return after, nil // from here on a power loss took it
		}
		if err == nil {
			var rec Record
			if rec, err = c.check(b); err == nil {
				after = c.follows
				err = fn(rec)
			}
		}
		switch {
		case errors.Is(err, errTornLine) && last && torn(b), errors.Is(err, io.EOF):
			return after, nil
		case errors.Is(err, errTornLine):
			return after, damaged(s.path, "the last line of %s was changed", s.path)
		case err != nil:
			return after, err
		}
	}
}

// checker opens records that follow one another.
type checker struct {
	path    string
	parser  *parser
	sealer  *sealer
	follows Head // the record before; without a hash it is not known
}

func (l *Log) newChecker(s *segment) (*checker, error) {
	if l.opts.Keys == nil {
		return nil, fault.New(fault.Locked, "the audit log cannot be read without the vault's key").WithFix("tacit unlock")
	}
	sealer, err := l.sealerOf(s.header.Epoch)
	if err != nil {
		return nil, err
	}
	return &checker{s.path, newParser(), sealer, Head{s.header.First - 1, s.bound}}, nil
}

// check returns the record in a line, which is the next one.
func (c *checker) check(b []byte) (Record, error) {
	ln, ok := c.parser.record(b)
	if !ok || ln.Seq != c.follows.Seq+1 || c.follows.Hash != [HashSize]byte{} && ln.prev != c.follows.Hash || ln.Hash != ln.sum() {
		return Record{}, damaged(c.path, "record %d in %s was changed", c.follows.Seq+1, c.path)
	}
	r, err := c.sealer.open(&ln)
	if err != nil {
		return Record{}, damaged(c.path, "record %d in %s does not open", ln.Seq, c.path)
	}
	c.follows = ln.Head
	return r, nil
}

// errTornLine comes with the bytes behind the last newline.
var errTornLine = errors.New("line without a newline")

// errLongLine is the answer to a line of more than maxLine bytes.
var errLongLine = errors.New("line too long")

// lines reads a segment line by line.
type lines struct {
	r  *bufio.Reader
	at int64 // offset of the next line
}

func newLines(f io.ReaderAt, start, end int64) *lines {
	size := min(2*maxLine, end-start+1)
	return &lines{bufio.NewReaderSize(io.NewSectionReader(f, start, end-start), int(size)), start}
}

// next returns the next line without its newline, valid until the following call; at the end io.EOF or errTornLine.
func (l *lines) next() ([]byte, error) {
	b, err := l.r.ReadSlice('\n')
	l.at += int64(len(b))
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(b) > maxLine:
		return b, errLongLine
	case errors.Is(err, io.EOF) && len(b) > 0:
		return b, errTornLine
	case err != nil:
		return nil, err
	}
	return b[:len(b)-1], nil
}

// find returns the offset of the record seq in the segment, or of its end when it has no such record, by bisection: seqs ascend
// and stand at the beginning of their lines.
func (s *segment) find(seq uint64) (int64, error) {
	p := newParser()
	low, high := s.body, s.size // low begins a line with a smaller seq (or the first); at high and behind, none is smaller
	if high-low <= 2*maxLine {
		return s.findFrom(low, seq)
	}
	buf := make([]byte, 2*maxLine)
	for high-low > int64(len(buf)) {
		middle := low + (high-low)/2
		n, err := s.f.ReadAt(buf[:min(int64(len(buf)), s.size-middle)], middle)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, paths.Explain(err, s.path, "read %s", s.path)
		}
		begin := bytes.IndexByte(buf[:n], '\n') + 1
		length := bytes.IndexByte(buf[begin:n], '\n')
		if begin == 0 || length < 0 {
			high = middle // no whole line behind it
			continue
		}
		ln, ok := p.record(buf[begin : begin+length])
		switch {
		case !ok:
			return 0, damaged(s.path, "a record in %s was changed", s.path)
		case ln.Seq <= seq:
			low = middle + int64(begin)
		default:
			high = middle
		}
	}
	return s.findFrom(low, seq)
}

// findFrom finds line by line.
func (s *segment) findFrom(start int64, seq uint64) (int64, error) {
	p, r := newParser(), newLines(s.f, start, s.size)
	for {
		at := r.at
		b, err := r.next()
		if err != nil {
			return at, nil // whoever reads on from there meets it again
		}
		if bytes.IndexByte(b, 0) >= 0 {
			return at, nil // so does it meet this
		}
		ln, ok := p.record(b)
		if !ok {
			return 0, damaged(s.path, "a record in %s was changed", s.path)
		}
		if ln.Seq >= seq {
			return at, nil
		}
	}
}
