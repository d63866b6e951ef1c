package audit

import (
	"bytes"
	"errors"
	"os"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// end is the end of the log, where records are appended.
type end struct {
	log  *Log
	last Last
	seg  *segment // the last segment; nil: the log has none
	at   int64    // offset at which its next record goes; 0: the segment has no record yet and is begun anew
	line []byte   // of the last record, with its newline, if it was written here

	sealer *sealer // of what is appended; nil: nothing was yet
	there  []byte  // that line as it was read again; reused
}

// openEnd finds and opens the last record.
func (l *Log) openEnd(writable bool) (*end, error) {
	numbers, err := l.segments()
	if err != nil || len(numbers) == 0 {
		return &end{log: l}, err
	}
	flag := os.O_RDONLY
	if writable {
		flag = os.O_RDWR
	}
	e := &end{log: l}
	if e.seg, err = l.openSegment(numbers[len(numbers)-1], flag); err != nil {
		return nil, err
	}
	if err := e.find(); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// find finds the last record.
func (e *end) find() error {
	for _, look := range []int64{nearEnd, maxTail} {
		if err := e.findNear(look); err != nil {
			return err
		}
		if e.last.Record == nil || e.last.Record.Stage != Intent || e.last.Head == e.log.own {
			break // an intent of another writer is the last record only if that one died: then it is worth a longer look
		}
	}
	return nil
}

// findNear finds the last record, looking for what a power loss took among the last so many bytes.
func (e *end) findNear(look int64) error {
	t, err := e.seg.tail(look)
	e.at, e.last = 0, Last{}
	switch {
	case err != nil:
		return err
	case t.line != nil:
		e.at = t.end
		e.last, err = e.log.openLast(e.seg, t.line)
	case e.seg.number > 1:
		// The writer of a new segment died: the log ends in the one before.
		e.last, err = e.log.lastOf(e.seg.number - 1)
	}
	return err
}

// lastOf opens the last record of a segment that has one.
func (l *Log) lastOf(number int) (Last, error) {
	s, err := l.openSegment(number, os.O_RDONLY)
	if err != nil {
		return Last{}, err
	}
	defer s.close()
	t, err := s.tail(nearEnd)
	if err != nil {
		return Last{}, err
	}
	if t.line == nil || t.end != s.size {
		return Last{}, damaged(s.path, "the end of %s is missing", s.path)
	}
	return l.openLast(s, t.line)
}

// openLast opens the last record of the log.
func (l *Log) openLast(s *segment, b []byte) (Last, error) {
	p := newParser()
	ln, ok := p.record(b)
	if !ok || ln.Hash != ln.sum() {
		return Last{}, damaged(s.path, "the last record in %s was changed", s.path)
	}
	last := Last{Head: ln.Head}
	if l.opts.Keys == nil {
		return last, nil
	}
	if s.header.Epoch > l.opts.Epoch {
		return Last{}, fault.New(fault.RolledBack, "the vault is older than its log, which goes on under a newer root key (%s)", s.path).
			About(s.path).WithFix("%s", wayBack)
	}
	sealer, err := l.sealerOf(s.header.Epoch)
	if err != nil {
		return Last{}, err
	}
	r, err := sealer.open(&ln)
	if err != nil {
		return Last{}, l.foreign(s.path)
	}
	last.Record = &r
	return last, nil
}

// batch is what is appended in one write.
type batch struct {
	e     *end
	last  Last // with what the batch has so far
	buf   []byte
	line  int     // where in buf the line of the last record begins
	opens *header // of the segment that the batch begins; nil: it goes to the end of the one that there is
}

// add seals records behind what the batch has. When it fails, none of them is in it.
func (b *batch) add(records []*Record) (err error) {
	e := b.e
	if e.sealer == nil {
		if e.sealer, err = e.log.sealerOf(e.log.opts.Epoch); err != nil {
			return err
		}
	}
	before := *b
	defer func() {
		if err != nil {
			*b = before
		}
	}()
	for _, r := range records {
		if err := validate(r); err != nil {
			return err
		}
		if len(b.buf) == 0 {
			b.begin(r.Time)
		}
		ln, err := e.sealer.seal(e.log.opts.Random, r, b.last.Head)
		if err != nil {
			return fault.Wrap(fault.Failed, err, "seal audit record %d", b.last.Head.Seq+1)
		}
		b.line = len(b.buf)
		b.buf = ln.append(b.buf)
		if len(b.buf)-b.line > maxLine {
			return fault.New(fault.Invalid, "audit record %d is longer than %d bytes", ln.Seq, maxLine)
		}
		r.Seq = ln.Seq
		b.last.Head = ln.Head
	}
	kept := *records[len(records)-1]
	b.last.Record = &kept
	return nil
}

// begin writes the header of a new segment into the batch, if its records go to one: the first record is of the time t.
func (b *batch) begin(t time.Time) {
	e, o := b.e, &b.e.log.opts
	old := e.last.Record != nil && t.Truncate(o.SegmentSpan).After(e.last.Record.Time.Truncate(o.SegmentSpan))
	if e.at > 0 && e.seg.header.Epoch == o.Epoch && e.at < o.SegmentSize && !old {
		return
	}
	b.opens = &header{Vault: o.VaultID, Epoch: o.Epoch, First: b.last.Head.Seq + 1, Prev: b.last.Head.Hash}
	b.buf = b.opens.append(b.buf)
	b.last.Head.Hash = headerHash(b.buf)
}

// validate refuses what could be written but not read again.
func validate(r *Record) error {
	if y := r.Time.UTC().Year(); y < 0 || y > 9999 {
		return fault.New(fault.Invalid, "audit record: the year %d cannot be written", y)
	}
	return nil
}

// append writes a batch; then its end is the log's. If it fails nothing of the batch is there.
func (e *end) append(b *batch, durable bool) error {
	var err error
	if b.opens != nil {
		err = e.begin(b)
	} else {
		err = e.write(e.seg, e.at, b.buf, durable)
	}
	if err != nil {
		return err
	}
	at := e.at
	if b.opens != nil {
		at = 0
	}
	e.last, e.at = b.last, at+int64(len(b.buf))
	e.seg.size = e.at
	e.line = append(e.line[:0], b.buf[b.line:]...)
	return nil
}

// begin writes the first records of a new segment, always durably: without its name in the directory and the end of the
// segment before, later records would be lost however durable they are.
func (e *end) begin(b *batch) error {
	s, err := e.next()
	if err != nil {
		return err
	}
	err = e.write(s, 0, b.buf, true)
	if s == e.seg { // of a writer that died
		if err == nil {
			s.take(b)
		}
		return err
	}
	if err == nil {
		err = paths.SyncDir(e.log.opts.Dir)
	}
	if err != nil {
		s.close()
		return errors.Join(err, os.Remove(s.path))
	}
	s.take(b)
	e.close()
	e.seg = s
	return nil
}

// next returns the empty segment in which the log goes on, and sees to it that the one before is on the disk.
func (e *end) next() (*segment, error) {
	number := 1
	switch {
	case e.seg != nil && e.at == 0:
		return e.seg, nil
	case e.seg != nil:
		number = e.seg.number + 1
		if e.seg.size > e.at { // only the last segment may have a torn end
			if err := e.seg.f.Truncate(e.at); err != nil {
				return nil, paths.Explain(err, e.seg.path, "cut the torn end off %s", e.seg.path)
			}
		}
		if err := e.seg.f.Sync(); err != nil {
			return nil, paths.Explain(err, e.seg.path, "sync %s", e.seg.path)
		}
	}
	s := &segment{number: number, path: e.log.segmentPath(number)}
	var err error
	s.f, err = paths.Open(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	return s, err
}

// take enters into the segment what the batch that was written began it with.
func (s *segment) take(b *batch) {
	s.header, s.body = *b.opens, int64(bytes.IndexByte(b.buf, '\n'))+1
	s.bound = headerHash(b.buf[:s.body])
}

// write puts buf at the offset, in place of what is torn there, in one system call. On failure it cuts the file back: nothing
// is half there.
func (e *end) write(s *segment, at int64, buf []byte, durable bool) error {
	if s.size > at {
		if err := s.f.Truncate(at); err != nil {
			return paths.Explain(err, s.path, "cut the torn end off %s", s.path)
		}
	}
	e.log.trace("writing")
	_, err := s.f.WriteAt(buf, at)
	if err == nil {
		e.log.trace("written")
	}
	if err == nil && durable {
		if err = s.f.Sync(); err == nil {
			e.log.trace("synced")
		}
	}
	if err != nil {
		return paths.Explain(errors.Join(err, s.f.Truncate(at)), s.path, "write the audit log %s", s.path)
	}
	return nil
}

// goesOn reports whether the log still goes on in the segment of this end, and how long that is now. Who holds audit.lock may ask.
func (e *end) goesOn() (size int64, ok bool) {
	var err error
	if e.seg.is == nil { // which file it is does not change while it is open
		if e.seg.is, err = e.seg.f.Stat(); err != nil {
			return 0, false
		}
	}
	is, err := paths.Look(e.seg.path)
	if err != nil || !os.SameFile(e.seg.is, is) {
		return 0, false
	}
	if e.seg.next == "" {
		e.seg.next = e.log.segmentPath(e.seg.number + 1)
	}
	_, err = os.Lstat(e.seg.next)
	return is.Size(), errors.Is(err, os.ErrNotExist)
}

// stands reports whether the segment, of this size, still ends with what was written here last.
func (e *end) stands(size int64) bool {
	if size != e.at || e.line == nil {
		return false
	}
	e.there = append(e.there[:0], e.line...)
	_, err := e.seg.f.ReadAt(e.there, e.at-int64(len(e.there)))
	return err == nil && bytes.Equal(e.there, e.line)
}

func (e *end) close() {
	if e.seg != nil {
		e.seg.close()
	}
}
