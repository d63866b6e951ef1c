//go:build unix

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/config"
	"tacit/internal/fault"
)

// stranger is the uid of somebody else. Giving files away takes root, which tests of uids run as.
const stranger = 65501

func TestI20FilesOfOthers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.trusted(wanting) // so that only who owns it can be in the way
	give := func(path string, uid int) {
		t.Helper()
		if err := os.Lchown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(why string, foreign bool) {
		t.Helper()
		c := p.mustLoad()
		if c.Project == nil || c.Project.Trusted || c.Project.Foreign != foreign || !errors.Is(c.Project.Refused, fault.Untrusted) || !strings.Contains(c.Project.Refused.Error(), why) ||
			len(c.Project.Text) > 0 || !isEmpty(c) {
			t.Errorf("%s: %+v", why, c.Project)
		}
		if f, err := config.Open(filepath.Join(p.dir, "tacit.yaml")); err == nil {
			if err := p.trust.Add(t.Context(), f); !errors.Is(err, fault.Untrusted) {
				t.Errorf("%s: it can be trusted: %v", why, err)
			}
		}
	}
	file := filepath.Join(p.dir, "tacit.yaml")

	give(file, stranger)
	refused("belongs to somebody else", true)
	give(file, os.Geteuid())

	if err := os.Chmod(file, 0o602); err != nil {
		t.Fatal(err)
	}
	refused("can be written by everybody", false)
	if err := os.Chmod(file, 0o664); err != nil { // the group's is what a umask of 002 makes
		t.Fatal(err)
	}
	if c := p.mustLoad(); !c.Project.Trusted {
		t.Error("the group may write it")
	}

	target := filepath.Join(p.dir, "target")
	if err := errors.Join(os.Rename(file, target), os.Symlink(target, file)); err != nil {
		t.Fatal(err)
	}
	refused("is a symbolic link", false)
	if err := errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	refused("is not a regular file", false) // and nobody waits for a writer
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	refused("is not a regular file", false)
}

// Whoever may write above the user, to /tmp as anybody may, does not stop those commands that can do without a project, whatever they put
// there.
func TestI20NothingOfOthersStopsUs(t *testing.T) {
	t.Parallel()
	for what, put := range map[string]func(path string) error{
		"a link":        func(path string) error { return os.Symlink("absent", path) },
		"a link to it":  func(path string) error { return os.Symlink("tacit.yaml", path) },
		"a FIFO":        func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":   func(path string) error { return os.Mkdir(path, 0o700) },
		"for everybody": func(path string) error { return os.WriteFile(path, nil, 0o666) },
	} {
		p := newPlace(t)
		path := filepath.Join(p.dir, "tacit.yaml")
		if err := errors.Join(put(path), os.Lchown(path, stranger, -1)); err != nil {
			t.Fatal(err)
		}
		if c := p.mustLoad(); c.Project == nil || !c.Project.Foreign || c.Project.Refused == nil || !isEmpty(c) {
			t.Errorf("%s: %+v", what, c.Project)
		}
	}
}

// A directory of somebody else is as far up as anybody looks.
func TestI20NotAboveTheHomeOfAnother(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file("tacit.yaml", wanting)
	theirs := filepath.Join(p.dir, "theirs")
	if err := errors.Join(os.MkdirAll(filepath.Join(theirs, "ours"), 0o755), os.Chown(theirs, stranger, -1)); err != nil {
		t.Fatal(err)
	}
	p.dir = filepath.Join(theirs, "ours")
	if c := p.mustLoad(); c.Project != nil {
		t.Errorf("looked above: %s", c.Project.Path)
	}
	// What lies in it is theirs, and refused.
	planted := filepath.Join(theirs, "tacit.yaml")
	if err := errors.Join(os.Rename(file, planted), os.Chown(planted, stranger, -1)); err != nil {
		t.Fatal(err)
	}
	if c := p.mustLoad(); c.Project == nil || !c.Project.Foreign || !isEmpty(c) {
		t.Errorf("%+v", c.Project)
	}
}
