package audit

import (
	"context"
	"slices"
	"time"
)

// followEvery is how often a follower looks for new records. A look takes some ten microseconds and no processor time between.
const followEvery = 200 * time.Millisecond

// Follow calls fn with each record from the seq from on, then with new ones as they come, until ctx ends, whose cause it
// returns, or fn returns an error, which it returns. A log that does not exist yet is waited for.
func (l *Log) Follow(ctx context.Context, from uint64, fn func(Record) error) error {
	return l.follow(ctx, from, fn, func() error { return nil })
}

// follow is Follow with a callback after each look.
func (l *Log) follow(ctx context.Context, from uint64, fn func(Record) error, looked func() error) error {
	after := Head{Seq: max(from, 1) - 1}
	var seen extent
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		x, err := l.extent(ctx)
		if err != nil {
			return err
		}
		if len(x.numbers) > 0 && (x.size != seen.size || !slices.Equal(x.numbers, seen.numbers)) {
			if after, err = l.scan(ctx, x, after, fn); err != nil {
				return err
			}
			seen = x
		}
		if err := looked(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// FollowLines is [Log.Follow] for people: it calls fn with those lines that match q, an intent and its outcome as one. A change
// whose outcome does not come is shown as soon as committed says that the vault has reached its revision.
func (l *Log) FollowLines(ctx context.Context, q Query, from uint64, committed func(revision uint64) bool, fn func(Record) error) error {
	var waiting []Record // intents whose outcome has not come
	emit := func(r Record) error {
		if q.matches(&r) {
			return fn(r)
		}
		return nil
	}
	var under uses
	each := func(r Record) error {
		switch r.Stage {
		case Use, Ended:
			return under.next(r, emit)
		case Intent:
			waiting = append(waiting, r)
			return nil
		case Outcome:
			closed := closedBy(waiting, &r)
			for i := range closed {
				line := join(closed[i], &r)
				if counted(&line) {
					if err := under.hold(line, emit); err != nil {
						return err
					}
					continue
				}
				if err := emit(line); err != nil {
					return err
				}
			}
			if len(closed) > 0 {
				waiting = slices.DeleteFunc(waiting, func(w Record) bool { return w.Seq >= closed[0].Seq && w.Seq <= r.Of })
				return nil
			}
		}
		return emit(r) // also an outcome whose intent was before from
	}
	looked := func() error {
		for len(waiting) > 0 && committed != nil && committed(waiting[0].Revision) {
			r := waiting[0]
			waiting = waiting[1:]
			if err := emit(r); err != nil {
				return err
			}
		}
		return nil
	}
	return l.follow(ctx, from, each, looked)
}

// closedBy returns the run of intents, out of those that wait, that an outcome closes: the one it names and those of the same
// revision right before it.
func closedBy(waiting []Record, outcome *Record) []Record {
	end := slices.IndexFunc(waiting, func(w Record) bool { return w.Seq == outcome.Of })
	if end < 0 {
		return nil
	}
	begin := end
	for begin > 0 && waiting[begin-1].Revision == waiting[end].Revision && waiting[begin-1].Seq == waiting[begin].Seq-1 {
		begin--
	}
	return waiting[begin : end+1]
}
