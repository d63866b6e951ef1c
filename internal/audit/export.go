package audit

import (
	"context"
	"slices"
)

// Lines calls fn with the lines that match q, oldest first, until fn returns an error, which it returns. Like [Log.Query] it shows
// an intent and its outcome, or a use and its end, as one, but its memory does not grow with the log; q.Limit is not looked at.
func (l *Log) Lines(ctx context.Context, q Query, committed func(revision uint64) bool, fn func(Record) error) error {
	f := forward{committed: committed, emit: func(r Record) error {
		if q.matches(&r) {
			return fn(r)
		}
		return nil
	}}
	err := l.Scan(ctx, 0, f.next)
	if err == nil {
		err = f.flush()
	}
	if err == nil {
		err = f.uses.flush(f.emit)
	}
	return err
}

// forward makes lines of records that come oldest first. A change stands in one piece, since its writer held the vault's lock: its
// intents, then what became of it, once or, if the disk said no and did it, twice.
type forward struct {
	intents   []Record // of one change
	outcome   *Record  // its last one so far
	committed func(revision uint64) bool
	emit      func(Record) error
	uses      uses
}

func (f *forward) next(r Record) error {
	if r.Stage == Use || r.Stage == Ended {
		if r.Stage == Ended && f.outcome != nil && slices.ContainsFunc(f.intents, func(i Record) bool { return i.Seq == r.Of }) {
			if err := f.flush(); err != nil {
				return err
			}
		}
		return f.uses.next(r, f.emit)
	}
	if n := len(f.intents); n > 0 {
		last := &f.intents[n-1]
		switch {
		case r.Stage == Outcome && r.Of == last.Seq:
			f.outcome = &r
			return nil
		case r.Stage == Intent && r.Revision == last.Revision && f.outcome == nil:
			f.intents = append(f.intents, r)
			return nil
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
	switch r.Stage {
	case Intent:
		f.intents = append(f.intents, r)
		return nil
	case Outcome:
		return nil // of nothing that is there
	}
	return f.emit(r)
}

// flush emits the change that was collected.
func (f *forward) flush() error {
	intents, outcome := f.intents, f.outcome
	f.intents, f.outcome = f.intents[:0], nil
	for _, r := range intents {
		switch {
		case outcome != nil:
			r = join(r, outcome)
		case f.committed != nil && !f.committed(r.Revision):
			r = join(r, &Record{Result: Failed, Reason: Aborted})
		}
		if counted(&r) {
			if err := f.uses.hold(r, f.emit); err != nil {
				return err
			}
			continue
		}
		if err := f.emit(r); err != nil {
			return err
		}
	}
	return nil
}
