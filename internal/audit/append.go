package audit

import (
	"errors"
	"os"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// end is the end of the log, where records are appended.
type end struct {
	log  *Log
	last Last
	seg  *segment // the last segment; nil: the log has none
	at   int64    // offset at which its next record goes; 0: the segment has no record yet and is begun anew
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
	for _, look := range []int64{nearEnd, maxTail} {
		if err = e.find(look); err != nil || e.last.Record == nil || e.last.Record.Stage != Intent {
			break // an intent is the last record only if its writer died: then it is worth a longer look
		}
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// find finds the last record, looking for what a power loss took among the last so many bytes.
func (e *end) find(look int64) error {
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

// append seals the records and writes them.
func (e *end) append(records []*Record, durable bool) (Head, error) {
	begins := e.at == 0 || e.seg.header.Epoch != e.log.opts.Epoch || e.at >= e.log.opts.SegmentSize
	after, buf := e.last.Head, make([]byte, 0, len(records)*1024)
	if begins {
		h := header{Vault: e.log.opts.VaultID, Epoch: e.log.opts.Epoch, First: after.Seq + 1, Prev: after.Hash}
		buf = h.append(buf)
		after.Hash = headerHash(buf)
	}
	sealer, err := e.log.sealerOf(e.log.opts.Epoch)
	if err != nil {
		return Head{}, err
	}
	for _, r := range records {
		if err := validate(r); err != nil {
			return Head{}, err
		}
		ln, err := sealer.seal(e.log.opts.Random, r, after)
		if err != nil {
			return Head{}, fault.Wrap(fault.Failed, err, "seal audit record %d", after.Seq+1)
		}
		before := len(buf)
		buf = ln.append(buf)
		if len(buf)-before > maxLine {
			return Head{}, fault.New(fault.Invalid, "audit record %d is longer than %d bytes", ln.Seq, maxLine)
		}
		r.Seq, after = ln.Seq, ln.Head
	}
	if begins {
		err = e.begin(buf)
	} else {
		err = e.write(e.seg, e.at, buf, durable)
	}
	if err != nil {
		return Head{}, err
	}
	return after, nil
}

// validate refuses what could be written but not read again.
func validate(r *Record) error {
	if y := r.Time.UTC().Year(); y < 0 || y > 9999 {
		return fault.New(fault.Invalid, "audit record: the year %d cannot be written", y)
	}
	return nil
}

// begin writes the first records of a new segment, always durably: without its name in the directory and the end of the
// segment before, later records would be lost however durable they are.
func (e *end) begin(buf []byte) error {
	l := e.log
	number := 1
	switch {
	case e.seg != nil && e.at == 0:
		return e.write(e.seg, 0, buf, true) // of a writer that died
	case e.seg != nil:
		number = e.seg.number + 1
		if e.seg.size > e.at { // only the last segment may have a torn end
			if err := e.seg.f.Truncate(e.at); err != nil {
				return paths.Explain(err, e.seg.path, "cut the torn end off %s", e.seg.path)
			}
		}
		if err := e.seg.f.Sync(); err != nil {
			return paths.Explain(err, e.seg.path, "sync %s", e.seg.path)
		}
	}
	s := &segment{number: number, path: l.segmentPath(number)}
	var err error
	if s.f, err = paths.Open(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL); err != nil {
		return err
	}
	defer s.close()
	err = e.write(s, 0, buf, true)
	if err == nil {
		err = paths.SyncDir(l.opts.Dir)
	}
	if err != nil {
		return errors.Join(err, os.Remove(s.path))
	}
	return nil
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

func (e *end) close() {
	if e.seg != nil {
		e.seg.close()
	}
}
