package paths

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"tacit/internal/fault"
)

func TestLockExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	if _, err := LockExisting(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no lock file: %v", err)
	}
	var holders atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				unlock, err := Lock(t.Context(), path, false)
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold it", n)
				}
				holders.Add(-1)
				unlock()
			}
		})
	}
	wg.Wait()
	a, err := Lock(t.Context(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer a()
	b, err := LockExisting(t.Context(), path)
	if err != nil {
		t.Fatalf("two shared locks: %v", err)
	}
	defer b()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(cancelled, path, false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLockBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	synctest.Test(t, func(t *testing.T) { // the five seconds pass at once
		_, err := Lock(t.Context(), path, false)
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != fault.Busy || e.Fix == "" {
			t.Errorf("%v, want busy with a way out", err)
		}
	})
}
