package files

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/paths/pathstest"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

func TestMain(m *testing.M) {
	pathstest.Main(m, map[string]func([]string) error{
		"read": func(args []string) error {
			p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table("directory", args[0])}, provider.World{})
			if err == nil {
				_, err = p.Read(context.Background(), args[1], "")
			}
			return err
		},
	})
}

func of(t *testing.T, dir string, more ...any) provider.Provider {
	t.Helper()
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table(append(more, "directory", dir)...)}, provider.World{
		Debug: func(string, ...any) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func put(t *testing.T, dir, name, value string, mode fs.FileMode) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(value), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, from string) {
	t.Helper()
	if err := os.Symlink(to, from); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, p provider.Provider) []string {
	t.Helper()
	var all []string
	if err := p.List(t.Context(), func(it provider.Item) error { all = append(all, it.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{
		New: func(t *testing.T, w provider.World) providertest.Subject {
			dir := t.TempDir()
			p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table("directory", dir)}, w)
			if err != nil {
				t.Fatal(err)
			}
			return providertest.Subject{Provider: p, Foreign: func() {
				put(t, dir, ".hidden", "x", 0o600)
				put(t, dir, "sub/.hidden", "x", 0o600)
				put(t, dir, "no name", "x", 0o600)
				symlink(t, "..", filepath.Join(dir, "up"))
				symlink(t, ".", filepath.Join(dir, "self"))
				symlink(t, "nowhere", filepath.Join(dir, "broken"))
			}}
		},
		// The suite writes "a" before "a/b"; no file is a directory too.
		HoldsName: func(n string) bool { return n != "a/b" },
	})
}

func TestReadOnlySuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{New: func(t *testing.T, _ provider.World) providertest.Subject {
		dir := t.TempDir()
		return providertest.Subject{Provider: of(t, dir, "read_only", "true"), Put: func(name string, value []byte) { put(t, dir, name, string(value), 0o600) }}
	}})
}

// The layout of a Kubernetes volume: each name is a link into ..data, a link that is replaced when the secret changes.
func TestKubernetesVolume(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "..2026_01/db-password", "old\n", 0o600)
	put(t, dir, "..2026_01/team/key", "k", 0o600)
	symlink(t, "..2026_01", filepath.Join(dir, "..data"))
	symlink(t, "..data/db-password", filepath.Join(dir, "db-password"))
	symlink(t, "..data/team", filepath.Join(dir, "team"))
	p := of(t, dir)
	read := func(name, want string) {
		t.Helper()
		it, err := p.Read(t.Context(), name, "")
		if err != nil || string(it.Value.Reveal()) != want {
			t.Errorf("%s is %q, %v, want %q", name, it.Value.Reveal(), err, want)
		}
	}
	read("db-password", "old\n") // the newline is part of the value
	read("team/key", "k")
	if got := names(t, p); !slices.Equal(got, []string{"db-password", "team/key"}) {
		t.Errorf("listed: %q", got)
	}

	put(t, dir, "..2026_02/db-password", "new", 0o600)
	symlink(t, "..2026_02", filepath.Join(dir, "..next"))
	if err := os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	read("db-password", "new")

	if _, err := p.Write(t.Context(), "db-password", secret.New([]byte("mine"))); !errors.Is(err, fault.Denied) {
		t.Errorf("Write through a link: %v", err)
	}
	if _, err := p.Delete(t.Context(), "db-password"); !errors.Is(err, fault.Denied) {
		t.Errorf("Delete of a link: %v", err)
	}
	read("db-password", "new")
}

// What is outside of the directory is neither read, nor written, nor listed, however a link leads there.
func TestNothingEscapesTheDirectory(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	put(t, outside, "key", "outside", 0o600)
	symlink(t, filepath.Join(outside, "key"), filepath.Join(dir, "absolute"))
	rel, err := filepath.Rel(dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	symlink(t, filepath.Join(rel, "key"), filepath.Join(dir, "relative"))
	symlink(t, outside, filepath.Join(dir, "dir"))
	p := of(t, dir)
	for _, name := range []string{"absolute", "relative", "dir/key"} {
		if it, err := p.Read(t.Context(), name, ""); !errors.Is(err, fault.Denied) {
			t.Errorf("Read of %s: %q, %v, want denied", name, it.Value.Reveal(), err)
		}
		if _, err := p.Write(t.Context(), name, secret.New([]byte("changed"))); err == nil {
			t.Errorf("Write of %s succeeded", name)
		}
		if _, err := p.Delete(t.Context(), name); err == nil {
			t.Errorf("Delete of %s succeeded", name)
		}
	}
	if _, err := p.Write(t.Context(), "dir/new", secret.New([]byte("x"))); !errors.Is(err, fault.Denied) {
		t.Errorf("Write below a link that leads out: %v", err)
	}
	if got := names(t, p); len(got) > 0 {
		t.Errorf("listed: %q", got)
	}
	if b, _ := os.ReadFile(filepath.Join(outside, "key")); string(b) != "outside" {
		t.Errorf("the file outside is %q", b)
	}
}

func TestWrittenFilesArePrivateAndWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := of(t, dir)
	for _, value := range []string{"one", "two\n"} {
		if _, err := p.Write(t.Context(), "team/app/key", secret.New([]byte(value))); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "team/app/key")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if b, _ := os.ReadFile(path); !bytes.Equal(b, []byte("two\n")) {
		t.Errorf("content %q", b)
	}
	if info, err := os.Stat(filepath.Join(dir, "team")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "team/app/.*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := p.Delete(t.Context(), "team/app/key"); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("empty directories are left: %v", left)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := Make(provider.Spec{Name: "file", Settings: providertest.Table()}, provider.World{})
	if !errors.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), "tacit.yaml:1: directory is missing") {
		t.Error(err)
	}
}
