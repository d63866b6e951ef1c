package systemtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
)

func TestBadNamesAndValues(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	held := u.withVault()
	for _, n := range []string{
		"", "1a", "a//b", "a/", "/a", "a/../b", "./a", "a b", "ä", "a\x00b", "a\x1b[2J", "a\nb", "-a", strings.Repeat("n", 257),
	} {
		if strings.Contains(n, "\x00") {
			continue // no argument can hold it
		}
		u.fails(2, "invalid", "name", "value", "set", "--", n)
		u.fails(2, "invalid", "name", "", "get", "--", n)
	}
	u.fails(2, "invalid", "empty", "", "set", "c")
	u.fails(2, "invalid", "empty", "\n", "set", "c")
	u.fails(2, "invalid", "65536", strings.Repeat("v", 64<<10+1), "set", "c", "--raw")
	u.fails(2, "usage", "", "value", "set", "c", "--no-such-flag")
	u.fails(3, "not_found", "no such secret: c", "", "get", "c")
	u.fails(3, "not_found", "no such secret: c", "", "rm", "c", "--force")
	u.fails(3, "not_found", "version 9", "", "get", "a/one@9")
	u.intact(held)
	longest := strings.Repeat("n", 256)
	u.ok(strings.Repeat("v", 64<<10), "set", longest, "--raw")
	if got := u.ok("", "get", longest); len(got) != 64<<10 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestMalformedImports(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	held := u.withVault()
	for name, c := range map[string]struct{ content, why string }{
		"cut.json":      {"{\n\"c\": \"value\",\n\"d\": ", "line 3"},
		"field.json":    {"{\n\"c\": \"value\",\n\"d\": {\"value\": \"x\", \"colour\": 1}\n}", "line 3.*colour"},
		"type.json":     {"{\n\"c\": \"value\",\n\n\"d\": [1]\n}", "line 4"},
		"name.json":     {"{\"c\": \"value\",\n\"d d\": \"value\"}", "line 2.*name"},
		"large.json":    {"{\"c\": \"value\",\n\"d\": \"" + strings.Repeat("v", 64<<10+1) + "\"}", "line 2.*65536"},
		"empty.json":    {"{\"c\": \"value\",\n\"d\": \"\"}", "line 2.*empty"},
		"indent.yaml":   {"c: value\nd:\n  value: x\n tags: y\n", "line 4|line 3"},
		"field.yaml":    {"c: value\nd:\n  value: x\n  colour: blue\n", "line 4.*colour"},
		"quote.env":     {"C=value\nD='open\nE=x\n", "line 2"},
		"no-value.env":  {"C=value\nwhat is this\n", "line 2"},
		"conflict.json": {"{\"c\": \"value\", \"a/one\": \"x\"}", "exist"},
	} {
		file := filepath.Join(u.home, name)
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		exit, code := 2, "invalid"
		if name == "conflict.json" {
			exit, code = 8, "exists"
		}
		u.fails(exit, code, c.why, "", "import", file)
	}
	u.fails(2, "usage", "there is no file", "", "import", filepath.Join(u.home, "missing.json"))
	u.intact(held)
}

func TestWithoutAVault(t *testing.T) {
	t.Parallel()
	u := newUser(t, "EDITOR=true")
	for _, args := range [][]string{
		{"rm", "a", "--force"},
		{"get", "a"},
		{"show", "a"},
		{"list"},
		{"mv", "a", "b"},
		{"update", "a", "--tag", "t"},
		{"edit", "a"},
		{"rotate", "a", "--generate"},
		{"history", "a"},
		{"rollback", "a@1"},
		{"diff", "a@1", "a@2"},
		{"purge", "a@1", "--force"},
		{"due"},
		{"audit"},
		{"audit", "who", "a"},
		{"audit", "verify"},
		{"export"},
		{"export", "--values", "--format", "json", "--force"},
		{"backup", "backups"},
		{"slot", "list"},
		{"slot", "test"},
		{"slot", "add", "recovery"},
		{"slot", "rm", "1", "--force"},
		{"rotate-root"},
		{"doctor"},
		{"run", "-e", "A=a", "--", "true"},
	} {
		u.fails(6, "no_vault", "there is no vault", "", args...)
	}
	if _, err := os.Lstat(u.vault()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a vault was made: %v", err)
	}
	if s := u.ok("", "--json", "status"); !strings.Contains(s, `"exists":false`) {
		t.Errorf("status: %s", s)
	}
	u.ok("", "init")
	u.fails(1, "failed", "nothing to export", "", "export", "--format", "json")
	u.fails(1, "failed", "nothing to export", "", "export")
	u.fails(1, "failed", "nothing to export", "", "export", "-o", filepath.Join(u.home, "backup.age"))
	if left, _ := filepath.Glob(filepath.Join(u.home, "*.age*")); len(left) > 0 {
		t.Errorf("the export that failed left %q", left)
	}
}

// TestWrongPassphrases is about vaults and backups that another passphrase opens.
func TestWrongPassphrases(t *testing.T) {
	t.Parallel()
	u := newUser(t, "TACIT_PASSPHRASE=correct horse battery")
	u.ok(`{"a/one": "the value", "b/two": "another value"}`, "import", "-")
	held := u.contents()
	other := newUser(t, "TACIT_PASSPHRASE=quite another phrase")
	other.ok("their value", "set", "a/one")
	theirs := filepath.Join(u.home, "theirs.age")
	other.ok("", "export", "-o", theirs)
	u.fails(4, "wrong_key", "passphrase", "", "import", "--replace", "--force", theirs)
	right := u.env
	u.env = []string{"TACIT_PASSPHRASE=correct horse batterie"}
	u.fails(4, "wrong_key", "wrong passphrase", "", "get", "a/one")
	if r := u.run("x", "set", "a/one"); r.exit != 4 {
		t.Errorf("set: exit %d: %s", r.exit, r.err)
	}
	u.env = nil
	u.fails(6, "locked", "the vault is locked: slot 1 .passphrase.", "", "get", "a/one")
	u.env = right
	if got := u.contents(); got != held { // each command costs a second of scrypt
		t.Errorf("the vault holds %s", got)
	}
}

func TestVaultFromANewerTacit(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	held := u.withVault()
	swap := func(old, new string) {
		e := bolt.Open(u.vault(), bolt.Options{})
		w, err := e.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		header, _, err := w.Get([]byte("h"))
		b := &engine.Batch{}
		b.Put([]byte("h"), []byte(strings.Replace(string(header), old, new, 1)))
		if err := errors.Join(err, w.Commit(b)); err != nil {
			t.Fatal(err)
		}
	}
	swap(`"format":1`, `"format":2`)
	u.fails(1, "newer_format", "format 2", "", "get", "a/one")
	u.fails(1, "newer_format", "format 2", "x", "set", "a/one")
	swap(`"format":2`, `"format":1`)
	u.intact(held)

	log := filepath.Join(u.dir(), "audit", "000001.log")
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(b), `"format":1`, `"format":2`, 1)
	if err := os.WriteFile(log, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	u.fails(1, "newer_format", "newer tacit", "", "get", "a/one")
	if err := os.WriteFile(log, b, 0o600); err != nil {
		t.Fatal(err)
	}
	u.intact(held)
}

// TestI02AnotherVaultInItsPlace puts another vault there, with and without its log, and then its own but older.
func TestI02AnotherVaultInItsPlace(t *testing.T) {
	t.Parallel()
	u, other := newUser(t), newUser(t)
	u.withVault()
	other.withVault()
	put := func(from, to string) []byte {
		t.Helper()
		was, err1 := os.ReadFile(to)
		b, err2 := os.ReadFile(from)
		if err := errors.Join(err1, err2, os.WriteFile(to, b, 0o600)); err != nil {
			t.Fatal(err)
		}
		return was
	}
	older := filepath.Join(u.home, "older.db")
	if err := os.WriteFile(older, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	put(u.vault(), older)
	u.ok("newest value", "set", "c")
	held := u.contents()

	mine := put(other.vault(), u.vault())
	u.fails(4, "foreign", "not the vault you used here before", "", "get", "a/one")
	u.fails(4, "foreign", "not the vault you used here before", "x", "set", "a/one")
	u.fails(4, "foreign", "not the vault you used here before", "", "run", "-e", "X=a/one", "--", "true")
	log := filepath.Join("audit", "000001.log")
	records := put(filepath.Join(other.dir(), log), filepath.Join(u.dir(), log))
	u.fails(4, "foreign", "not the vault you used here before", "", "get", "a/one")
	if err := errors.Join(os.WriteFile(u.vault(), mine, 0o600), os.WriteFile(filepath.Join(u.dir(), log), records, 0o600)); err != nil {
		t.Fatal(err)
	}
	u.intact(held)

	mine = put(older, u.vault())
	u.fails(4, "rolled_back", "older than its log", "", "get", "a/one")
	u.fails(4, "rolled_back", "older than its log", "x", "set", "a/one")
	if r := u.run("", "audit", "verify"); r.exit != 4 || !strings.Contains(r.err, "older than its log") {
		t.Errorf("audit verify: exit %d: %s%s", r.exit, r.out, r.err)
	}
	if err := os.WriteFile(u.vault(), mine, 0o600); err != nil {
		t.Fatal(err)
	}
	u.intact(held)
}

// TestHeldByAnotherProcess: a command gives up in time and says who is in the way.
func TestHeldByAnotherProcess(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	held := u.withVault()
	c := enginetest.Child("hold", u.vault())
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = enginetest.Lines(c, func(line string) {
		if line != "held" {
			return
		}
		for _, args := range [][]string{{"get", "a/one"}, {"set", "a/one"}} {
			r := u.run("x", args...)
			who := fmt.Sprintf("held by pid %d (tacit import)", c.Process.Pid)
			if r.exit != 1 || !strings.Contains(r.err, who) || !strings.Contains(r.err, "  → ") || r.out != "" {
				t.Errorf("tacit %v: exit %d: %s", args, r.exit, r.err)
			}
			if r.took < 4*time.Second || r.took > 9*time.Second { // 5 s, and what a busy machine adds
				t.Errorf("tacit %v gave up after %v", args, r.took)
			}
		}
		in.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	u.intact(held)
}

// holdJob holds the lock of a vault until its input ends: PATH.
func holdJob(ctx context.Context, out io.Writer, args []string) error {
	w, err := bolt.Open(args[0], bolt.Options{Command: "tacit import"}).Begin(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "held")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	return w.Close()
}
