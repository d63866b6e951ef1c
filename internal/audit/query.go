package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"tacit/client"
)

// Query selects lines. The zero Query matches all.
type Query struct {
	ObjectIDs  []string // ids of what it is about, or
	Name       string   // its name: a secret that was removed, or never there, has no id that anyone could ask for
	Principal  string
	Since      time.Time
	FailedOnly bool // denied or failed
	Limit      int  // newest so many; 0: all
	NoSummary  bool // stop at the limit instead of reading the whole log for the summary
}

// Found is the answer to a query.
type Found struct {
	Lines   []Record // oldest first, an intent and its outcome as one
	Summary client.AuditSummary
	Head    uint64 // seq of the log's last record: what comes later has a greater one
}

func (q *Query) matches(r *Record) bool {
	switch {
	case q.FailedOnly && r.Result == Allowed,
		q.Principal != "" && r.Principal != q.Principal,
		r.Time.Before(q.Since):
		return false
	case len(q.ObjectIDs) == 0 && q.Name == "":
		return true
	}
	return q.Name != "" && r.Object.Name == q.Name || r.Object.ID != "" && slices.Contains(q.ObjectIDs, r.Object.ID)
}

// errStop ends a reading early.
var errStop = errors.New("stop")

// Query returns the newest lines that match q, and a summary of all that do. An intent and its outcome are one line: that of the
// intent, with the result of the outcome; so are a use and its end. Of an intent without outcome committed tells whether its revision was reached
// (nil: it was). It reads the log from its end, in memory that grows with the lines that are returned only.
func (l *Log) Query(ctx context.Context, q Query, committed func(revision uint64) bool) (Found, error) {
	var found Found
	s := summary{principals: make(map[string]int)}
	j := joiner{outcomes: make(map[uint64]Record), ends: make(map[uint64]Record), committed: committed}
	err := l.Reverse(ctx, func(r Record) error {
		found.Head = max(found.Head, r.Seq)
		line, ok := j.next(r)
		if !ok || !q.matches(&line) {
			return nil
		}
		s.add(&line)
		if q.Limit == 0 || len(found.Lines) < q.Limit {
			found.Lines = append(found.Lines, line)
		} else if q.NoSummary {
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return Found{}, err
	}
	slices.Reverse(found.Lines)
	if !q.NoSummary {
		found.Summary = s.summary()
	}
	return found, nil
}

// joiner makes lines of records that come newest first.
type joiner struct {
	outcomes  map[uint64]Record // by the seq of the intent they name
	ends      map[uint64]Record // of uses, by the seq of their decision
	committed func(revision uint64) bool
	run       struct { // of intents that one outcome closes
		next, revision uint64
		outcome        Record
	}
}

func (j *joiner) next(r Record) (line Record, ok bool) {
	if r.Stage == Ended {
		j.ends[r.Of] = r
		return Record{}, false
	}
	if end, ok := j.ends[r.Seq]; ok {
		delete(j.ends, r.Seq)
		defer func() { line = join(line, &end) }() // of this line alone: its outcome may be that of others too
	}
	if r.Stage == Outcome {
		if _, later := j.outcomes[r.Of]; !later { // of two the later one is right: the disk said no and did it
			j.outcomes[r.Of] = r
		}
		return Record{}, false
	}
	outcome, named := j.outcomes[r.Seq]
	delete(j.outcomes, r.Seq)
	switch {
	case named:
		j.run.revision, j.run.outcome = r.Revision, outcome
	case r.Stage == Intent && j.run.next == r.Seq && j.run.revision == r.Revision:
		outcome = j.run.outcome
	case r.Stage == Intent && j.committed != nil && !j.committed(r.Revision):
		outcome = Record{Result: Failed, Reason: Aborted}
	default:
		return r, true
	}
	if r.Stage == Intent {
		j.run.next = r.Seq - 1
	}
	return join(r, &outcome), true
}

// join returns the line of an intent and its outcome.
func join(intent Record, outcome *Record) Record {
	if outcome.Result != Allowed {
		intent.Result, intent.Reason = outcome.Result, outcome.Reason
	}
	if outcome.Request != nil {
		intent.Request = outcome.Request
	}
	if outcome.Stage == Ended && outcome.Object.Version > 0 {
		intent.Object.Version = outcome.Object.Version // of what a provider besides the vault answered
	}
	return intent
}

// summary collects a [client.AuditSummary] from lines in any order.
type summary struct {
	failed     int
	principals map[string]int
	rotated    time.Time
}

func (s *summary) add(r *Record) {
	s.principals[r.Principal]++
	if r.Result != Allowed {
		s.failed++
	}
	if r.Done() && r.Action == "rotate" && r.Time.After(s.rotated) {
		s.rotated = r.Time
	}
}

func (s *summary) summary() client.AuditSummary {
	out := client.AuditSummary{Failed: s.failed}
	for p, n := range s.principals {
		if n > out.MostFrequentCount || n == out.MostFrequentCount && p < *out.MostFrequentPrincipal {
			out.MostFrequentPrincipal, out.MostFrequentCount = &p, n
		}
	}
	if !s.rotated.IsZero() {
		out.LastRotationAt = &s.rotated
	}
	return out
}
