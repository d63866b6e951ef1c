package paths

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLockerExcludes: a lock that is taken again and again excludes others while it is held and only then, and one whose file was
// replaced is taken on the file that is there.
func TestLockerExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	var l Locker
	defer l.Close()
	other := func() bool {
		t.Helper()
		f, ok, err := TryLock(path)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			_ = f.Close()
		}
		return ok
	}
	for n := range 4 {
		if n == 2 {
			if err := os.Rename(path, path+".old"); err != nil {
				t.Fatal(err)
			}
		}
		unlock, err := l.Lock(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if other() {
			t.Errorf("%d: another has it too", n)
		}
		if unlock(); !other() {
			t.Errorf("%d: it was not given back", n)
		}
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(t.Context(), path); err == nil {
		t.Error("a lock file that others can write to is taken")
	}
}
