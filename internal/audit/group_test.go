//go:build unix

package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/paths/pathstest"
)

// keep has the log kept open and synced, within a time that no test waits for, until the test ends.
func keep(t testing.TB, l *Log) {
	t.Helper()
	stop := l.KeepSynced(time.Hour)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestAppendsShareAWrite: callers that wait for the one who writes are served by one write, each with its own answer.
func TestAppendsShareAWrite(t *testing.T) {
	t.Parallel()
	const callers = 40
	opts := testOptions(t)
	opts.SegmentSize = 0
	var mu sync.Mutex
	phases := map[string]int{}
	first, waiting := make(chan bool), make(chan bool)
	opts.Trace = func(phase string) {
		mu.Lock()
		defer mu.Unlock()
		if phases[phase]++; phase == "locked" && phases[phase] == 1 {
			close(first)
			<-waiting
		}
	}
	l := Open(opts)
	keep(t, l)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := l.Append(t.Context(), false, func(Last) ([]*Record, error) { return reads(1, 1), nil }); err != nil {
			t.Error(err)
		}
	})
	<-first
	no := errors.New("no")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	seqs := make([]uint64, callers)
	for i := range callers {
		wg.Go(func() {
			ctx, records, want := t.Context(), reads(i, 1+i%3), error(nil)
			var err error
			switch i % 8 {
			case 5:
				want = no
			case 6:
				ctx, want = cancelled, context.Canceled
			case 7:
				records[0].Time, want = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), fault.Invalid
			}
			var h Head
			h, err = l.Append(ctx, i%2 == 0, func(Last) ([]*Record, error) {
				if errors.Is(want, no) {
					return nil, no
				}
				return records, nil
			})
			if !errors.Is(err, want) {
				t.Errorf("caller %d: %v, want %v", i, err, want)
			}
			seqs[i] = h.Seq
			if err == nil && records[len(records)-1].Seq != h.Seq {
				t.Errorf("caller %d: record %d, head %d", i, records[len(records)-1].Seq, h.Seq)
			}
		})
	}
	for queued := 0; queued < callers; {
		l.queue.mu.Lock()
		queued = len(l.queue.waiting)
		l.queue.mu.Unlock()
	}
	close(waiting)
	wg.Wait()
	seen := map[uint64]bool{}
	for i, seq := range seqs {
		if seq > 0 && seen[seq] {
			t.Errorf("caller %d: %d was given twice", i, seq)
		}
		seen[seq] = true
	}
	r, err := l.Verify(t.Context(), nil, nil)
	if err != nil || r.Bad != nil || r.Records != 1+49 {
		t.Errorf("%+v, %v", r, err)
	}
	if phases["writing"] != 2 || phases["synced"] != 2 { // the first one begins a segment
		t.Errorf("%v", phases)
	}
}

// TestI16WrittenIsSynced: what was only written is synced by itself, and the rest when the syncer stops; nothing is left running.
func TestI16WrittenIsSynced(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	opts := testOptions(t)
	synced := make(chan bool, 100)
	opts.Trace = func(phase string) {
		if phase == "synced" {
			synced <- true
		}
	}
	l := Open(opts)
	add(t, l, read(1))
	<-synced // a new segment is
	stop := l.KeepSynced(time.Millisecond)
	for i := range 5 {
		add(t, l, read(2+i))
		<-synced
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	stop = l.KeepSynced(time.Hour)
	add(t, l, read(7))
	if len(synced) > 0 {
		t.Error("synced at once")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(synced) != 1 {
		t.Errorf("%d syncs at the end", len(synced))
	}
	if l.kept != nil {
		t.Error("the log is still open")
	}
	if r, err := l.Verify(t.Context(), nil, nil); err != nil || r.Bad != nil || r.Records != 7 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestI16FailedSync: a log that could not be synced takes no more records, whatever the disk says later.
func TestI16FailedSync(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	tried := make(chan bool, 10)
	opts.Trace = func(phase string) {
		if phase == "synced" {
			tried <- true
		}
	}
	l := Open(opts)
	_, pipe, err := os.Pipe() // which cannot be synced
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	stop := l.KeepSynced(time.Microsecond)
	l.sync.wrote(pipe, false)
	<-tried
	for range 3 {
		if _, err := l.Append(t.Context(), true, func(Last) ([]*Record, error) { return reads(1, 1), nil }); !errors.Is(err, fault.Failed) {
			t.Errorf("appended after a failed sync: %v", err)
		}
	}
	if err := stop(); err == nil {
		t.Error("stop says nothing about it")
	}
	keep(t, l)
	add(t, l, read(1))
}

// TestKeptEnd: a log that is kept open notices everything that happened to it meanwhile.
func TestKeptEnd(t *testing.T) {
	t.Parallel()
	appendTo := func(l *Log) error {
		_, err := l.Append(context.Background(), false, func(Last) ([]*Record, error) { return reads(1, 1), nil })
		return err
	}
	for name, tt := range map[string]struct {
		meanwhile func(t *testing.T, opts Options, path string) error
		want      error
		records   uint64
	}{
		"nothing":                    {func(*testing.T, Options, string) error { return nil }, nil, 4},
		"another process":            {func(t *testing.T, o Options, _ string) error { fill(t, o, 2); return nil }, nil, 6},
		"another process and a roll": {func(t *testing.T, o Options, _ string) error { fill(t, o, 30); return nil }, nil, 34},
		"a torn end": {func(_ *testing.T, _ Options, path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString(`{"seq":4,"prev":"00`)
			}
			return errors.Join(err, f.Close())
		}, nil, 4},
		"edited": {func(_ *testing.T, _ Options, path string) error {
			b, err := os.ReadFile(path)
			b[len(b)-90] ^= 1
			return errors.Join(err, os.WriteFile(path, b, 0o600))
		}, fault.Tampered, 0},
		"cut": {func(_ *testing.T, _ Options, path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path, b[:strings.LastIndex(strings.TrimSuffix(string(b), "\n"), "\n")+1], 0o600))
		}, nil, 3}, // as without: the vault's anchor tells
		"replaced by a copy": {func(_ *testing.T, _ Options, path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.Remove(path), os.WriteFile(path, b, 0o600))
		}, nil, 4},
		"wide modes": {func(_ *testing.T, _ Options, path string) error { return os.Chmod(path, 0o644) }, fault.Permissions, 0},
		"set aside":  {func(_ *testing.T, o Options, _ string) error { return os.Rename(o.Dir, o.Dir+".aside") }, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := testOptions(t)
			l := Open(opts)
			keep(t, l)
			for range 3 {
				if err := appendTo(l); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.meanwhile(t, opts, l.segmentPath(1)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // an error does not go away
				if err := appendTo(l); !errors.Is(err, tt.want) {
					t.Fatalf("%v, want %v", err, tt.want)
				}
				if tt.want == nil {
					break
				}
			}
			if tt.want != nil {
				return
			}
			if r, err := l.Verify(t.Context(), nil, nil); err != nil || r.Bad != nil || r.Records != tt.records {
				t.Errorf("%+v, %v, want %d records", r, err, tt.records)
			}
		})
	}
}

// childAgent appends from many goroutines without syncing, as an agent does, and prints what was acknowledged.
func childAgent(dir string) error {
	l := Open(childOptions(dir))
	defer l.KeepSynced(5 * time.Millisecond)() //nolint:errcheck // it is killed
	failed := make(chan error)
	for range 8 {
		go func() {
			for i := 0; ; i++ {
				h, err := l.Append(noContext{}, i%50 == 0, func(last Last) ([]*Record, error) { return reads(int(last.Head.Seq)+1, 1), nil })
				if err != nil {
					failed <- err
					return
				}
				fmt.Println(h.Seq)
			}
		}()
	}
	return <-failed
}

// TestAgentAndOthers kills an agent in the middle of its appends, again and again, while other processes append too. What either
// acknowledged is there, and the chain holds.
func TestAgentAndOthers(t *testing.T) {
	t.Parallel()
	rounds := 12
	if os.Getenv("TACIT_LONG") != "" {
		rounds = 200
	}
	dir := filepath.Join(t.TempDir(), "audit")
	random := rand.New(rand.NewPCG(5, 6))
	l := Open(childOptions(dir))
	for range rounds {
		others := pathstest.Command(t, "many", dir, strconv.Itoa(10+random.IntN(20)))
		if err := others.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := killed(t, pathstest.Command(t, "agent", dir), 50+random.IntN(500), time.Duration(random.IntN(900))*time.Microsecond)
		if err := others.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
		last, err := l.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if last.Head.Seq < acknowledged {
			t.Fatalf("the log ends at %d, %d was acknowledged", last.Head.Seq, acknowledged)
		}
	}
	r, err := l.Verify(t.Context(), nil, nil)
	if err != nil || r.Bad != nil {
		t.Errorf("%+v, %v", r, err)
	}
	t.Logf("%d records after %d kills", r.Records, rounds)
}
