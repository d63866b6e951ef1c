package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/fault"
)

// all returns every record of the log.
func all(t testing.TB, l *Log) (out []Record) {
	t.Helper()
	if err := l.Scan(t.Context(), 0, func(r Record) error { out = append(out, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAppendAndReadBack(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	l := Open(opts)
	if last, err := l.Head(t.Context()); err != nil || last != (Last{}) {
		t.Errorf("empty log: %+v, %v", last, err)
	}
	full := read(1)
	full.Stage, full.Of, full.Reason, full.Policy = Outcome, 7, "rule \"x\"\n<&>", "grant-4"
	full.Request = &Request{
		Method: "POST", Path: "/v1/ü\u2028", Status: 200, BytesUp: 1 << 40, BytesDown: 2, Redactions: 3, DurationMS: 4, Credential: "openai",
	}
	want := []*Record{full, {Time: aTime.Add(123456789), UID: -1}}
	h := add(t, l, want...)
	if h.Seq != 2 || want[0].Seq != 1 || want[1].Seq != 2 {
		t.Errorf("head %d, seqs %d, %d", h.Seq, want[0].Seq, want[1].Seq)
	}
	got := all(t, Open(opts))
	if d := cmp.Diff([]Record{*want[0], *want[1]}, got); d != "" {
		t.Error(d)
	}
	_, err := l.Append(t.Context(), true, func(last Last) ([]*Record, error) {
		if last.Head != h {
			t.Errorf("last %v, want %v", last.Head, h)
		}
		if d := cmp.Diff(want[1], last.Record); d != "" {
			t.Error(d)
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sentinel := errors.New("no")
	if _, err := l.Append(t.Context(), true, func(Last) ([]*Record, error) { return reads(1, 3), sentinel }); !errors.Is(err, sentinel) {
		t.Errorf("%v", err)
	}
	if last, err := l.Head(t.Context()); err != nil || last.Head != h {
		t.Errorf("something was written: %v, %v", last, err)
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	fill(t, opts, 30)
	opts.Keys, opts.Epoch = testKeys(3), 3
	l := Open(opts)
	add(t, l, reads(31, 20)...) // one append never straddles segments, however long it is
	h := add(t, l, read(51))
	numbers, err := l.segments()
	if err != nil || len(numbers) < 4 {
		t.Fatalf("%v, %v", numbers, err)
	}
	got := all(t, l)
	if uint64(len(got)) != h.Seq || h.Seq != 51 {
		t.Fatalf("%d records, head %d", len(got), h.Seq)
	}
	for i, r := range got {
		want := *read(i + 1)
		want.Seq = uint64(i + 1)
		if d := cmp.Diff(want, r); d != "" {
			t.Fatal(d)
		}
	}
	var back []Record
	if err := l.Reverse(t.Context(), func(r Record) error { back = append(back, r); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(back)
	if d := cmp.Diff(got, back); d != "" {
		t.Errorf("reverse: %s", d)
	}
	report, err := l.Verify(t.Context(), []Head{h}, func() (uint64, error) { return 1, nil })
	if err != nil || report.Bad != nil || report.Records != 51 || report.Head != h {
		t.Errorf("%+v, %v", report, err)
	}
	// A vault from before the root rotation.
	opts.Epoch = 1
	_, err = Open(opts).Append(t.Context(), true, func(Last) ([]*Record, error) { return reads(1, 1), nil })
	if !errors.Is(err, fault.RolledBack) {
		t.Errorf("older epoch: %v", err)
	}
}

func TestScanFrom(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 300 << 10 // large enough for the bisection
	l := Open(opts)
	const n = 1500
	for i := 1; i <= n; i += 100 {
		add(t, l, reads(i, 100)...)
	}
	for _, from := range []uint64{0, 1, 2, 3, 99, 100, 101, 449, 450, 451, 700, 777, 1023, 1499, 1500, 1501, 5000} {
		next := max(from, 1)
		err := l.Scan(t.Context(), from, func(r Record) error {
			if r.Seq != next {
				return fmt.Errorf("seq %d, want %d", r.Seq, next)
			}
			next++
			return nil
		})
		if err != nil || next != max(n+1, from) {
			t.Errorf("from %d: came to %d, %v", from, next, err)
		}
	}
	stop := errors.New("stop")
	if err := l.Scan(t.Context(), 0, func(Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// TestTornTail cuts the last write of several records at every byte. What was whole before stays, the rest is gone, and the log
// goes on. The same with NUL bytes where the disk lost something.
func TestTornTail(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 0
	l, _ := fill(t, opts, 3)
	path := l.segmentPath(1)
	before := len(mustRead(t, path))
	add(t, l, reads(4, 2)...)
	whole := mustRead(t, path)
	firstNewline := before + bytes.IndexByte(whole[before:], '\n') + 1
	for _, lost := range []bool{false, true} {
		step := 1
		if lost {
			step = stride(11)
		}
		for cut := before; cut < len(whole); cut += step {
			torn := slices.Clone(whole[:cut])
			if lost {
				torn = append(torn, make([]byte, 700)...)
			}
			want := 3
			if cut >= firstNewline {
				want = 4
			}
			checkTorn(t, opts, torn, want)
		}
	}
}

// TestTornFirstRecord cuts the write that begins a segment at every byte.
func TestTornFirstRecord(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 1
	l, _ := fill(t, opts, 1)
	segment := mustRead(t, l.segmentPath(1))
	for cut := 0; cut < len(segment); cut += stride(7) {
		checkTorn(t, opts, segment[:cut], 0)
	}
	checkTorn(t, opts, segment[:len(segment)-1], 0)
	checkTorn(t, opts, make([]byte, 4096), 0)

	for cut := 0; cut < len(segment); cut += stride(13) { // the second segment
		opts := testOptions(t)
		opts.SegmentSize = 1
		l, _ := fill(t, opts, 2)
		second := mustRead(t, l.segmentPath(2))
		if err := os.WriteFile(l.segmentPath(2), second[:min(cut, len(second)-1)], 0o600); err != nil {
			t.Fatal(err)
		}
		if got := all(t, l); len(got) != 1 {
			t.Fatalf("cut at %d: %d records", cut, len(got))
		}
		if h := add(t, l, read(2)); h.Seq != 2 || len(all(t, l)) != 2 {
			t.Fatalf("cut at %d: head %d", cut, h.Seq)
		}
	}
}

// checkTorn makes a log of one segment with the content and wants it to have the first so many records and to go on.
func checkTorn(t *testing.T, opts Options, content []byte, want int) {
	t.Helper()
	opts.Dir += "-torn"
	l := Open(opts)
	if err := errors.Join(os.RemoveAll(opts.Dir), os.Mkdir(opts.Dir, 0o700), os.WriteFile(l.segmentPath(1), content, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := all(t, l); len(got) != want {
		t.Fatalf("%d bytes: %d records, want %d", len(content), len(got), want)
	}
	report, err := l.Verify(t.Context(), nil, nil)
	if err != nil || report.Bad != nil || int(report.Records) != want {
		t.Fatalf("%d bytes: %+v, %v", len(content), report, err)
	}
	n := 0
	if err := l.Reverse(t.Context(), func(Record) error { n++; return nil }); err != nil || n != want {
		t.Fatalf("%d bytes: %d records backwards, %v", len(content), n, err)
	}
	h := add(t, l, read(want+1), read(want+2))
	if h.Seq != uint64(want+2) || len(all(t, l)) != want+2 {
		t.Fatalf("%d bytes: head %d, %d records", len(content), h.Seq, len(all(t, l)))
	}
	if report, err := l.Verify(t.Context(), []Head{h}, nil); err != nil || report.Bad != nil || report.Torn != 0 {
		t.Fatalf("%d bytes: %+v, %v", len(content), report, err)
	}
}

// TestI17DamagedLastLineIsNotTakenForTorn: only what a dying writer leaves is cut off.
func TestI17DamagedLastLineIsNotTakenForTorn(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	l, _ := fill(t, opts, 3)
	path := l.segmentPath(1)
	whole := mustRead(t, path)
	flipped := func(at int, bit byte) []byte {
		b := slices.Clone(whole)
		b[at] ^= bit
		return b
	}
	for name, content := range map[string][]byte{
		"the newline flipped":      flipped(len(whole)-1, 1),
		"a brace flipped":          flipped(len(whole)-2, 1),
		"the hash flipped":         flipped(len(whole)-10, 1),
		"the ciphertext flipped":   flipped(len(whole)-100, 1),
		"a line of something else": append(slices.Clone(whole), "hello\n"...),
		"something else, no end":   append(slices.Clone(whole), "hello"...),
		"an empty line":            append(slices.Clone(whole), '\n'),
		"too long to be a line":    append(slices.Clone(whole), `{"seq":4,"prev":"`+strings.Repeat("0", maxLine)...),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := l.Append(t.Context(), true, func(Last) ([]*Record, error) { return reads(4, 1), nil })
		if !errors.Is(err, fault.Tampered) {
			t.Errorf("%s: %v, want class tampered", name, err)
		}
		if b := mustRead(t, path); !bytes.Equal(b, content) {
			t.Errorf("%s: the log was changed", name)
		}
		if report, err := l.Verify(t.Context(), nil, nil); err != nil || report.Bad == nil {
			t.Errorf("%s: verify found nothing (%v)", name, err)
		}
	}
}

func TestI02ForeignLogIsRefused(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	fill(t, opts, 3)
	other := opts
	other.VaultID = "01JOTHER"
	otherKey := opts
	otherKey.Keys = shifted{}
	for name, o := range map[string]Options{"another vault": other, "the same id, another root key": otherKey} {
		_, err := Open(o).Append(t.Context(), true, func(Last) ([]*Record, error) { return reads(4, 1), nil })
		if !errors.Is(err, fault.Foreign) || !strings.Contains(err.Error(), "not the vault you used here before") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAppendLimits(t *testing.T) {
	t.Parallel()
	l := Open(testOptions(t))
	long, early := read(1), read(1)
	long.Reason = strings.Repeat("x", maxLine)
	early.Time = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, r := range map[string]*Record{"long": long, "early": early} {
		_, err := l.Append(t.Context(), true, func(Last) ([]*Record, error) { return []*Record{read(1), r}, nil })
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := all(t, l); len(got) != 0 {
		t.Errorf("%d records", len(got))
	}
	largest := read(1)
	largest.Reason = strings.Repeat("x", 48000)
	add(t, l, largest)
	add(t, l, read(2)) // its last record is found again
	if got := all(t, l); len(got) != 2 || got[0].Reason != largest.Reason {
		t.Errorf("%d records", len(got))
	}
}

func TestAppendTogether(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize = 32 << 10
	shared, own := Open(opts), Open(opts)
	var wg sync.WaitGroup
	for i := range 8 {
		l := shared
		if i%2 == 0 {
			l = own
		}
		wg.Go(func() {
			for range 25 {
				add(t, l, read(1))
			}
		})
	}
	wg.Wait()
	if n := len(all(t, shared)); n != 200 {
		t.Errorf("%d of 200", n)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	var phases []string
	opts.Trace = func(p string) { phases = append(phases, p) }
	l := Open(opts)
	add(t, l, read(1)) // a new segment is always synced
	add(t, l, read(2))
	if _, err := l.Append(t.Context(), true, func(Last) ([]*Record, error) { return reads(3, 1), nil }); err != nil {
		t.Fatal(err)
	}
	want := "locked writing written synced locked writing written locked writing written synced"
	if got := strings.Join(phases, " "); got != want {
		t.Errorf("%s", got)
	}
}

// TestSegmentSpan: a segment ends with its span of time, also when the clock jumps, and a clock that is put back begins none.
func TestSegmentSpan(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.SegmentSize, opts.SegmentSpan = 0, time.Hour
	l := Open(opts)
	stop := l.KeepSynced(time.Hour)
	for i, tt := range []struct{ minute, segments int }{
		{0, 1}, {59, 1}, {60, 2}, {70, 2}, {30, 2}, {61, 3}, {600, 4}, {601, 4},
	} {
		r := read(0)
		r.Time = aTime.Add(time.Duration(tt.minute) * time.Minute)
		add(t, l, r)
		numbers, err := l.segments()
		if err != nil || len(numbers) != tt.segments {
			t.Errorf("record %d, at minute %d: %d segments, %v; want %d", i+1, tt.minute, len(numbers), err, tt.segments)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if r, err := l.Verify(t.Context(), nil, nil); err != nil || r.Bad != nil || r.Records != 8 {
		t.Errorf("%+v, %v", r, err)
	}
}
