package bolt_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
)

// roundTime is how long a round of views holds the lock at most.
const roundTime = 5 * time.Millisecond

// sharing returns an engine as an agent has it, and a count of how often it took the lock.
func sharing(t *testing.T, path string) (e *bolt.Engine, locked *atomic.Int32) {
	t.Helper()
	locked = new(atomic.Int32)
	e = bolt.Open(path, bolt.Options{Share: true, Trace: func(p bolt.Phase) {
		if p == bolt.Locked {
			locked.Add(1)
		}
	}})
	t.Cleanup(func() { _ = e.Close() })
	return e, locked
}

func look(t *testing.T, e *bolt.Engine, key string) (value string) {
	t.Helper()
	if err := e.View(t.Context(), func(s engine.Snapshot) error {
		b, _, err := s.Get([]byte(key))
		value = string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestViewsShareALock: views that follow each other closely take the lock once in five milliseconds, views that come now and then
// leave nothing locked behind them.
func TestViewsShareALock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := newVault(t)
		e, locked := sharing(t, path)
		for range 10 {
			for range 100 {
				look(t, e, "a")
			}
			time.Sleep(roundTime)
		}
		if n := locked.Load(); n > 20 {
			t.Errorf("the lock was taken %d times in ten rounds", n)
		}
		before := locked.Load()
		for range 10 {
			time.Sleep(time.Second)
			look(t, e, "a")
			began := time.Now()
			put(t, path, "a", "1")
			if took := time.Since(began); took > 0 {
				t.Errorf("a change waited %v for a view that was over", took)
			}
		}
		if n := locked.Load() - before; n != 10 {
			t.Errorf("ten views took the lock %d times", n)
		}
	})
}

// TestRoundMakesWay: a round that is only open holds up nobody for longer than it may, and no change of its own process at all; what
// was committed is what the next view sees.
func TestRoundMakesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := newVault(t)
		e, _ := sharing(t, path)
		for _, value := range []string{"1", "2", "3"} {
			look(t, e, "a")
			look(t, e, "a")
			began := time.Now()
			w, err := e.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("a change of this process waited %v", took)
			}
			b := &engine.Batch{}
			b.Put([]byte("a"), []byte("own "+value))
			if err := w.Commit(b); err != nil {
				t.Error(err)
			}
			w.Close()
			if got := look(t, e, "a"); got != "own "+value {
				t.Errorf("a view saw %q", got)
			}

			look(t, e, "a")
			began = time.Now()
			put(t, path, "a", value) // as another process does it
			if took := time.Since(began); took == 0 || took > roundTime+2*time.Millisecond {
				t.Errorf("a change of another process waited %v", took)
			}
			if got := look(t, e, "a"); got != value {
				t.Errorf("a view saw %q after %q was committed", got, value)
			}
		}
	})
}

// TestRoundsLetWritersIn: views without a pause, from several callers, keep no other process out.
func TestRoundsLetWritersIn(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	e, _ := sharing(t, path)
	stop := make(chan struct{})
	done := make(chan error)
	for range 4 {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := e.View(t.Context(), func(engine.Snapshot) error { return nil }); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range 20 {
		put(t, path, "a", "1")
	}
	close(stop)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestClosedEngineHoldsNothing: a round that is only open ends with its engine.
func TestClosedEngineHoldsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := newVault(t)
		e, _ := sharing(t, path)
		look(t, e, "a")
		look(t, e, "a")
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		put(t, path, "a", "1")
		if took := time.Since(began); took > 0 {
			t.Errorf("a change waited %v for an engine that is closed", took)
		}
	})
}
