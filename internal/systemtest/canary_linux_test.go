package systemtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"filippo.io/age"

	"tacit/client"
	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
)

// canary returns a word that stands nowhere by chance.
func canary(of string) string { return of + "-" + rand.Text() }

// forms are the spellings in which a canary is looked for: raw, base64 at three alignments in both alphabets, hex in both cases,
// UTF-16 in both byte orders.
func forms(canary []byte) [][]byte {
	all := [][]byte{canary}
	for at := range 3 {
		whole := canary[at:]
		whole = whole[:len(whole)/3*3]
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, []byte(e.EncodeToString(whole)))
		}
	}
	digits := hex.EncodeToString(canary)
	all = append(all, []byte(digits), []byte(strings.ToUpper(digits)))
	var little, big []byte
	for _, u := range utf16.Encode([]rune(string(canary))) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	return append(all, little, big)
}

// day is a day of use: everything that the user touches is below one directory, on a disk.
type day struct {
	*user
	root    string
	printed bytes.Buffer // what the program printed on standard error
	values  []string     // that must be in no file but in those that the user named
	names   []string     // that must be in no file at all
	named   []string     // files that the user named as output or input
	roots   map[string][]byte
}

// value returns a new value to be looked for.
func (d *day) value(of string) string {
	v := canary(of)
	d.values = append(d.values, v)
	return v
}

// word returns a new name, tag or note to be looked for. It can be a part of a name.
func (d *day) word(of string) string {
	w := canary(of)
	d.names = append(d.names, w)
	return w
}

// do runs the program, which must succeed, and keeps what it printed on standard error.
func (d *day) do(stdin string, args ...string) string {
	d.t.Helper()
	r := d.run(stdin, args...)
	d.printed.WriteString(r.err)
	if r.exit != 0 {
		d.t.Fatalf("tacit %v: exit %d: %s", args, r.exit, r.err)
	}
	return r.out
}

func (d *day) path(elements ...string) string {
	return filepath.Join(append([]string{d.root}, elements...)...)
}

func newDay(t *testing.T) *day {
	t.Helper()
	d := &day{root: t.TempDir(), roots: map[string][]byte{}}
	d.user = &user{t: t, home: d.path("home")}
	for _, dir := range []string{"home", "tmp", "data", "config", "state", "run", "cache", "bin", "home/out"} {
		if err := os.Mkdir(d.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.env = []string{
		"TACIT_DIR=", "TMPDIR=" + d.path("tmp"), "XDG_DATA_HOME=" + d.path("data"), "XDG_CONFIG_HOME=" + d.path("config"), "XDG_STATE_HOME=" + d.path("state"),
		"XDG_RUNTIME_DIR=" + d.path("run"), "XDG_CACHE_HOME=" + d.path("cache"), "TACIT_DEBUG=1",
	}
	return d
}

// TestI01Canaries lives through a day of use at debug level, with a kill in the middle of an import and of an edit, and then looks
// for every value in every file, and for every name too (I03).
func TestI01Canaries(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.morning()
	d.killedImport()
	d.killedEdit()
	d.search() // before anything cleans up after the killed
	d.evening()

	if len(d.values) < 12 || len(d.names) < 8 || len(d.roots) != 2 {
		t.Fatalf("%d values, %d names and %d root keys to look for", len(d.values), len(d.names), len(d.roots))
	}
	files, seen := d.search()
	if seen == 0 || d.printed.Len() == 0 {
		t.Error("nothing was found even where it must be: is this a search at all?")
	}
	t.Logf("%d files, %d of them the user's own with canaries, %d bytes of debug output; %d values and %d names", files, seen, d.printed.Len(), len(d.values), len(d.names))
}

// search looks for every canary in every file and in standard error. It returns the number of files, and of those with canaries.
func (d *day) search() (files, seen int) {
	d.t.Helper()
	secrets, words := map[string][][]byte{}, map[string][][]byte{}
	for _, v := range d.values {
		secrets["value "+v] = forms([]byte(v))
	}
	for epoch, root := range d.roots {
		secrets["root key of "+epoch] = forms(root)
	}
	for _, n := range d.names {
		words["name "+n] = forms([]byte(n))
	}
	report := func(where string, b []byte, of map[string][][]byte) (found int) {
		for what, spellings := range of {
			for i, s := range spellings {
				if bytes.Contains(b, s) {
					found++
					if !slices.Contains(d.named, where) {
						d.t.Errorf("%s is in %s, in form %d", what, strings.TrimPrefix(where, d.root), i)
					}
				}
			}
		}
		return found
	}
	report("standard error", d.printed.Bytes(), secrets)
	err := filepath.WalkDir(d.root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		files++
		n := report(p, b, secrets) + report(p, b, words)
		if n += report(p, []byte(p), secrets) + report(p, []byte(p), words); n > 0 {
			seen++
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return files, seen
}

// morning uses most commands once.
func (d *day) morning() {
	d.t.Helper()
	name := d.word("name") + "/" + d.word("part")
	tag, note, who, alias := d.word("tag"), d.word("note"), d.word("who"), d.word("alias")
	workspace, group := d.word("workspace"), d.word("group")
	d.do(d.value("stdin"), "--debug", "set", name, "--tag", tag, "--note", note, "--owner", who, "--alias", alias)
	d.rememberRoot("epoch 1")
	d.do("", "--debug", "set", "argument", d.value("argument"))
	file := d.path("home", "out", "from.txt")
	d.named = append(d.named, file)
	if err := os.WriteFile(file, []byte(d.value("file")+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.do("", "set", "file", "--from-file", file)
	d.do(base64.StdEncoding.EncodeToString([]byte(d.value("base64")+"\x00\xff")), "set", "binary", "--base64")
	d.do(d.value("scoped"), "set", d.word("inside"), "--workspace", workspace, "--group", group)
	d.do(d.value("sealed"), "set", "sealed", "--sealed", "--service", "stripe")
	d.values = append(d.values, strings.TrimSpace(d.do("", "generate", "generated", "--print")))
	d.do("", "get", name)
	d.do("", "get", "binary")
	d.do("", "show", name, "--reveal")
	d.do("", "list")
	d.do("", "--json", "list", "--all-scopes")
	d.do(d.value("rotated"), "rotate", name, "--overlap", "30d")
	d.do("", "rotate", "generated", "--generate")
	d.do("", "rollback", name+"@1")
	d.do("", "diff", name+"@1", name+"@2")
	d.do("", "history", name)
	d.do("", "mv", "argument", d.word("moved"))
	d.do("", "update", name, "--tag", d.word("later"))
	d.do("", "run", "-e", "SECRET="+name, "--", "sh", "-c", `test -n "$SECRET"`)
	d.edit(0)
	d.do("", "audit", "--secret", name)
	d.do("", "audit", "who", name)
	d.run("", "get", d.word("missing"))
	d.run(d.value("refused"), "set", "sealed", "--readable")
	d.run(d.value("bad name"), "set", "no such name")
	d.do(`{"imported": {"value": "`+d.value("imported")+`", "tags": ["`+d.word("imported-tag")+`"]}}`, "import", "-", "--format", "json")
	d.run(`{"one": "`+d.value("torn")+`", "two": `, "import", "-", "--format", "json")
}

// edit has an editor change a value; with a time it is killed, and the editor with it, while the value is in the editor.
func (d *day) edit(killAfter time.Duration) {
	d.t.Helper()
	where, next := d.path("tmp", "where"), d.value("edited")
	script := fmt.Sprintf("#!/bin/sh\nprintf %%s '%s' >\"$1\"\npwd >%s.new && mv %s.new %s\n", next, where, where, where)
	if killAfter > 0 {
		script += "exec sleep 60\n"
	}
	editor := d.path("bin", "editor")
	d.named = append(d.named, editor) // which is ours and knows the value
	if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
		d.t.Fatal(err)
	}
	was := d.env
	d.env = append(slices.Clone(d.env), "EDITOR="+editor)
	defer func() { d.env = was }()
	if killAfter == 0 {
		d.do("", "edit", "file")
		return
	}
	_ = os.Remove(where)
	c := d.command("edit", "file")
	c.Stderr = &d.printed
	c.WaitDelay = time.Second // the editor has our standard error
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	await(d.t, "the editor", func() bool { _, err := os.Stat(where); return err == nil })
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // both: they are a session
	_ = c.Wait()
	dir, err := os.ReadFile(where)
	if err != nil {
		d.t.Fatal(err)
	}
	left := strings.TrimSpace(string(dir))
	if strings.HasPrefix(left, d.root) {
		d.t.Errorf("the editor worked in %s, on a disk", left)
	}
	_ = os.RemoveAll(left) // in memory, where nobody was left to remove it
}

func (d *day) killedEdit() { d.edit(time.Millisecond) }

// await waits until is.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// killedImport kills an import that replaces the storage, while it does.
func (d *day) killedImport() {
	d.t.Helper()
	v, n := d.value("bulk"), d.word("bulk")
	c := d.command("import", "-", "--format", "json")
	c.Stderr = &d.printed
	in, err := c.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	_, err = io.WriteString(in, "{")
	for i := 0; i < 400 && err == nil; i++ {
		_, err = fmt.Fprintf(in, "%q: %q,\n", fmt.Sprintf("%s/%d", n, i), strings.Repeat(v+" ", 1500))
	}
	if err != nil {
		d.t.Fatal(err)
	}
	await(d.t, "the new storage", func() bool {
		found, _ := filepath.Glob(d.path("data", "tacit", ".vault.db.new-*"))
		return len(found) > 0
	})
	_ = c.Process.Kill()
	_ = c.Wait()
	in.Close()
	if found, _ := filepath.Glob(d.path("data", "tacit", ".*")); len(found) == 0 {
		d.t.Error("the import that was killed left nothing to look at")
	}
}

// evening changes the root key, backs up, exports, restores.
func (d *day) evening() {
	d.t.Helper()
	d.do("", "rotate-root")
	d.rememberRoot("epoch 2")
	d.do("", "backup", d.path("home", "backups"))
	backup := d.path("home", "out", "backup.age")
	d.do("", "export", "-o", backup)
	for _, format := range []string{"json", "env", "yaml"} {
		out := d.path("home", "out", "plain."+format)
		d.named = append(d.named, out)
		r := d.run("", "export", "--format", format, "--values", "--force", "-o", out)
		d.printed.WriteString(r.err)
		if r.exit != 0 && format != "env" { // where two names meet
			d.t.Errorf("export to %s: exit %d: %s", format, r.exit, r.err)
		}
	}
	d.do("", "rm", "file", "--force")
	d.do("", "import", "--replace", "--force", backup)
	d.do("", "audit", "verify")
	d.do("", "doctor")
	d.env = append(d.env, "TACIT_PASSPHRASE="+d.value("passphrase"))
	d.do("", "slot", "add", "passphrase")
	d.env = d.env[:len(d.env)-1]
	var added client.SlotAdded
	if err := json.Unmarshal([]byte(d.do("", "--json", "slot", "add", "recovery")), &added); err != nil || added.Phrase == nil {
		d.t.Fatalf("slot add recovery: %v", err)
	}
	d.values = append(d.values, *added.Phrase)
}

// rememberRoot finds the root key by the key file, without tacit: it is the plain text of the slot's age file.
func (d *day) rememberRoot(epoch string) {
	d.t.Helper()
	identity := d.path("config", "tacit", "identity.txt")
	text, err := os.ReadFile(identity)
	if err != nil {
		d.t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		d.t.Fatal(err)
	}
	var slot envelope.Slot
	err = bolt.Open(d.path("data", "tacit", "vault.db"), bolt.Options{}).View(context.Background(), func(s engine.Snapshot) error {
		b, ok, err := s.Get([]byte("s1"))
		if err == nil && !ok {
			err = errors.New("there is no slot 1")
		}
		if err == nil {
			slot, err = envelope.DecodeSlot(b)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(slot.Age), ids...)
	if err != nil {
		d.t.Fatal(err)
	}
	if d.roots[epoch], err = io.ReadAll(r); err != nil || len(d.roots[epoch]) != 32 {
		d.t.Fatalf("a root key of %d bytes, %v", len(d.roots[epoch]), err)
	}
	// The key file itself is the user's; its key is nowhere else.
	if !slices.Contains(d.named, identity) {
		d.named = append(d.named, identity)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "AGE-SECRET-KEY-") {
				d.values = append(d.values, strings.TrimSpace(line))
			}
		}
	}
}
