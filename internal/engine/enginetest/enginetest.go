// Package enginetest is what every [engine.Engine] must pass: the promises of package engine, tried with faults.
//
// A package with an engine has a test that calls [Run] and a TestMain that calls [Main]; the latter lets the suite start the
// test binary again as another process, to write at once with others and to be killed while it does.
//
// The suite runs in bounded time. TACIT_LONG=1 in the environment multiplies the work.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"tacit/internal/engine"
)

// Target says how to reach one kind of engine.
type Target struct {
	// Create makes new, empty storage that lasts as long as the test and returns its address: a path, a URL.
	Create func(t testing.TB) string

	// Open opens storage. It is also called in child processes. phase may be called with the name of a point that a change passes.
	Open func(address string, phase func(string)) (engine.Engine, error)
}

// Run tries every promise. The subtests are independent and each has storage of its own.
func Run(t *testing.T, target Target) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Target)
	}{
		{"Empty", testEmpty},
		{"PutGetDelete", testPutGetDelete},
		{"Order", testOrder},
		{"ScanRanges", testScanRanges},
		{"ScanStops", testScanStops},
		{"Sizes", testSizes},
		{"BadKeys", testBadKeys},
		{"Expectations", testExpectations},
		{"LaterOpWins", testLaterOpWins},
		{"WriterIsSpent", testWriterIsSpent},
		{"WriterSeesItsSnapshot", testWriterSeesItsSnapshot},
		{"ViewErrorComesBack", testViewErrorComesBack},
		{"ViewIsIsolated", testViewIsIsolated},
		{"Replace", testReplace},
		{"ReplaceFails", testReplaceFails},
		{"ReplaceAnyOrder", testReplaceAnyOrder},
		{"ReplaceTwice", testReplaceTwice},
		{"Stamp", testStamp},
		{"Cancelled", testCancelled},
		{"Goroutines", testGoroutines},
		{"Readers", testReadersDoNotStarveWriters},
		{"Model", testModel},
		{"Processes", testProcesses},
		{"Kill", testKill},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, target)
		})
	}
}

// Long reports whether the long tests were asked for.
func Long() bool { return os.Getenv("TACIT_LONG") == "1" }

// open opens storage for the length of the test.
func open(t testing.TB, target Target, address string) engine.Engine {
	t.Helper()
	e, err := target.Open(address, func(string) {})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func create(t testing.TB, target Target) engine.Engine {
	t.Helper()
	return open(t, target, target.Create(t))
}

// Contents returns every record of the present state.
func Contents(ctx context.Context, e engine.Engine) (State, error) {
	all := State{}
	err := e.View(ctx, func(s engine.Snapshot) error {
		clear(all)
		return s.Scan(nil, nil, func(k, v []byte) error {
			all[string(k)] = string(v)
			return nil
		})
	})
	return all, err
}

// State is what an engine should hold.
type State map[string]string

// Diff says how got differs from the state, "" when it does not.
func (s State) Diff(got State) string {
	var b bytes.Buffer
	for k, v := range s {
		if g, ok := got[k]; !ok {
			fmt.Fprintf(&b, "%q is missing\n", k)
		} else if g != v {
			fmt.Fprintf(&b, "%q has another value (%d bytes, not %d)\n", k, len(g), len(v))
		}
	}
	for k := range got {
		if _, ok := s[k]; !ok {
			fmt.Fprintf(&b, "%q should not be there\n", k)
		}
	}
	return b.String()
}

// Commit runs one batch in a writer of its own.
func Commit(ctx context.Context, e engine.Engine, b *engine.Batch) error {
	w, err := e.Begin(ctx)
	if err != nil {
		return err
	}
	return errors.Join(w.Commit(b), w.Close())
}

func put(t testing.TB, e engine.Engine, pairs ...string) {
	t.Helper()
	b := &engine.Batch{}
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	if err := Commit(t.Context(), e, b); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// want checks the whole content, through Scan and through Get.
func want(t testing.TB, e engine.Engine, s State) {
	t.Helper()
	got, err := Contents(context.Background(), e)
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	if d := s.Diff(got); d != "" {
		t.Fatalf("scan found another state:\n%s", d)
	}
	err = e.View(context.Background(), func(v engine.Snapshot) error {
		for k, value := range s {
			switch got, ok, err := v.Get([]byte(k)); {
			case err != nil:
				return err
			case !ok || string(got) != value:
				return fmt.Errorf("get %q: %d bytes, %v; want %d", k, len(got), ok, len(value))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
