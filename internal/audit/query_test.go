package audit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tacit/client"
)

// story is a log in which everything happens once.
func story() []*Record {
	at := func(minute int) time.Time { return aTime.Add(time.Duration(minute) * time.Minute) }
	secret := func(id, name string, version int) Object {
		return Object{Kind: "secret", ID: id, Name: name, Version: version, Scope: "global"}
	}
	return []*Record{
		{Time: at(1), Stage: Intent, Revision: 2, Principal: "user/ana", Action: "write", Object: secret("s1", "db", 1), Result: Allowed},
		{Time: at(1), Stage: Outcome, Of: 1, Revision: 2, Principal: "user/ana", Action: "write", Result: Allowed},
		{Time: at(2), Revision: 2, Principal: "agent/bot", Action: "read", Object: secret("s1", "db", 1), Result: Allowed},
		{Time: at(3), Revision: 2, Principal: "agent/bot", Action: "read", Object: secret("", "other", 0), Result: Denied, Reason: "no rule matched"},
		{Time: at(4), Stage: Intent, Revision: 3, Principal: "user/ana", Action: "rotate", Object: secret("s1", "db", 2), Result: Allowed},
		{Time: at(4), Stage: Outcome, Of: 5, Revision: 2, Principal: "user/ana", Action: "rotate", Result: Failed, Reason: Aborted},
		{Time: at(5), Stage: Intent, Revision: 3, Principal: "user/ana", Action: "rotate", Object: secret("s1", "db", 2), Result: Allowed},
		// Its outcome was lost. Then one change to two secrets, and one that is still going on.
		{Time: at(6), Stage: Intent, Revision: 4, Principal: "user/ana", Action: "delete", Object: secret("s2", "old", 0), Result: Allowed},
		{Time: at(6), Stage: Intent, Revision: 4, Principal: "user/ana", Action: "delete", Object: secret("s3", "older", 0), Result: Allowed},
		{Time: at(6), Stage: Outcome, Of: 9, Revision: 3, Principal: "user/ana", Action: "delete", Result: Failed, Reason: "disk full"},
		{Time: at(7), Revision: 3, Principal: "agent/bot", Action: "read", Object: secret("s1", "db", 2), Result: Allowed},
		{Time: at(8), Revision: 3, Principal: "agent/bot", Action: "read", Object: secret("s1", "db", 2), Result: Allowed},
		{Time: at(9), Stage: Intent, Revision: 4, Principal: "user/ana", Action: "write", Object: secret("s4", "new", 1), Result: Allowed},
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 1 // each append its own segment
	l := Open(opts)
	for _, r := range story() {
		add(t, l, r)
	}
	at3 := func(revision uint64) bool { return revision <= 3 }
	rotated := aTime.Add(5 * time.Minute)
	ana, bot := "user/ana", "agent/bot"
	tests := []struct {
		name    string
		query   Query
		want    string
		summary client.AuditSummary
	}{
		{"all", Query{}, "1+ 3+ 4- 5! 7+ 8! 9! 11+ 12+ 13!", client.AuditSummary{Failed: 5, MostFrequentPrincipal: &ana, MostFrequentCount: 6, LastRotationAt: &rotated}},
		{"newest three, summary of all", Query{Limit: 3}, "11+ 12+ 13!", client.AuditSummary{Failed: 5, MostFrequentPrincipal: &ana, MostFrequentCount: 6, LastRotationAt: &rotated}},
		{"newest three only", Query{Limit: 3, NoSummary: true}, "11+ 12+ 13!", client.AuditSummary{}},
		{"by id", Query{ObjectIDs: []string{"s1", "s9"}}, "1+ 3+ 5! 7+ 11+ 12+", client.AuditSummary{Failed: 1, MostFrequentPrincipal: &bot, MostFrequentCount: 3, LastRotationAt: &rotated}},
		{"by name, what never had an id", Query{Name: "other"}, "4-", client.AuditSummary{Failed: 1, MostFrequentPrincipal: &bot, MostFrequentCount: 1}},
		{"by id or name", Query{ObjectIDs: []string{"s2"}, Name: "older"}, "8! 9!", client.AuditSummary{Failed: 2, MostFrequentPrincipal: &ana, MostFrequentCount: 2}},
		{"by principal", Query{Principal: bot}, "3+ 4- 11+ 12+", client.AuditSummary{Failed: 1, MostFrequentPrincipal: &bot, MostFrequentCount: 4}},
		{"since", Query{Since: aTime.Add(7 * time.Minute)}, "11+ 12+ 13!", client.AuditSummary{Failed: 1, MostFrequentPrincipal: &bot, MostFrequentCount: 2}},
		{"failed", Query{FailedOnly: true}, "4- 5! 8! 9! 13!", client.AuditSummary{Failed: 5, MostFrequentPrincipal: &ana, MostFrequentCount: 4}},
		{"nothing", Query{Principal: "user/nobody"}, "", client.AuditSummary{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found, err := l.Query(t.Context(), tt.query, at3)
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(found.Lines); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if d := cmp.Diff(tt.summary, found.Summary); d != "" {
				t.Error(d)
			}
			if found.Head != 13 {
				t.Errorf("head %d", found.Head)
			}
			if wire := found.Wire(); wire.Total != len(found.Lines) || wire.Records == nil {
				t.Errorf("%+v", wire)
			}
		})
	}
	for _, tt := range tests {
		var lines []Record
		err := l.Lines(t.Context(), tt.query, at3, func(r Record) error { lines = append(lines, r); return nil })
		tt.query.Limit, tt.query.NoSummary = 0, true
		same, qerr := l.Query(t.Context(), tt.query, at3)
		if err != nil || qerr != nil || !cmp.Equal(same.Lines, lines) {
			t.Errorf("%s: forwards %s, backwards %s; %v, %v", tt.name, brief(lines), brief(same.Lines), err, qerr)
		}
	}
	found, err := l.Query(t.Context(), Query{}, nil)
	if err != nil || brief(found.Lines) != "1+ 3+ 4- 5! 7+ 8! 9! 11+ 12+ 13+" {
		t.Errorf("%s, %v", brief(found.Lines), err)
	}
	if found.Lines[3].Reason != Aborted || found.Lines[5].Reason != "disk full" {
		t.Errorf("reasons: %+v", found.Lines)
	}
}

// brief writes lines as their seq and + for allowed, - for denied, ! for failed.
func brief(lines []Record) (s string) {
	for i, r := range lines {
		if i > 0 {
			s += " "
		}
		s += fmt.Sprint(r.Seq) + map[Result]string{Allowed: "+", Denied: "-", Failed: "!"}[r.Result]
	}
	return s
}

// A disk that says no and does it after all: the second outcome is the right one.
func TestTwoOutcomes(t *testing.T) {
	t.Parallel()
	l := Open(testOptions(t))
	intent := &Record{Time: aTime, Stage: Intent, Revision: 2, Action: "write", Result: Allowed}
	add(t, l, intent)
	add(t, l, &Record{Time: aTime, Stage: Outcome, Of: 1, Revision: 1, Action: "write", Result: Failed})
	add(t, l, &Record{Time: aTime, Stage: Outcome, Of: 1, Revision: 2, Action: "write", Result: Allowed}, read(3))
	found, err := l.Query(t.Context(), Query{}, nil)
	if err != nil || brief(found.Lines) != "1+ 4+" {
		t.Errorf("%s, %v", brief(found.Lines), err)
	}
	var lines []Record
	if err := l.Lines(t.Context(), Query{}, nil, func(r Record) error { lines = append(lines, r); return nil }); err != nil || brief(lines) != "1+ 4+" {
		t.Errorf("%s, %v", brief(lines), err)
	}
}

func TestWho(t *testing.T) {
	t.Parallel()
	l := Open(testOptions(t))
	add(t, l, story()...)
	add(t, l, &Record{Time: aTime.Add(time.Hour), Principal: "user/ana", Action: "read", Object: Object{ID: "s1", Version: 2}, Result: Allowed})
	add(t, l, &Record{Time: aTime.Add(time.Hour), Principal: "user/eve", Action: "read", Object: Object{ID: "s1", Version: 2}, Result: Denied})
	at := func(m int) time.Time { return aTime.Add(time.Duration(m) * time.Minute) }
	want := []client.AuditWhoVersion{
		{Version: 2, Principals: []client.AuditWhoPrincipal{
			{Principal: "agent/bot", FirstAt: at(7), LastAt: at(8), Count: 2, Action: "read"},
			{Principal: "user/ana", FirstAt: at(60), LastAt: at(60), Count: 1, Action: "read"},
		}},
		{Version: 1, Principals: []client.AuditWhoPrincipal{
			{Principal: "agent/bot", FirstAt: at(2), LastAt: at(2), Count: 1, Action: "read"},
		}},
	}
	got, err := l.Who(t.Context(), "s1")
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if got, err := l.Who(t.Context(), "unknown"); err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestWhoCountsIntents: a read that is a change of the vault too counts when it was done, and when nobody knows; not when it failed.
func TestWhoCountsIntents(t *testing.T) {
	t.Parallel()
	l := Open(testOptions(t))
	read := func(who string, r Record) *Record {
		r.Time, r.Principal, r.Action, r.Object, r.Result = aTime, who, "read", Object{ID: "s1", Version: 1}, orAllowed(r.Result)
		return &r
	}
	add(
		t, l,
		read("agent/done", Record{Stage: Intent, Revision: 2}), read("agent/done", Record{Stage: Outcome, Of: 1}),
		read("agent/failed", Record{Stage: Intent, Revision: 3}), read("agent/failed", Record{Stage: Outcome, Of: 3, Result: Failed}),
		read("agent/killed", Record{Stage: Intent, Revision: 3}),
	)
	got, err := l.Who(t.Context(), "s1")
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	var who []string
	for _, p := range got[0].Principals {
		who = append(who, p.Principal)
	}
	if want := []string{"agent/done", "agent/killed"}; !cmp.Equal(want, who) {
		t.Errorf("%v, want %v", who, want)
	}
}

func orAllowed(r Result) Result {
	if r == "" {
		return Allowed
	}
	return r
}

// TestFollow appends while somebody follows, across segments and from before the log exists.
func TestFollow(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 1500
	follower, writer := Open(opts), Open(opts)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan uint64)
	ended := make(chan error, 1)
	go func() {
		ended <- follower.Follow(ctx, 3, func(r Record) error { got <- r.Seq; return nil })
	}()
	next := uint64(3)
	for i := 1; i <= 12; i += 4 {
		add(t, writer, reads(i, 4)...)
		for ; next < uint64(i+4); next++ {
			if seq := <-got; seq != next {
				t.Fatalf("seq %d, want %d", seq, next)
			}
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	stop := errors.New("stop")
	if err := follower.Follow(t.Context(), 1, func(Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestFollowLines(t *testing.T) {
	t.Parallel()
	l := Open(testOptions(t))
	records := story()
	add(t, l, records...)
	add(t, l, &Record{Time: aTime, Stage: Outcome, Of: 13, Revision: 4, Action: "write", Result: Allowed})
	add(t, l, &Record{Time: aTime, Stage: Outcome, Of: 1, Revision: 4, Action: "use", Result: Failed})
	const wantLines = 11
	stop := errors.New("stop")
	var lines []Record
	follow := func(q Query, from uint64, n int) {
		t.Helper()
		lines = nil
		err := l.FollowLines(t.Context(), q, from, func(revision uint64) bool { return revision <= 3 }, func(r Record) error {
			if lines = append(lines, r); len(lines) == n {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
	}
	follow(Query{}, 1, wantLines)
	// 7 comes last: its outcome never does, and only the vault tells that it happened. 15 is an outcome whose intent is closed.
	if got := brief(lines); got != "1+ 3+ 4- 5! 8! 9! 11+ 12+ 13+ 15! 7+" {
		t.Errorf("%s", got)
	}
	follow(Query{FailedOnly: true}, 5, 4)
	if got := brief(lines); got != "5! 8! 9! 15!" {
		t.Errorf("%s", got)
	}
}

func TestWire(t *testing.T) {
	t.Parallel()
	r := Record{Seq: 9, Time: aTime.In(time.FixedZone("x", 3600)), Principal: "user/ana", Result: Denied, Request: &Request{Status: 200}}
	got := r.Wire()
	if got.Executable != nil || got.Object.Name != nil || got.Object.Version != nil || got.Reason != nil || got.Provider != nil {
		t.Errorf("what is absent is null: %+v", got)
	}
	if got.Seq != 9 || got.Time.Location() != time.UTC || got.Result != "denied" || got.Request.Status != 200 {
		t.Errorf("%+v", got)
	}
	report := Report{Records: 3, Head: Head{Seq: 3, Hash: [HashSize]byte{0xab}}, Bad: &Bad{2, Edited, "f"}}
	if w := report.Wire(); w.OK || w.Records != 3 || (*w.Head)[:4] != "ab00" || *w.Bad != (client.AuditBad{Seq: 2, Kind: "edited", File: "f"}) {
		t.Errorf("%+v", w)
	}
	if w := (&Report{}).Wire(); !w.OK || w.Head != nil || w.Bad != nil {
		t.Errorf("%+v", w)
	}
}
