package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tacit/internal/fault"
	"tacit/internal/paths/pathstest"
	"tacit/internal/secret"
)

// I19: only a directory that was looked into can say that a file is not there.
func TestI19UnknownIsNotMissing(t *testing.T) {
	t.Parallel()
	dir := pathstest.Dir(t)
	put(t, dir, "wide", "x", 0o640)
	put(t, dir, "empty", "", 0o600)
	put(t, dir, "huge", strings.Repeat("x", 64<<10+1), 0o600)
	put(t, dir, "locked", "x", 0o000)
	put(t, dir, "closed/key", "x", 0o600)
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o700) })
	symlink(t, "loop", filepath.Join(dir, "loop"))
	if err := makeFIFO(filepath.Join(dir, "fifo")); err != nil {
		t.Fatal(err)
	}
	if _, err := of(t, filepath.Join(dir, "not-mounted")).Read(t.Context(), "x", ""); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, err := of(t, filepath.Join(dir, "wide")).Read(t.Context(), "x", ""); errors.Is(err, fault.NotFound) || err == nil {
		t.Errorf("a file for a directory: %v", err)
	}
	for name, want := range map[string]fault.Code{"wide": fault.Denied, "empty": fault.Invalid, "huge": fault.Invalid, "loop": fault.Unavailable, "fifo": fault.Invalid} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := of(t, dir).Read(ctx, name, "")
		cancel()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for _, name := range []string{"locked", "closed/key"} {
		if r := pathstest.AsUser(t, "read", dir, name); r.Code != fault.Denied {
			t.Errorf("%s, of somebody who may not: %+v, want denied", name, r)
		}
	}
}

// Mounts give files what modes they like. On one that nobody can write to they say nothing.
func TestModesDoNotCountOnReadOnlyMounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := of(t, dir)
	if os.Geteuid() != 0 { // only root can mount: the rule alone
		put(t, dir, "token", "from the mount", 0o644)
		p.(*directory).constant = func(*os.File) bool { return true }
		if it, err := p.Read(t.Context(), "token", ""); err != nil || string(it.Value.Reveal()) != "from the mount" {
			t.Errorf("read-only mount: %q, %v", it.Value.Reveal(), err)
		}
		return
	}
	mountTmpfs(t, dir)
	put(t, dir, "token", "from the mount", 0o644)
	if _, err := p.Read(t.Context(), "token", ""); !errors.Is(err, fault.Denied) {
		t.Errorf("writable mount: %v, want denied", err)
	}
	remountReadOnly(t, dir)
	if it, err := p.Read(t.Context(), "token", ""); err != nil || string(it.Value.Reveal()) != "from the mount" {
		t.Errorf("read-only mount: %q, %v", it.Value.Reveal(), err)
	}
	if _, err := p.Write(t.Context(), "token", secret.New([]byte("x"))); !errors.Is(err, fault.Usage) {
		t.Errorf("Write to a read-only mount: %v, want usage", err)
	}
	if _, err := p.Delete(t.Context(), "token"); !errors.Is(err, fault.Usage) {
		t.Errorf("Delete from a read-only mount: %v, want usage", err)
	}
}

// mountTmpfs mounts an empty file system, which only root can.
func mountTmpfs(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Fatal("mount:", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func remountReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal("remount:", err)
	}
}

func makeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }
