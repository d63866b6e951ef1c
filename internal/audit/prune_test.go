package audit

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/fault"
)

// pruned makes a log of some segments and prunes it up to the end of the so many first ones. It returns the log, how many records are
// gone, and its head.
func pruned(t *testing.T, segments int) (l *Log, upTo, head Head) {
	t.Helper()
	opts := testOptions(t)
	opts.Pruned = func() (Head, error) { return upTo, nil }
	l, head = fill(t, opts, 40)
	numbers, err := l.segments()
	if err != nil || len(numbers) < segments+3 {
		t.Fatalf("%v, %v", numbers, err)
	}
	s, err := l.openSegment(numbers[segments], os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	// The first record of the first segment that stays: of that time and later, nothing is lost.
	upTo, n, err := l.Old(t.Context(), read(int(s.header.First)).Time)
	if err != nil || upTo.Seq != s.header.First-1 || n != int(upTo.Seq) || upTo.Hash != s.header.Prev {
		t.Fatalf("old: up to %d (%d records), %v; the next segment begins with %d", upTo.Seq, n, err, s.header.First)
	}
	if err := l.Prune(t.Context(), upTo, []byte("a note")); err != nil {
		t.Fatal(err)
	}
	if left, err := l.segments(); err != nil || len(left) != len(numbers)-segments {
		t.Fatalf("%v of %v are left, %v", left, numbers, err)
	}
	if b := mustRead(t, filepath.Join(opts.Dir, PrunedNote)); string(b) != "a note" {
		t.Errorf("note %q", b)
	}
	return l, upTo, head
}

func TestOld(t *testing.T) {
	t.Parallel()
	l, _ := fill(t, testOptions(t), 40)
	for name, before := range map[string]time.Time{"nothing is that old": aTime, "the first record": read(2).Time, "zero": {}} {
		if upTo, n, err := l.Old(t.Context(), before); err != nil || n != 0 || upTo != (Head{}) {
			t.Errorf("%s: up to %d, %d records, %v", name, upTo.Seq, n, err)
		}
	}
	upTo, n, err := l.Old(t.Context(), aTime.AddDate(1, 0, 0))
	if err != nil || n == 0 || n >= 40 || upTo.Seq != uint64(n) {
		t.Errorf("everything is old, and the last segment stays: up to %d, %d records, %v", upTo.Seq, n, err)
	}
}

// TestPrunedLog: what is left of a log can be read in every way, grows, and verifies.
func TestPrunedLog(t *testing.T) {
	t.Parallel()
	l, upTo, head := pruned(t, 3)
	want := int(head.Seq - upTo.Seq)
	if got := all(t, l); len(got) != want || got[0].Seq != upTo.Seq+1 {
		t.Errorf("%d records from %d", len(got), got[0].Seq)
	}
	found, err := l.Query(t.Context(), Query{}, nil)
	if err != nil || len(found.Lines) != want {
		t.Errorf("%d lines, %v", len(found.Lines), err)
	}
	n := 0
	if err := l.Scan(t.Context(), upTo.Seq+5, func(Record) error { n++; return nil }); err != nil || n != want-4 {
		t.Errorf("from the fifth: %d, %v", n, err)
	}
	if _, err := l.Who(t.Context(), "s1"); err != nil {
		t.Error(err)
	}
	head = add(t, l, reads(41, 20)...)
	for _, known := range [][]Head{nil, {head}, {head, upTo}} {
		if r, err := l.Verify(t.Context(), known, nil); err != nil || r.Bad != nil || r.Head != head || int(r.Records) != want+20 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if _, err := l.Verify(t.Context(), []Head{head, {Seq: upTo.Seq - 1}}, nil); !errors.Is(err, fault.NotFound) {
		t.Errorf("a checkpoint of a record that was pruned: %v", err)
	}
	other := upTo
	other.Hash[0] ^= 1
	if r, err := l.Verify(t.Context(), []Head{head, other}, nil); err != nil || r.Bad == nil || *r.Bad != (Bad{upTo.Seq, Truncated, l.segmentPath(4)}) {
		t.Errorf("a checkpoint of another log: %+v, %v", r.Bad, err)
	}
}

// TestPruneInterrupted: a log of which only some of the segments were removed is whole, and so is one whose vault knows already and
// whose files are all there.
func TestPruneInterrupted(t *testing.T) {
	t.Parallel()
	for there := range 4 {
		var upTo Head
		opts := testOptions(t)
		opts.Pruned = func() (Head, error) { return upTo, nil }
		l, head := fill(t, opts, 40)
		s, err := l.openSegment(4, os.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		upTo = Head{s.header.First - 1, s.header.Prev}
		for n := 1; n <= there; n++ {
			if err := os.Remove(l.segmentPath(n)); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := l.Verify(t.Context(), []Head{head}, nil); err != nil || r.Bad != nil || r.Head != head {
			t.Errorf("%d segments are gone: %+v, %v", there, r.Bad, err)
		}
		all(t, l)
		if err := l.Prune(t.Context(), upTo, nil); err != nil {
			t.Error(err)
		}
		if left, err := l.segments(); err != nil || left[0] != 4 {
			t.Errorf("%v, %v", left, err)
		}
	}
}

// TestI17NothingElseIsMissing: besides what was pruned, every missing or edited record is found.
func TestI17NothingElseIsMissing(t *testing.T) {
	t.Parallel()
	edit := func(path string) func(t *testing.T, l *Log) {
		return func(t *testing.T, l *Log) {
			t.Helper()
			path := filepath.Join(l.opts.Dir, path)
			b := mustRead(t, path)
			b[len(b)/2] ^= 1
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(paths ...string) func(t *testing.T, l *Log) {
		return func(t *testing.T, l *Log) {
			t.Helper()
			for _, path := range paths {
				if err := os.Remove(filepath.Join(l.opts.Dir, path)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		attack func(t *testing.T, l *Log)
		kind   Kind
	}{
		"the next segment":      {remove("000004.log"), Missing},
		"the next two segments": {remove("000004.log", "000005.log"), Missing},
		"a later segment":       {remove("000005.log"), Missing},
		"an edit in the first":  {edit("000004.log"), Edited},
		"an edit in a later":    {edit("000005.log"), Edited},
		"renumbered": {func(t *testing.T, l *Log) {
			t.Helper()
			if err := os.Rename(l.segmentPath(4), l.segmentPath(1)); err != nil {
				t.Fatal(err)
			}
		}, Missing},
		"another first line": {func(t *testing.T, l *Log) {
			t.Helper()
			b := mustRead(t, l.segmentPath(4))
			b[len(`{"tacit":"audit","format":1,"vault":"`)] ^= 1
			if err := os.WriteFile(l.segmentPath(4), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, Edited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, upTo, head := pruned(t, 3)
			tt.attack(t, l)
			r, err := l.Verify(t.Context(), []Head{head}, nil)
			if err != nil || r.Bad == nil || r.Bad.Kind != tt.kind {
				t.Errorf("%+v, %v; want %s", r.Bad, err, tt.kind)
			}
			if name == "the next segment" && r.Bad.Seq != upTo.Seq+1 {
				t.Errorf("record %d is named, %d is missing", r.Bad.Seq, upTo.Seq+1)
			}
			if err := l.Scan(t.Context(), 0, func(Record) error { return nil }); err == nil {
				t.Error("a scan notices nothing")
			}
			opts := l.opts
			opts.Pruned = nil
			if r, err := Open(opts).Verify(t.Context(), []Head{head}, nil); err != nil || r.Bad == nil {
				t.Errorf("without the vault's word: %+v, %v", r.Bad, err)
			}
		})
	}
}
