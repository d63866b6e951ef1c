package audit

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"
)

// TestI05LostSectors has a power loss take parts of what was not synced, in the middle too, so that later records are there and
// earlier ones are not: the log goes on behind the last record that is whole, and whoever knows of a later one is told.
func TestI05LostSectors(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 1 << 20
	l, synced := fill(t, opts, 5)
	path := l.segmentPath(1)
	keep := len(mustRead(t, path))
	outcome := read(6)
	outcome.Stage, outcome.Of = Outcome, 5
	add(t, l, outcome)
	intents := reads(7, 60) // more than an append looks at without a reason
	for _, r := range intents {
		r.Stage, r.Revision = Intent, 2
	}
	last := add(t, l, intents...)
	l = Open(opts) // no process lives through a power loss
	whole := mustRead(t, path)
	for at := keep; at < len(whole); at += 512 * stride(3) {
		b := bytes.Clone(whole)
		clear(b[at:min(at+512, len(b))])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		want := uint64(bytes.Count(whole[:at], []byte("\n"))) - 1 // the header is a line too
		check := func(l *Log, n uint64) {
			t.Helper()
			if end, err := l.Head(t.Context()); err != nil || end.Head.Seq != n {
				t.Fatalf("lost at %d: the log ends at %d, %v; want %d", at, end.Head.Seq, err, n)
			}
			for what, through := range map[string]func(func(Record) error) error{
				"scan":    func(fn func(Record) error) error { return l.Scan(context.Background(), 1, fn) },
				"reverse": func(fn func(Record) error) error { return l.Reverse(context.Background(), fn) },
			} {
				found := uint64(0)
				if err := through(func(Record) error { found++; return nil }); err != nil || found != n {
					t.Fatalf("lost at %d: %s: %d records, %v; want %d", at, what, found, err, n)
				}
			}
			if v, err := l.Verify(t.Context(), []Head{synced}, nil); err != nil || v.Bad != nil || v.Records != n {
				t.Fatalf("lost at %d: verify: %+v, %v; want %d records", at, v, err, n)
			}
		}
		check(l, want)
		if v, err := l.Verify(t.Context(), []Head{last}, nil); err != nil || v.Bad == nil || v.Bad.Seq != want+1 {
			t.Fatalf("lost at %d: a vault that knows of the last record: %+v, %v", at, v, err)
		}
		add(t, l, read(int(want)+1))
		check(l, want+1)
	}
}

// TestI05LostFarFromTheEnd: an agent leaves a second of records that were not synced. When the machine has started anew since, what a
// power loss took is found however far from the end it is, and however it lies to the blocks that are read.
func TestI05LostFarFromTheEnd(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 0
	opts.Booted = func() time.Time { return time.Now().Add(time.Hour) }
	l, synced := fill(t, opts, 3)
	add(t, l, reads(4, 1800)...)
	path := l.segmentPath(1)
	whole := mustRead(t, path)
	if len(whole) < 4*block {
		t.Fatalf("%d bytes are too few", len(whole))
	}
	begin := bytes.IndexByte(whole, '\n') + 1
	for _, at := range []int{5000, block, begin + block - 1, begin + block, begin + block + 1, begin + 2*block - 300, len(whole) - 1} {
		b := bytes.Clone(whole)
		clear(b[at:min(at+512, len(b))])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		want := uint64(bytes.Count(whole[:at], []byte("\n"))) - 1
		if end, err := l.Head(t.Context()); err != nil || end.Head.Seq != want {
			t.Fatalf("lost at %d: the log ends at %d, %v; want %d", at, end.Head.Seq, err, want)
		}
		n := uint64(0)
		if err := l.Reverse(t.Context(), func(Record) error { n++; return nil }); err != nil || n != want {
			t.Fatalf("lost at %d: %d records backwards, %v; want %d", at, n, err, want)
		}
		add(t, l, read(int(want)+1))
		if v, err := l.Verify(t.Context(), []Head{synced}, nil); err != nil || v.Bad != nil || v.Records != want+1 {
			t.Fatalf("lost at %d: %+v, %v; want %d records", at, v, err, want+1)
		}
	}
}

// TestTornEndBeforeANewSegment: what is torn is cut off before the log goes on in another file.
func TestTornEndBeforeANewSegment(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	l, _ := fill(t, opts, 3)
	b := mustRead(t, l.segmentPath(1))
	if err := os.WriteFile(l.segmentPath(1), b[:len(b)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	opts.Keys, opts.Epoch = testKeys(2), 2
	l = Open(opts)
	head := add(t, l, read(3))
	if v, err := l.Verify(t.Context(), []Head{head}, nil); err != nil || v.Bad != nil || v.Records != 3 {
		t.Errorf("%+v, %v", v, err)
	}
}
