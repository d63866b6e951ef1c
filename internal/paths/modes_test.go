//go:build unix

package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/paths/pathstest"
)

func TestMain(m *testing.M) {
	pathstest.Main(m, map[string]func([]string) error{
		"ensure": func(a []string) error { return EnsureDir(a[0]) },
		"check":  func(a []string) error { return CheckFile(a[0]) },
		"fix":    func(a []string) error { return Fix(a[0]) },
		"write":  func(a []string) error { return undumpableWrite(a[0]) },
		"open": func(a []string) error {
			f, err := Open(a[0], os.O_RDWR|os.O_CREATE)
			if err == nil {
				err = f.Close()
			}
			return err
		},
		"begin": func(a []string) error { return beginAndWait(a[0]) },
	})
}

func TestEnsureDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := EnsureDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if got := modeOf(t, d); got != DirMode {
			t.Errorf("%s: mode %04o", d, got)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := EnsureDir(link); err != nil {
		t.Errorf("a directory behind a link: %v", err)
	}
	file := filepath.Join(dir, "file")
	write(t, file, 0o600)
	if err := EnsureDir(file); !errors.Is(err, fault.Invalid) {
		t.Errorf("a file: %v", err)
	}
}

func TestI07WideModesAreRefusedWithTheCommandThatFixesThem(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o700, 0o500} {
		if err := EnsureDir(mkdir(t, mode)); err != nil {
			t.Errorf("directory %04o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o755, 0o750, 0o701, 0o710, 0o702, 0o704, 0o777} {
		dir := mkdir(t, mode)
		wantPermissions(t, fmt.Sprintf("directory %04o", mode), EnsureDir(dir), dir, "chmod 700 "+dir)
		if got := modeOf(t, dir); got != mode {
			t.Errorf("mode was changed silently: %04o", got)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := CheckFile(mkfile(t, mode)); err != nil {
			t.Errorf("file %04o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o666} {
		file := mkfile(t, mode)
		wantPermissions(t, fmt.Sprintf("file %04o", mode), CheckFile(file), file, "chmod 600 "+file)
		f, err := Open(file, os.O_RDONLY)
		wantPermissions(t, fmt.Sprintf("open file %04o", mode), err, file, "chmod 600 "+file)
		if f != nil {
			t.Error("file was opened")
		}
	}
	odd := filepath.Join(t.TempDir(), "it's here")
	write(t, odd, 0o644)
	wantPermissions(t, "path for a shell", CheckFile(odd), odd, `chmod 600 '`+strings.ReplaceAll(odd, "'", `'\''`)+`'`)
}

func TestI07LinksAndOddFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link, fifo := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	write(t, target, 0o600)
	if err := errors.Join(os.Symlink(target, link), syscall.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, fifo, dir} {
		wantPermissions(t, path, CheckFile(path), path, "")
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
			f, err := Open(path, flag)
			wantPermissions(t, fmt.Sprintf("open %s %x", path, flag), err, path, "")
			if f != nil {
				t.Error("was opened")
			}
		}
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), dangling); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dangling, os.O_RDWR|os.O_CREATE)
	wantPermissions(t, "dangling link", err, dangling, "")
	wantAbsent(t, filepath.Join(dir, "elsewhere"))
}

func TestI07OtherOwnersAreRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another owner")
	}
	// As root, with a file of another user: root is another uid.
	file := mkfile(t, 0o600)
	if err := os.Chown(file, pathstest.UID, pathstest.UID); err != nil {
		t.Fatal(err)
	}
	wantPermissions(t, "root", CheckFile(file), file, "chown 0 "+file)
	wantPermissions(t, "root fixes", Fix(file), file, "chown 0 "+file)

	// As another user, with a directory of root that lets everybody in.
	dir := pathstest.Dir(t)
	theirs := filepath.Join(dir, "theirs")
	if err := errors.Join(os.Mkdir(theirs, 0o755), os.Chmod(theirs, 0o777)); err != nil {
		t.Fatal(err)
	}
	r := pathstest.AsUser(t, "ensure", theirs)
	if r.Code != fault.Permissions || !strings.Contains(r.Message, "belongs to uid 0") {
		t.Errorf("%+v", r)
	}
}

func TestRefusedAccessNamesTheRemedy(t *testing.T) {
	t.Parallel()
	dir := pathstest.Dir(t)
	own := func(path string, mode fs.FileMode) string {
		t.Helper()
		if os.Geteuid() == 0 {
			if err := os.Chown(path, pathstest.UID, pathstest.UID); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	readOnly := filepath.Join(dir, "ro")
	if err := os.Mkdir(readOnly, 0o700); err != nil {
		t.Fatal(err)
	}
	unreadable := filepath.Join(dir, "unreadable")
	write(t, unreadable, 0o600)
	own(readOnly, 0o500)
	own(unreadable, 0o000)
	for _, tt := range []struct{ child, path, fix string }{
		{"ensure", filepath.Join(readOnly, "sub", "dir"), "chmod 700 " + readOnly},
		{"open", filepath.Join(readOnly, "new"), "chmod 700 " + readOnly},
		{"open", unreadable, "chmod 600 " + unreadable},
		{"write", filepath.Join(readOnly, "new"), "chmod 700 " + readOnly},
		{"ensure", "/tacit-test-nowhere", "set TACIT_DIR to a directory of yours"},
	} {
		r := pathstest.AsUser(t, tt.child, tt.path)
		if r.Code != fault.Permissions || r.Fix != tt.fix || !strings.Contains(r.Message, tt.path) {
			t.Errorf("%s %s: %+v, want fix %q", tt.child, tt.path, r, tt.fix)
		}
	}
	if r := pathstest.AsUser(t, "fix", unreadable); r.Code != "" {
		t.Errorf("fix: %+v", r)
	}
	if r := pathstest.AsUser(t, "open", unreadable); r.Code != "" {
		t.Errorf("after fix: %+v", r)
	}
}

func TestFix(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o644, 0o777, 0o400, 0o600} {
		file := mkfile(t, mode)
		if err := errors.Join(Fix(file), CheckFile(file)); err != nil || modeOf(t, file) != FileMode {
			t.Errorf("file %04o: %v, now %04o", mode, err, modeOf(t, file))
		}
		dir := mkdir(t, mode|0o100)
		if err := errors.Join(Fix(dir), CheckDir(dir)); err != nil || modeOf(t, dir) != DirMode {
			t.Errorf("directory %04o: %v, now %04o", mode, err, modeOf(t, dir))
		}
	}
	target := mkfile(t, 0o644)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	wantPermissions(t, "link", Fix(link), link, "")
	if modeOf(t, target) != 0o644 {
		t.Error("the mode of the link's target was changed")
	}
	if err := Fix(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func wantPermissions(t *testing.T, what string, err error, object, fix string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.Permissions {
		t.Errorf("%s: %v, want class permissions", what, err)
		return
	}
	if e.Object != object || !strings.Contains(e.Message, object) {
		t.Errorf("%s: %q (object %q) does not name %s", what, e.Message, e.Object, object)
	}
	if fix != "" && e.Fix != fix || e.Fix == "" {
		t.Errorf("%s: fix %q, want %q", what, e.Fix, fix)
	}
}

func wantAbsent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s exists (%v)", path, err)
	}
}

func mkdir(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mkfile(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, mode)
	return file
}

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte("x\n"), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
