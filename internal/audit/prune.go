package audit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// Pruning removes whole old segments from the beginning of the log. The vault says with [Options.Pruned] up to which record that was
// meant to happen; whatever else is missing, is missing. A signed note in the log's directory says the same to who has no key.

// Old returns the place up to which the log can be pruned, so that no record of the time before or later is lost, and how many records
// that would remove; the zero Head if there is nothing. The last segment always stays.
func (l *Log) Old(ctx context.Context, before time.Time) (upTo Head, records int, err error) {
	x, err := l.extent(ctx)
	if err != nil {
		return Head{}, 0, err
	}
	for i := range x.numbers[:max(0, len(x.numbers)-1)] {
		n, last, err := l.oldSegment(ctx, x, i, before)
		if err != nil || n == 0 {
			return upTo, records, err
		}
		upTo, records = last, records+n
	}
	return upTo, records, nil
}

// oldSegment returns the number of records in a segment and its end, or 0 if one is not of before the time.
func (l *Log) oldSegment(ctx context.Context, x extent, i int, before time.Time) (n int, last Head, err error) {
	s, err := x.open(l, i)
	if err != nil {
		return 0, Head{}, err
	}
	defer s.close()
	last, err = l.scanSegment(ctx, s, false, Head{s.header.First - 1, s.header.Prev}, func(r Record) error {
		if !r.Time.Before(before) {
			return errStop
		}
		n++
		return nil
	})
	if errors.Is(err, errStop) {
		return 0, Head{}, nil
	}
	return n, last, err
}

// Prune removes the segments that end at the place upTo or before, the oldest first, so that what is left is whole wherever it is
// interrupted. Before it removes any it writes the note, which says to an outsider what is missing.
func (l *Log) Prune(ctx context.Context, upTo Head, note []byte) error {
	unlock, err := paths.Lock(ctx, l.lockPath(), false)
	if err != nil {
		return err
	}
	defer unlock()
	if err := paths.WriteFile(filepath.Join(l.opts.Dir, PrunedNote), note); err != nil {
		return err
	}
	numbers, err := l.segments()
	if err != nil {
		return err
	}
	for i := range len(numbers) - 1 {
		next, err := l.openSegment(numbers[i+1], os.O_RDONLY)
		if err != nil {
			return err
		}
		first := next.header.First
		next.close()
		if first == 0 || first > upTo.Seq+1 {
			break
		}
		path := l.segmentPath(numbers[i])
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return paths.Explain(err, path, "remove %s", path)
		}
	}
	return paths.SyncDir(l.opts.Dir)
}

// PrunedNote is the name of the file in which a signed note says what was pruned.
const PrunedNote = "pruned.note"

// prunedTo returns up to where records may be missing at the beginning of the log; the zero Head: nowhere.
func (l *Log) prunedTo() (Head, error) {
	if l.opts.Pruned == nil {
		return Head{}, nil
	}
	return l.opts.Pruned()
}

// mayBegin reports whether the log may begin after a place.
func mayBegin(after, prunedTo Head) bool {
	return after == Head{} || after == prunedTo || after.Seq < prunedTo.Seq
}

// beginning returns the place after which the log in x begins, if it may begin there; else the one after which it should.
func (l *Log) beginning(x extent) (Head, error) {
	if len(x.numbers) == 0 || x.numbers[0] == 1 {
		return Head{}, nil
	}
	to, err := l.prunedTo()
	if err != nil {
		return Head{}, err
	}
	f, size, err := openRegular(l.segmentPath(x.numbers[0]))
	if f == nil || err != nil {
		return to, err
	}
	defer f.Close()
	b, err := newLines(f, 0, size).next()
	if h, _, ok := parseHeader(b); err == nil && ok {
		if after := (Head{h.First - 1, h.Prev}); mayBegin(after, to) {
			return after, nil
		}
	}
	return to, nil // whoever reads on finds what is wrong
}

// gone is the error for a place that is known and was pruned.
func gone(h, begins Head) error {
	return fault.New(fault.NotFound, "record %d was pruned: the log begins after record %d", h.Seq, begins.Seq).
		WithFix("use a later checkpoint")
}
