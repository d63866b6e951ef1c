package systemtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/fault"
)

// TestFullDisk fills the disk that the vault is on: nothing that fails changes anything, nothing that succeeds is lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.smallDisk("3m")
	u.withVault()
	backup := filepath.Join(u.home, "backup.age")
	u.ok("", "export", "-o", backup)
	u.ok("not in the backup", "set", "later")
	large := filepath.Join(u.home, "large.json")
	if err := os.WriteFile(large, fmt.Appendf(nil, `{"c": %q, "d": %q}`, strings.Repeat("c", 60000), strings.Repeat("d", 60000)), 0o600); err != nil {
		t.Fatal(err)
	}
	held := u.contents()
	filler := filepath.Join(u.dir(), "filler")
	fill(t, filler)

	// What little room there is in pages and blocks takes some small changes and some records of the log; then no more.
	acknowledged := 0
	for left := 200; left > 0; left-- {
		if r := u.run(fmt.Sprint("value ", acknowledged), "set", fmt.Sprintf("full/%d", acknowledged)); r.exit == 0 {
			acknowledged++
			continue
		}
		fit := false
		for _, args := range [][]string{{"get", "a/one"}, {"list"}, {"export"}, {"get", "b/two"}} {
			fit = fit || u.run("", args...).exit == 0
		}
		if !fit {
			break
		}
	}
	for _, args := range [][]string{
		{"set", "a/one"},
		{"get", "a/one"},
		{"rm", "a/one", "--force"},
		{"import", large},
		{"rotate-root"},
		{"import", "--replace", "--force", backup},
		{"export", "-o", filepath.Join(u.dir(), "more.age")},
		{"export", "-o", filepath.Join(u.home, "elsewhere.age")},
		{"backup", filepath.Join(u.dir(), "backups")},
	} {
		u.fails(fault.DiskFull.Exit(), string(fault.DiskFull), "no space left", "another value", args...)
	}
	var left []string
	for _, pattern := range []string{"*.age", ".*", "backups/*", "../elsewhere*", "audit/.*"} {
		found, _ := filepath.Glob(filepath.Join(u.dir(), pattern))
		left = append(left, found...)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if r := u.run("", "status"); r.exit != 0 {
		t.Errorf("status on a full disk: exit %d: %s", r.exit, r.err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for i := range acknowledged {
		name := fmt.Sprintf("full/%d", i)
		if got := u.ok("", "get", name); got != fmt.Sprint("value ", i) {
			t.Errorf("%s is %q", name, got)
		}
		u.ok("", "rm", name, "--force")
	}
	u.intact(held)
	u.ok("", "rotate-root")
	u.ok("", "import", "--replace", "--force", backup)
	if r := u.run("", "get", "later"); r.exit != 3 {
		t.Errorf("get what is not in the backup: exit %d: %s", r.exit, r.err)
	}
	u.sound()
	t.Logf("%d small changes fit on the full disk", acknowledged)
}

// smallDisk makes the vault's directory a file system of its own.
func (u *user) smallDisk(size string) {
	u.t.Helper()
	if err := os.Mkdir(u.dir(), 0o700); err != nil {
		u.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", u.dir(), "tmpfs", 0, "mode=700,size="+size); err != nil {
		u.t.Fatalf("mount a small file system (this test needs root): %v", err)
	}
	u.t.Cleanup(func() {
		if err := syscall.Unmount(u.dir(), 0); err != nil {
			u.t.Error(err)
		}
	})
}

// fill writes a file until there is no space.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{64 << 10, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(bytes.Repeat([]byte{'f'}, n))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// TestRotateRootOnADiskThatFills begins a root rotation that has no room to end, and resumes it when there is some.
func TestRotateRootOnADiskThatFills(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.smallDisk("1m")
	u.withVault()
	for i := range 7 {
		u.ok(strings.Repeat(fmt.Sprint(i), 60000), "set", fmt.Sprintf("large/%d", i))
	}
	held := u.contents()
	if r := u.run("", "rotate-root"); r.exit != fault.DiskFull.Exit() || !strings.Contains(r.err, "no space left") || !strings.Contains(r.err, "rotate-root --resume") {
		t.Fatalf("rotate-root with no room for another vault: exit %d: %s", r.exit, r.err)
	}
	if r := u.run("", "rotate-root"); r.exit != fault.Conflict.Exit() || !strings.Contains(r.err, "--resume") {
		t.Errorf("rotate-root after one that was interrupted: exit %d: %s", r.exit, r.err)
	}
	u.intact(held)
	if err := syscall.Mount("tmpfs", u.dir(), "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	u.ok("", "rotate-root", "--resume")
	u.intact(held)
}

// stranger is a user that is not root.
const stranger = 65501

// strangers makes the user's home and all below belong to somebody who is not root, and has them run the program as that.
func (u *user) strangers() {
	u.t.Helper()
	err := filepath.Walk(u.home, func(p string, _ os.FileInfo, err error) error {
		return errors.Join(err, os.Lchown(p, stranger, stranger))
	})
	if err := errors.Join(err, os.Chmod(filepath.Dir(u.home), 0o755)); err != nil {
		u.t.Fatal(err)
	}
	u.as = func(c *exec.Cmd) { c.SysProcAttr.Credential = &syscall.Credential{Uid: stranger, Gid: stranger} }
}

func (u *user) chmod(modes map[string]os.FileMode) {
	u.t.Helper()
	for name, mode := range modes {
		if err := os.Chmod(filepath.Join(u.dir(), name), mode); err != nil {
			u.t.Fatal(err)
		}
	}
}

// TestReadOnlyPlaces is about directories and files that cannot be written: nothing happens without a record, and what replaces
// the vault says why it cannot.
func TestReadOnlyPlaces(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.withVault()
	backup := filepath.Join(u.home, "backup.age")
	u.ok("", "export", "-o", backup)
	u.strangers()
	held := u.contents()

	u.chmod(map[string]os.FileMode{"": 0o500})
	u.fails(5, "permissions", "permission denied", "", "import", "--replace", "--force", backup)
	if got := u.ok("", "get", "a/one"); got != "the second value" {
		t.Errorf("get: %q", got)
	}
	u.chmod(map[string]os.FileMode{"": 0o500, "vault.db": 0o400, "audit": 0o500, "audit/000001.log": 0o400, "audit/audit.lock": 0o400})
	for _, args := range [][]string{{"get", "a/one"}, {"set", "a/one"}, {"list"}, {"rm", "a/one", "--force"}, {"rotate-root"}, {"export"}} {
		u.fails(5, "permissions", "permission denied", "value", args...)
	}
	for _, args := range [][]string{{"status"}, {"audit", "verify"}} { // I16: these need no writable log
		if r := u.run("", args...); r.exit != 0 {
			t.Errorf("tacit %v in a read-only place: exit %d: %s%s", args, r.exit, r.out, r.err)
		}
	}
	// Nor does doctor, which looks at everything and says why nothing can be read.
	if r := u.run("", "doctor"); r.exit != 1 || !strings.Contains(r.out, "chmod 600 ") || !strings.Contains(r.out, "audit.chain        16 records") {
		t.Errorf("tacit doctor in a read-only place: exit %d: %s%s", r.exit, r.out, r.err)
	}
	u.chmod(map[string]os.FileMode{"": 0o700, "vault.db": 0o600, "audit": 0o700, "audit/000001.log": 0o600, "audit/audit.lock": 0o600})
	u.intact(held)
}

// TestI07WideModes: files that others may read are refused, with a command that mends them, which does.
func TestI07WideModes(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	held := u.withVault()
	for name, mode := range map[string]os.FileMode{
		"vault.db": 0o644, "": 0o755, "identity.txt": 0o640, "audit": 0o750, "audit/000001.log": 0o604, "known_vaults": 0o644,
	} {
		u.chmod(map[string]os.FileMode{name: mode})
		fix := u.fails(5, "permissions", "open to|others|mode", "", "get", "a/one")
		u.fails(5, "permissions", "open to|others|mode", "value", "set", "a/one")
		if out, err := exec.Command("sh", "-c", fix).CombinedOutput(); err != nil || !strings.HasPrefix(fix, "chmod ") {
			t.Errorf("%q: the way out %q: %v: %s", name, fix, err, out)
			u.chmod(map[string]os.FileMode{name: mode &^ 0o077})
		}
		u.ok("", "get", "a/one")
	}
	u.chmod(map[string]os.FileMode{"vault.db": 0o644})
	u.ok("", "doctor", "--fix")
	u.intact(held)
}
