package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/fault"
)

func platformJobs() map[string]enginetest.Job {
	return map[string]enginetest.Job{"life": lifeJob, "die": dieJob, "try": tryJob, "linger": lingerJob, "again": againJob}
}

// TestI04FullDisk fills a small file system until commits and replacements fail.
func TestI04FullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Fatalf("mount a small file system (this test needs root): %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "vault.db")
	if err := bolt.Create(t.Context(), path, bolt.Options{}, empty); err != nil {
		t.Fatal(err)
	}
	e := bolt.Open(path, bolt.Options{})
	state, full := enginetest.State{}, 0
	for i := 0; full < 20; i++ {
		k, v := fmt.Sprintf("k/%04d", i), strings.Repeat("v", 100+i*977%30000)
		b := &engine.Batch{}
		b.Put([]byte(k), []byte(v))
		switch err := enginetest.Commit(t.Context(), e, b); {
		case err == nil:
			state[k] = v
		case errors.Is(err, fault.DiskFull):
			full++
		default:
			t.Fatalf("commit %d: %v", i, err)
		}
		got, err := enginetest.Contents(t.Context(), e)
		if err != nil {
			t.Fatalf("after commit %d: %v", i, err)
		}
		if d := state.Diff(got); d != "" {
			t.Fatalf("after commit %d:\n%s", i, d)
		}
		if i > 10000 {
			t.Fatal("the disk never filled")
		}
	}
	w, err := e.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = w.Replace(func(put func(k, v []byte) error) error { return w.Scan(nil, nil, put) })
	w.Close()
	if !errors.Is(err, fault.DiskFull) {
		t.Errorf("replace: %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
	got, err := enginetest.Contents(t.Context(), e)
	if err != nil || state.Diff(got) != "" {
		t.Errorf("after the replacement that failed: %v\n%s", err, state.Diff(got))
	}
	t.Logf("%d records fit, %d commits failed", len(state), full)
}

// tryJob uses a vault as whoever runs it, and prints a class for each thing: PATH.
func tryJob(ctx context.Context, out io.Writer, args []string) error {
	e := bolt.Open(args[0], bolt.Options{})
	say := func(what string, err error) {
		class := "ok"
		if err != nil {
			class = string(fault.CodeOf(err))
			if strings.Contains(err.Error(), "\n") {
				class = "TWO LINES"
			}
		}
		fmt.Fprintf(out, "%s=%s ", what, class)
	}
	say("view", e.View(ctx, func(s engine.Snapshot) error {
		if _, ok, err := s.Get([]byte("a")); err != nil || !ok {
			return errors.Join(err, errors.New("not there"))
		}
		return nil
	}))
	b := &engine.Batch{}
	b.Put([]byte("b"), []byte("2"))
	say("commit", enginetest.Commit(ctx, e, b))
	w, err := e.Begin(ctx)
	if err == nil {
		err = errors.Join(w.Replace(func(put func(k, v []byte) error) error { return put([]byte("a"), []byte("1")) }), w.Close())
	}
	say("replace", err)
	fmt.Fprintln(out)
	return nil
}

// stranger is the user that is not root.
const stranger = 65501

// as makes c run as the stranger. The test binary lies where only its builder may look, so a copy runs.
func as(t *testing.T, c *exec.Cmd) {
	t.Helper()
	b, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c.Path = filepath.Join(dir, "copy")
	if err := os.WriteFile(c.Path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{c.Path, dir, filepath.Dir(dir)} { // whatever the umask is
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
}

func TestReadOnlyPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		owned    bool
		dir, db  os.FileMode
		withLock bool
		want     string
	}{
		{name: "own", owned: true, dir: 0o700, db: 0o600, withLock: true, want: "view=ok commit=ok replace=ok"},
		{name: "own, no lock file", owned: true, dir: 0o700, db: 0o600, want: "view=ok commit=ok replace=ok"},
		{name: "read-only directory", owned: true, dir: 0o500, db: 0o600, want: "view=ok commit=permissions replace=permissions"},
		{name: "read-only directory with a lock file", owned: true, dir: 0o500, db: 0o600, withLock: true, want: "view=ok commit=ok replace=permissions"},
		{name: "read-only file", owned: true, dir: 0o700, db: 0o400, withLock: true, want: "view=ok commit=permissions replace=permissions"},
		{name: "somebody else's", dir: 0o755, db: 0o600, withLock: true, want: "view=permissions commit=permissions replace=permissions"},
		{name: "somebody else's directory", dir: 0o700, db: 0o600, withLock: true, want: "view=permissions commit=permissions replace=permissions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := placed(t, c.owned, c.withLock)
			for name, mode := range map[string]os.FileMode{path: c.db, filepath.Dir(path): c.dir} {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			child := enginetest.Child("try", path)
			as(t, child)
			got := ""
			if err := enginetest.Lines(child, func(line string) { got += line }); err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// placed makes a vault with one record that belongs to the stranger or not.
func placed(t *testing.T, owned, withLock bool) string {
	t.Helper()
	path := newVault(t)
	b := &engine.Batch{}
	b.Put([]byte("a"), []byte("1"))
	if err := enginetest.Commit(t.Context(), bolt.Open(path, bolt.Options{}), b); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(filepath.Dir(path), "vault.lock")
	if !withLock {
		if err := os.Remove(lock); err != nil {
			t.Fatal(err)
		}
	}
	if owned {
		for _, name := range []string{path, filepath.Dir(path), lock} {
			if err := os.Chown(name, stranger, stranger); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
	// The directories above are those of the test, which only its maker may enter.
	for up := filepath.Dir(filepath.Dir(path)); up != filepath.Clean(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// lingerJob reads a vault, says so and stays inside until its input ends; then it prints how the view ended: PATH.
func lingerJob(ctx context.Context, out io.Writer, args []string) error {
	err := bolt.Open(args[0], bolt.Options{}).View(ctx, func(engine.Snapshot) error {
		fmt.Fprintln(out, "inside")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	})
	fmt.Fprintln(out, fault.CodeOf(err))
	return nil
}

// againJob reads a key a few times at once, says so, and once more when its input ends; it prints what it read: PATH.
func againJob(ctx context.Context, out io.Writer, args []string) error {
	e := bolt.Open(args[0], bolt.Options{Share: true})
	look := func() (value []byte, err error) {
		err = e.View(ctx, func(s engine.Snapshot) (err error) {
			value, _, err = s.Get([]byte("a"))
			return err
		})
		return value, err
	}
	for range 3 {
		if _, err := look(); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "inside")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	value, err := look()
	fmt.Fprintf(out, "%s %v\n", value, err)
	return nil
}

// TestReadWithoutLockSeesChanges: without a lock no round of views stays open, since others can commit behind it.
func TestReadWithoutLockSeesChanges(t *testing.T) {
	t.Parallel()
	path := placed(t, true, false)
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	c := enginetest.Child("again", path)
	as(t, c)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	err = enginetest.Lines(c, func(line string) {
		last = line
		if line != "inside" {
			return
		}
		put(t, path, "a", "new")
		in.Close()
	})
	// The new value, or that the lock file which root made is not for this user.
	if err != nil || last == "inside" || strings.HasPrefix(last, "1 ") {
		t.Errorf("the reader ended with %q, %v", last, err)
	}
}

// TestReadWithoutLockNoticesAChange has root write while a user reads who cannot make the lock file.
func TestReadWithoutLockNoticesAChange(t *testing.T) {
	t.Parallel()
	path := placed(t, true, false)
	if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
		t.Fatal(err)
	}
	c := enginetest.Child("linger", path)
	as(t, c)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	err = enginetest.Lines(c, func(line string) {
		last = line
		if line != "inside" {
			return
		}
		b := &engine.Batch{}
		b.Put([]byte("a"), []byte("2"))
		if err := enginetest.Commit(t.Context(), bolt.Open(path, bolt.Options{}), b); err != nil {
			t.Error(err)
		}
		in.Close()
	})
	if err != nil || last != string(fault.Busy) {
		t.Errorf("the reader ended with %q, %v", last, err)
	}
}

// TestReaderOfAnotherProgram holds bbolt's own lock, as a program does that opens the file with bbolt.
func TestReaderOfAnotherProgram(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	b := &engine.Batch{}
	b.Put([]byte("a"), []byte("1"))
	if err := enginetest.Commit(t.Context(), bolt.Open(path, bolt.Options{}), b); !errors.Is(err, fault.Busy) {
		t.Errorf("commit: %v", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := enginetest.Commit(t.Context(), bolt.Open(path, bolt.Options{}), b); err != nil {
		t.Errorf("commit afterwards: %v", err)
	}
}

// TestHeldByAnotherProcess: a waiter gives up in time and says who is in the way.
func TestHeldByAnotherProcess(t *testing.T) {
	t.Parallel()
	path := newVault(t)
	c := enginetest.Child("hold", path)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	heldBy(t, path, fmt.Sprintf("is held by pid %d (tacit import)", c.Process.Pid))

	// Killed, it leaves its name in the file, which must not be blamed on a reader.
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	in.Close()
	err = bolt.Open(path, bolt.Options{}).View(t.Context(), func(engine.Snapshot) error {
		_, err := bolt.Open(path, bolt.Options{Wait: 20e6}).Begin(t.Context())
		if !errors.Is(err, fault.Busy) || strings.Contains(err.Error(), "pid") {
			t.Errorf("a reader in the way: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
