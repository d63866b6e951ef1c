package systemtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/fault"
)

// TestI20NothingOfOthersStopsUs puts what somebody else may put there above the working directory, as everybody may in /tmp, under the name of
// a project file. Commands that can do without a project go on, and say what they leave out.
func TestI20NothingOfOthersStopsUs(t *testing.T) {
	t.Parallel()
	const other = stranger + 1
	u := newUser(t)
	u.withVault()
	shared := filepath.Join(u.home, "shared")
	work := filepath.Join(shared, "work")
	if err := os.MkdirAll(work, 0o700); err != nil {
		t.Fatal(err)
	}
	u.strangers()
	if err := errors.Join(os.Chown(shared, 0, 0), os.Chmod(shared, 0o1777)); err != nil { //nolint:gosec // as /tmp is
		t.Fatal(err)
	}
	as, dir := u.as, ""
	u.as = func(c *exec.Cmd) {
		as(c)
		c.Dir = dir
	}
	path := filepath.Join(shared, "tacit.yaml")
	for what, put := range map[string]func() error{
		"a link":       func() error { return os.Symlink("absent", path) },
		"a loop":       func() error { return os.Symlink(path, path) },
		"a FIFO":       func() error { return syscall.Mkfifo(path, 0o600) },
		"a directory":  func() error { return os.Mkdir(path, 0o700) },
		"a secret":     func() error { return os.WriteFile(path, []byte("secrets: {}\n"), 0o600) },
		"for everyone": func() error { return os.WriteFile(path, []byte("secrets: {}\n"), 0o644) },
	} {
		if err := errors.Join(put(), os.Lchown(path, other, other)); err != nil {
			t.Fatal(err)
		}
		dir = shared
		if r := u.run("", "config", "set", "vars.a", "b"); r.exit != fault.Untrusted.Exit() { // nor is it read, followed or waited for to be changed
			t.Errorf("%s: config set: exit %d: %s", what, r.exit, r.err)
		}
		dir = work
		if r := u.run("", "get", "a/one"); r.exit != 0 || !strings.Contains(r.err, "belongs to somebody else") {
			t.Errorf("%s: exit %d: %s", what, r.exit, r.err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
