package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/fault"
)

// holdJob takes the exclusive lock, says so and keeps it until its input ends: PATH.
func holdJob(ctx context.Context, out io.Writer, args []string) error {
	w, err := bolt.Open(args[0], bolt.Options{Command: "tacit import"}).Begin(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	fmt.Fprintln(out, "held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// heldBy checks that readers and writers give up in time with the given words.
func heldBy(t *testing.T, path, words string) {
	t.Helper()
	e := bolt.Open(path, bolt.Options{Wait: 30 * time.Millisecond})
	start := time.Now()
	errs := []error{e.View(t.Context(), func(engine.Snapshot) error { return nil })}
	_, err := e.Begin(t.Context())
	for _, err := range append(errs, err) {
		if !errors.Is(err, fault.Busy) || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v; want busy, %q", err, words)
		}
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("two bounds of 30 ms took %v", d)
	}
}

// TestHolderIsPrintable: what a holder wrote reaches a terminal of somebody else.
func TestHolderIsPrintable(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	w, err := bolt.Open(path, bolt.Options{Command: "tacit \x1b[31mred\nnext \xff" + strings.Repeat("long", 100)}).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	heldBy(t, path, fmt.Sprintf("pid %d (tacit [31mrednext longlong", os.Getpid()))
	lock := filepath.Join(filepath.Dir(path), "vault.lock")
	for _, content := range []string{"", "x", "-1 a\n", "12", "99999999999999999999 a\n", strings.Repeat("9", 5000)} {
		if err := os.WriteFile(lock, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		heldBy(t, path, "is in use by another process")
	}
}

// TestWaitFollowsTheClock: the bound is that of the clock that was given.
func TestWaitFollowsTheClock(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	w, err := bolt.Open(path, bolt.Options{}).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	now, looks := time.Unix(0, 0), 0
	clock := func() time.Time { looks++; now = now.Add(time.Second); return now }
	_, err = bolt.Open(path, bolt.Options{Wait: 10 * time.Second, Now: clock}).Begin(t.Context())
	if !errors.Is(err, fault.Busy) || looks != 11 {
		t.Errorf("%v after %d looks at the clock", err, looks)
	}
}

func TestNoVault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "vault.db"), filepath.Join(dir, "missing", "vault.db")} {
		e := bolt.Open(path, bolt.Options{})
		_, err1 := e.Begin(t.Context())
		_, err2 := e.Stamp()
		for _, err := range []error{err1, err2, e.View(t.Context(), func(engine.Snapshot) error { return nil })} {
			if !errors.Is(err, fault.NoVault) {
				t.Errorf("%v, want no vault", err)
			}
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("looking for a vault made %v", names)
	}
}

func TestCreateIsExclusive(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	put(t, path, "a", "1")
	if err := bolt.Create(t.Context(), path, bolt.Options{}, empty); !errors.Is(err, fault.Exists) {
		t.Errorf("over a vault: %v", err)
	}
	other := filepath.Join(t.TempDir(), "vault.db")
	broken := errors.New("broken")
	err := bolt.Create(t.Context(), other, bolt.Options{}, func(put func(k, v []byte) error) error {
		return errors.Join(put([]byte("a"), []byte("1")), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("a fill that fails: %v", err)
	}
	if err := bolt.Open(other, bolt.Options{}).View(t.Context(), func(engine.Snapshot) error { return nil }); !errors.Is(err, fault.NoVault) {
		t.Errorf("after a fill that failed: %v", err)
	}
	results := make(chan error)
	for range 8 {
		go func() { results <- bolt.Create(context.Background(), other, bolt.Options{}, empty) }()
	}
	made := 0
	for range 8 {
		if err := <-results; err == nil {
			made++
		} else if !errors.Is(err, fault.Exists) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d of 8 made the vault", made)
	}
}

func TestI07Modes(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	put(t, path, "a", "1")
	replaceBySelf(t, path)
	for _, name := range []string{path, filepath.Join(filepath.Dir(path), "vault.lock")} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(name), info.Mode())
		}
	}
}

// TestI07LinksAreNotFollowed puts links where files should be; what they point to stays as it is.
func TestI07LinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	real := newVault(t)
	put(t, real, "a", "1")
	dir := t.TempDir()
	link := filepath.Join(dir, "vault.db")
	victim := filepath.Join(dir, "victim")
	if err := errors.Join(os.Symlink(real, link), os.WriteFile(victim, []byte("precious"), 0o600)); err != nil {
		t.Fatal(err)
	}
	e := bolt.Open(link, bolt.Options{})
	_, err := e.Stamp()
	for _, err := range []error{err, e.View(t.Context(), func(engine.Snapshot) error { return nil })} {
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("a link as database: %v", err)
		}
	}
	if err := bolt.Create(t.Context(), link, bolt.Options{}, empty); !errors.Is(err, fault.Exists) {
		t.Errorf("create over a link: %v", err)
	}
	lock := filepath.Join(filepath.Dir(real), "vault.lock")
	if err := errors.Join(os.Remove(lock), os.Symlink(victim, lock)); err != nil {
		t.Fatal(err)
	}
	if w, err := bolt.Open(real, bolt.Options{}).Begin(t.Context()); err == nil {
		w.Close()
		t.Error("a link as lock file was followed")
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "precious" {
		t.Errorf("the file behind the link is now %q, %v", b, err)
	}
}

// TestLockFileRemoved: somebody cleans up. Whoever waits on the file that is gone must not write beside whoever has the new one.
func TestLockFileRemoved(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	e := bolt.Open(path, bolt.Options{})
	first, err := e.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		w, err := bolt.Open(path, bolt.Options{}).Begin(context.Background())
		if err == nil {
			err = w.Close()
		}
		second <- err
	}()
	if err := os.Remove(filepath.Join(filepath.Dir(path), "vault.lock")); err != nil {
		t.Fatal(err)
	}
	first.Close()
	if err := <-second; err != nil {
		t.Error(err)
	}
	put(t, path, "a", "1")
}
