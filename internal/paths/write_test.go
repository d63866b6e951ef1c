//go:build unix

package paths

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/paths/pathstest"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	for _, content := range []string{"first", "second, which is longer", ""} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("%q, %v, want %q", got, err, content)
		}
		if m := modeOf(t, path); m != FileMode {
			t.Errorf("mode %04o", m)
		}
	}
	wantNames(t, filepath.Dir(path), "out")
}

func TestI07AWideFileIsReplacedByANarrowOne(t *testing.T) {
	t.Parallel()
	path := mkfile(t, 0o666)
	reader, err := os.Open(path) // somebody who keeps the old file open
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := WriteFile(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if m := modeOf(t, path); m != FileMode {
		t.Errorf("mode %04o", m)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(reader); err != nil || strings.Contains(b.String(), "secret") {
		t.Errorf("the old file shows %q, %v", b.String(), err)
	}
}

func TestI07NoLinkIsFollowedWhenWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	write(t, target, 0o600)
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	wantPermissions(t, "link", WriteFile(link, []byte("secret")), link, "")

	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), dangling); err != nil {
		t.Fatal(err)
	}
	wantPermissions(t, "dangling", WriteFile(dangling, []byte("secret")), dangling, "")
	wantAbsent(t, filepath.Join(dir, "elsewhere"))

	// A link that appears between Create and Commit.
	late := filepath.Join(dir, "late")
	p, err := Create(late)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, late); err != nil {
		t.Fatal(err)
	}
	wantPermissions(t, "late link", p.Commit(), late, "")
	if b, err := os.ReadFile(target); err != nil || string(b) != "x\n" {
		t.Errorf("target holds %q, %v", b, err)
	}
	wantNames(t, dir, "dangling", "late", "link", "target")

	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	wantPermissions(t, "fifo", WriteFile(fifo, nil), fifo, "")
	if err := WriteFile(dir, nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("directory: %v", err)
	}
}

func TestAbandonedFileLeavesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	p, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("commit after close: %v", err)
	}
	wantNames(t, filepath.Dir(path))
	if err := WriteFile(filepath.Join(path, "below"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// TestI01KilledWriterLeavesNoSecret kills a process between Write and Commit.
func TestI01KilledWriterLeavesNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	c := pathstest.Command(t, "begin", path)
	stdout, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if _, err := openUnnamed(filepath.Dir(path)); err != nil {
		t.Skipf("this file system has no unnamed files: %v", err)
	}
	wantNames(t, filepath.Dir(path))
}

func beginAndWait(path string) error {
	p, err := Create(path)
	if err != nil {
		return err
	}
	if _, err := p.Write([]byte("secret")); err != nil {
		return err
	}
	if _, err := os.Stdout.WriteString("."); err != nil {
		return err
	}
	select {} // until killed
}

// TestWriteFileUndumpable: tacit's processes are undumpable, which takes /proc/self away from other processes of the user, but
// must not take it away from us.
func TestWriteFileUndumpable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(pathstest.Dir(t), "out")
	if r := pathstest.AsUser(t, "write", path); r.Code != "" {
		t.Fatalf("%+v", r)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "secret" {
		t.Errorf("%q, %v", b, err)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, "/") != strings.Join(want, "/") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}
