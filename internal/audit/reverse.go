package audit

import (
	"bytes"
	"context"

	"tacit/internal/paths"
)

// Reverse calls fn with each record, newest first, until fn returns an error, which it returns. It reads from the end, no more
// than it must, and checks what it reads as [Log.Scan] does.
func (l *Log) Reverse(ctx context.Context, fn func(Record) error) error {
	x, err := l.extent(ctx)
	if err != nil {
		return err
	}
	var next *line // the record behind, as far as it is known: only its prev is used
	for i := len(x.numbers) - 1; i >= 0; i-- {
		s, err := x.open(l, i)
		if err != nil {
			return err
		}
		next, err = l.reverseSegment(ctx, s, i == len(x.numbers)-1, next, fn)
		s.close()
		if err != nil {
			return err
		}
	}
	if next == nil || next.prev == [HashSize]byte{} {
		return nil
	}
	to, err := l.prunedTo()
	if err == nil && !mayBegin(Head{next.Seq - 1, next.prev}, to) {
		err = damaged(l.opts.Dir, "record %d is missing", next.Seq-1)
	}
	return err
}

// reverseSegment reads a segment backwards. next is the record or header behind; the header of s is returned in the same role.
func (l *Log) reverseSegment(ctx context.Context, s *segment, last bool, next *line, fn func(Record) error) (*line, error) {
	if s.body == 0 {
		return next, nil
	}
	c, err := l.newChecker(s)
	if err != nil {
		return nil, err
	}
	b := backwards{s: s, at: s.size}
	if err := b.dropTorn(last); err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		raw, err := b.next()
		if err != nil {
			return nil, err
		}
		if raw == nil {
			break
		}
		ln, ok := c.parser.record(raw)
		if !ok || ln.Hash != ln.sum() || next != nil && (ln.Seq != next.Seq-1 || ln.Hash != next.prev) {
			return nil, damaged(s.path, "a record in %s was changed", s.path)
		}
		r, err := c.sealer.open(&ln)
		if err != nil {
			return nil, damaged(s.path, "record %d in %s does not open", ln.Seq, s.path)
		}
		next = &line{Head: Head{Seq: ln.Seq}, prev: ln.prev}
		if err := fn(r); err != nil {
			return nil, err
		}
	}
	if next == nil {
		return nil, nil // the writer of this segment died: it has no record yet
	}
	if next.Seq != s.header.First || next.prev != s.bound {
		return nil, damaged(s.path, "the first line of %s was changed", s.path)
	}
	return &line{Head: Head{Seq: s.header.First}, prev: s.header.Prev}, nil
}

// block is how much backwards reads at once, in bytes.
const block = 256 << 10

// backwards reads the records of a segment from its end.
type backwards struct {
	s   *segment
	at  int64  // offset of buf
	buf []byte // not yet returned: ends with a newline, unless it is empty

	space []byte // what buf is in
}

// dropTorn leaves out what follows the last whole record. Only the last segment may have it.
func (b *backwards) dropTorn(last bool) error {
	t, err := b.s.tail(maxTail)
	if err != nil {
		return err
	}
	if t.end != b.s.size && !last {
		return damaged(b.s.path, "the last line of %s was changed", b.s.path)
	}
	b.at = t.end
	return nil
}

// next returns the line before the last one returned, without its newline, valid until the following call; nil when there is
// none.
func (b *backwards) next() ([]byte, error) {
	for {
		if len(b.buf) > 0 {
			text := b.buf[:len(b.buf)-1]
			if i := bytes.LastIndexByte(text, '\n'); i >= 0 || b.at == b.s.body {
				b.buf = b.buf[:i+1]
				return text[i+1:], nil
			}
			if len(text) > maxLine {
				return nil, damaged(b.s.path, "a line of %s is too long", b.s.path)
			}
		} else if b.at <= b.s.body {
			return nil, nil
		}
		n := min(block, b.at-b.s.body)
		if b.space == nil {
			b.space = make([]byte, n+maxLine+1)
		}
		rest := copy(b.space[n:], b.buf) // the end of a line whose beginning is in the block before
		if _, err := b.s.f.ReadAt(b.space[:n], b.at-n); err != nil {
			return nil, paths.Explain(err, b.s.path, "read %s", b.s.path)
		}
		b.buf, b.at = b.space[:int(n)+rest], b.at-n
	}
}
