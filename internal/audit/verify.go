package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// Kind is what is wrong with a record.
type Kind string

// The kinds. A record that fits several is given the first that does in the order of the log.
const (
	Edited     Kind = "edited"      // its bytes, or those of the header before it, are not what the vault wrote
	Missing    Kind = "missing"     // it is not there, and later ones are
	Inserted   Kind = "inserted"    // there is one too many with this seq
	Reordered  Kind = "reordered"   // it stands later
	Truncated  Kind = "truncated"   // the log ends before a place that is known of it, or has another record there
	RolledBack Kind = "rolled_back" // the vault is older than a change that the record says happened
)

// Bad is the first bad record.
type Bad struct {
	Seq  uint64
	Kind Kind
	File string // path of the segment where it is, or would be
}

// Report is what [Log.Verify] found.
type Report struct {
	Records uint64 // lines that are there, good or bad
	Head    Head   // the last good record
	Bad     *Bad   // nil: none
	Torn    int64  // bytes at the end that a dying writer left; the next append cuts them off. Not an error
}

// Verify checks the whole log, without keys its chain, with keys each record too, and names the first bad one. It writes
// nothing, and reads no more than what was there when it was called.
//
// known are places that the log must have: what the vault's anchor remembers, read before the call, and what a checkpoint says.
// revision is called after the end of the
// log was fixed, so that changes committed meanwhile are not taken for a rollback, and returns the vault's revision; nil: not
// known. The error is about reading; a log that could be read and is bad is a Report.
func (l *Log) Verify(ctx context.Context, known []Head, revision func() (uint64, error)) (Report, error) {
	x, err := l.extent(ctx)
	if err != nil {
		return Report{}, err
	}
	v := verifier{log: l, x: x, parser: newParser(), known: known}
	if revision != nil && l.opts.Keys != nil {
		r, err := revision()
		if err != nil {
			return Report{}, err
		}
		v.revisions = &revisions{now: r}
	}
	err = v.run(ctx)
	return v.report, err
}

// verifier walks through the log.
type verifier struct {
	log       *Log
	x         extent
	parser    *parser
	sealer    *sealer    // of the segment's epoch; nil without keys
	epoch     uint32     // of the segment before
	known     []Head     // places that the log must have
	revisions *revisions // nil: the vault's revision is not known

	report  Report
	follows Head // seq of the last good record, and what the next one must have as prev: its hash, or that of a header
	fresh   bool // follows.Hash is a header's

	other *Bad // the first of the known places that has another record
}

func (v *verifier) run(ctx context.Context) error {
	base, err := v.begin()
	if err != nil {
		return err
	}
	file := v.log.segmentPath(base)
	for i, number := range v.x.numbers {
		if want := base + i; number != want && v.report.Bad == nil {
			v.bad(v.misplaced(i, 0, v.log.segmentPath(want)))
		}
		file = v.log.segmentPath(number)
		if err := v.file(ctx, i, file); err != nil {
			return err
		}
	}
	if v.other != nil {
		v.bad(v.other)
	}
	if v.follows.Seq < v.last() {
		v.bad(&Bad{v.follows.Seq + 1, Truncated, file})
	}
	return nil
}

// begin finds the place after which the log begins, which is a later one if it was pruned, and returns the number of its first
// segment.
func (v *verifier) begin() (number int, err error) {
	begins, err := v.log.beginning(v.x)
	if err != nil || begins.Seq == 0 {
		return 1, err
	}
	v.follows = begins
	for _, h := range v.known {
		switch {
		case h.Seq < begins.Seq:
			return 0, gone(h, begins)
		case h.Seq == begins.Seq && h.Hash != begins.Hash && v.other == nil:
			v.other = &Bad{h.Seq, Truncated, v.log.segmentPath(v.x.numbers[0])}
		}
	}
	return v.x.numbers[0], nil
}

// last returns the seq of the last place that is known; 0: none is.
func (v *verifier) last() (seq uint64) {
	for _, h := range v.known {
		seq = max(seq, h.Seq)
	}
	return seq
}

func (v *verifier) bad(b *Bad) {
	if v.report.Bad == nil {
		v.report.Bad = b
	}
}

// file verifies the i-th segment, or only counts its records when a bad one was found before.
func (v *verifier) file(ctx context.Context, i int, path string) error {
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	if f == nil {
		v.bad(&Bad{v.follows.Seq + 1, Edited, path})
		return nil
	}
	defer f.Close()
	last := i == len(v.x.numbers)-1
	if last {
		size = min(size, v.x.size)
	}
	w := walk{verifier: v, i: i, path: path, f: f, size: size, last: last, lines: newLines(f, 0, size)}
	before := v.report.Records
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b, err := w.lines.next()
		if err != nil && !errors.Is(err, errLongLine) && !errors.Is(err, errTornLine) && !errors.Is(err, io.EOF) {
			return paths.Explain(err, path, "read %s", path)
		}
		if last && v.lost(b) {
			v.report.Torn = size - w.lines.at + int64(len(b))
			if err == nil {
				v.report.Torn++ // the newline
			}
			if n <= 1 {
				v.report.Torn, v.report.Records = size, before
			}
			return nil
		}
		if v.report.Bad == nil {
			bad, stop := w.step(n, b, err)
			if stop != nil {
				return stop
			}
			if bad != nil {
				v.bad(bad)
			}
		}
		if errors.Is(err, errTornLine) || errors.Is(err, io.EOF) {
			if n == 1 && last && v.report.Bad == nil {
				v.report.Torn, v.report.Records = size, before // a header without a record: its writer died
			}
			return nil
		}
		if n > 0 {
			v.report.Records++
		}
	}
}

// lost says whether a power loss took the log from this line on: it has NUL bytes, and no record behind is known.
func (v *verifier) lost(b []byte) bool {
	return bytes.IndexByte(b, 0) >= 0 && v.report.Bad == nil && v.follows.Seq >= v.last()
}

// openRegular opens a file for reading, whatever its modes: a copy can be checked too. It returns nil for what is no file.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, nil
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, 0, paths.Explain(err, path, "open %s", path)
	}
	return f, info.Size(), nil
}

// walk is the way through one segment.
type walk struct {
	*verifier
	i     int
	path  string
	f     *os.File
	size  int64
	last  bool // the last segment
	lines *lines
}

// step judges the n-th line, or what is at the end in its place. The error is about a log that this tacit cannot judge.
func (w *walk) step(n int, b []byte, lineErr error) (*Bad, error) {
	edited := &Bad{w.follows.Seq + 1, Edited, w.path}
	switch {
	case errors.Is(lineErr, io.EOF):
		if n <= 1 && !w.last {
			return &Bad{w.follows.Seq + 1, Missing, w.path}, nil
		}
		return nil, nil
	case errors.Is(lineErr, errTornLine):
		if !w.last || !torn(b) {
			return edited, nil
		}
		w.report.Torn = int64(len(b))
		return nil, nil
	case lineErr != nil:
		return edited, nil
	case n == 0:
		return w.header(b)
	}
	ln, ok := w.parser.record(b)
	if !ok || ln.Hash != ln.sum() {
		return edited, nil
	}
	if ln.Seq != w.follows.Seq+1 || ln.prev != w.follows.Hash {
		return w.misfit(&ln), nil
	}
	if bad := w.authentic(&ln); bad != nil {
		return bad, nil
	}
	for _, h := range w.known {
		if h.Seq == ln.Seq && h.Hash != ln.Hash && w.other == nil {
			w.other = &Bad{ln.Seq, Truncated, w.path}
		}
	}
	w.follows, w.fresh = ln.Head, false
	w.report.Head = ln.Head
	return nil, nil
}

// header judges the first line of a segment.
func (w *walk) header(b []byte) (*Bad, error) {
	edited := &Bad{w.follows.Seq + 1, Edited, w.path}
	bound := sha256.Sum256(b)
	h, newer, ok := parseHeader(b)
	first, whole := w.peek()
	intact := whole && first.prev == bound // what follows was written behind this header
	switch {
	case newer && !whole:
		return nil, fault.New(fault.NewerFormat, "%s was written by a newer tacit", w.path).About(w.path).WithFix("install the newer tacit")
	case !ok:
		return edited, nil
	case h.First == w.follows.Seq+1 && h.Prev == w.follows.Hash:
		if h.Epoch < w.epoch || w.log.opts.VaultID != "" && h.Vault != w.log.opts.VaultID {
			return edited, nil
		}
	case !intact:
		return edited, nil
	case h.First > w.follows.Seq+1:
		return w.misplaced(w.i, w.lines.at, w.path), nil
	case h.First <= w.follows.Seq:
		return &Bad{h.First, Inserted, w.path}, nil
	default:
		return &Bad{max(w.follows.Seq, 1), Edited, w.path}, nil // the record before is not the one that this header followed
	}
	w.epoch, w.fresh = h.Epoch, true
	w.follows.Hash = bound
	if w.log.opts.Keys != nil {
		s, err := w.log.sealerOf(h.Epoch)
		if err != nil {
			if intact {
				return nil, err
			}
			return edited, nil
		}
		w.sealer = s
	}
	return nil, nil
}
