package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tacit/internal/engine"
)

// testViewIsIsolated compares two keys that every batch sets to the same value, while batches are committed.
func testViewIsIsolated(t *testing.T, target Target) {
	address := target.Create(t)
	writer, reader := open(t, target, address), open(t, target, address)
	put(t, writer, "a", "0", "z", "0")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		for i := range 150 {
			b := &engine.Batch{}
			v := []byte(strconv.Itoa(i))
			b.Put([]byte("a"), v)
			b.Put([]byte(fmt.Sprintf("m/%d", i)), make([]byte, 1000))
			b.Put([]byte("z"), v)
			if err := Commit(context.WithoutCancel(ctx), writer, b); err != nil {
				t.Errorf("commit %d: %v", i, err)
				return
			}
		}
	})
	views := 0
	for ctx.Err() == nil {
		views++
		err := reader.View(context.WithoutCancel(ctx), func(s engine.Snapshot) error {
			a, _, err := s.Get([]byte("a"))
			if err != nil {
				return err
			}
			z, _, err := s.Get([]byte("z"))
			if err != nil {
				return err
			}
			if string(a) != string(z) {
				return fmt.Errorf("half of a batch: a is %s, z is %s", a, z)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if views < 10 {
		t.Errorf("only %d views while 150 batches were committed", views)
	}
}

func testCancelled(t *testing.T, target Target) {
	e := create(t, target)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.View(done, func(engine.Snapshot) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View: %v", err)
	}
	if _, err := e.Begin(done); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin: %v", err)
	}
	w := begin(t, e)
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := e.Begin(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Begin while another writes: %v", err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("it took %v to notice", d)
	}
	w.Close()
	put(t, e, "a", "1")
}

// increment adds one to a counter under expectation of what was read.
func increment(ctx context.Context, e engine.Engine, key string, mark string) error {
	w, err := e.Begin(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	old, ok, err := w.Get([]byte(key))
	if err != nil {
		return err
	}
	n := 0
	b := &engine.Batch{}
	if ok {
		if n, err = strconv.Atoi(string(old)); err != nil {
			return err
		}
		b.Expect([]byte(key), old)
	} else {
		b.Expect([]byte(key), nil)
	}
	b.Put([]byte(key), []byte(strconv.Itoa(n+1)))
	b.Put([]byte("mark/"+mark), []byte(mark))
	return w.Commit(b)
}

func testGoroutines(t *testing.T, target Target) {
	e := create(t, target)
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				if err := increment(t.Context(), e, "n", fmt.Sprintf("%d-%d", g, i)); err != nil {
					t.Errorf("writer %d: %v", g, err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := Contents(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if got["n"] != strconv.Itoa(writers*each) || len(got) != 1+writers*each {
		t.Errorf("the counter is %s with %d marks, want %d", got["n"], len(got)-1, writers*each)
	}
}

// testReadersDoNotStarveWriters keeps views overlapping without a gap, so that a writer that waits for a moment without a
// reader waits for ever.
func testReadersDoNotStarveWriters(t *testing.T, target Target) {
	e := create(t, target)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	var views atomic.Int64
	entered := make(chan struct{}, 1)
	for range 6 {
		readers.Go(func() {
			for ctx.Err() == nil {
				err := e.View(context.WithoutCancel(ctx), func(s engine.Snapshot) error {
					views.Add(1)
					select { // stay until another reader is in, or a while
					case entered <- struct{}{}:
					case <-entered:
					case <-time.After(2 * time.Millisecond):
					}
					return nil
				})
				if err != nil {
					t.Errorf("view: %v", err)
					return
				}
			}
		})
	}
	for i := range 30 {
		if err := increment(t.Context(), e, "n", strconv.Itoa(i)); err != nil {
			t.Errorf("write %d under a stream of readers: %v", i, err)
			break
		}
	}
	stop()
	readers.Wait()
	t.Logf("30 writes while %d views ran", views.Load())
}
