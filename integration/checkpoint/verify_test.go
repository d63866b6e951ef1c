package checkpoint

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// home is a vault that the program, as it is built, works on.
type home struct {
	t       *testing.T
	dir     string
	program string
}

func newHome(t *testing.T) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{t, filepath.Join(dir, "t"), filepath.Join(dir, "tacit")}
	build := exec.Command("go", "build", "-o", h.program, "./cmd/tacit")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.run("", "init", "--key-file", filepath.Join(h.dir, "identity.txt"))
	return h
}

func (h *home) run(input string, args ...string) string {
	h.t.Helper()
	c := exec.Command(h.program, args...)
	c.Env = []string{"TACIT_DIR=" + h.dir, "HOME=" + filepath.Dir(h.dir)}
	c.Stdin = strings.NewReader(input)
	out, err := c.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			h.t.Fatalf("tacit %v: %v\n%s", args, err, exit.Stderr)
		}
		h.t.Fatal(err)
	}
	return string(out)
}

func (h *home) log() string { return filepath.Join(h.dir, "audit") }

func (h *home) publicKey() string {
	h.t.Helper()
	var s struct{ Audit struct{ Public_Key string } } //nolint:revive // the name in JSON
	if err := json.Unmarshal([]byte(h.run("", "status", "--json")), &s); err != nil || s.Audit.Public_Key == "" {
		h.t.Fatalf("%+v, %v", s, err)
	}
	return s.Audit.Public_Key
}

// TestI17AnOutsiderVerifies accepts a log that grew and rejects every one that did not: a fork, an edit, a cut.
func TestI17AnOutsiderVerifies(t *testing.T) {
	h := newHome(t)
	key := h.publicKey()
	h.run("first value", "set", "a")
	early := h.run("", "audit", "checkpoint")
	past := filepath.Join(t.TempDir(), "past")
	if err := os.CopyFS(past, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	h.run("second value", "set", "a")
	h.run("", "rotate-root") // and so a new segment
	h.run("", "get", "a")
	late := h.run("", "audit", "checkpoint")
	h.run("", "get", "a")
	for _, c := range []string{early, late} {
		if err := Verify(h.log(), c, key); err != nil {
			t.Errorf("growth: %v", err)
		}
	}

	t.Run("edit", func(t *testing.T) {
		copied := filepath.Join(t.TempDir(), "audit")
		if err := os.CopyFS(copied, os.DirFS(h.log())); err != nil {
			t.Fatal(err)
		}
		first := filepath.Join(copied, "000001.log")
		whole, err := os.ReadFile(first)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(whole, []byte("\n"))
		lines = lines[:len(lines)-1]
		for name, edited := range map[string][]byte{
			"a bit":     slices.Concat(whole[:700], []byte{whole[700] ^ 1}, whole[701:]),
			"removed":   bytes.Join(slices.Concat(lines[:2], lines[3:]), nil),
			"reordered": bytes.Join(slices.Concat(lines[:2], [][]byte{lines[3], lines[2]}, lines[4:]), nil),
			"cut":       bytes.Join(lines[:3], nil),
			"empty":     nil,
		} {
			if err := os.WriteFile(first, edited, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := Verify(copied, late, key); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		if err := os.Remove(first); err != nil {
			t.Fatal(err)
		}
		if err := Verify(copied, early, key); err == nil {
			t.Error("no first segment: accepted")
		}
	})
	t.Run("cut", func(t *testing.T) {
		if err := Verify(filepath.Join(past, "audit"), early, key); err != nil {
			t.Errorf("the log as it was: %v", err)
		}
		if err := Verify(filepath.Join(past, "audit"), late, key); err == nil {
			t.Error("a log that was put back: accepted")
		}
	})
	t.Run("fork", func(t *testing.T) {
		old := &home{t, past, h.program}
		err := filepath.WalkDir(past, func(path string, d fs.DirEntry, err error) error {
			if mode := fs.FileMode(0o600); err == nil && !d.IsDir() {
				return os.Chmod(path, mode)
			}
			return errors.Join(err, os.Chmod(path, 0o700))
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 12 { // beyond the late checkpoint
			old.run("another second value", "set", "a", "--tag", "x")
			old.run("", "get", "a")
		}
		if err := Verify(old.log(), early, key); err != nil {
			t.Errorf("grown out of the early one: %v", err)
		}
		if err := Verify(old.log(), late, key); err == nil {
			t.Error("a fork: accepted")
		}
	})
	t.Run("pruned", func(t *testing.T) {
		copied := filepath.Join(t.TempDir(), "audit")
		if err := os.CopyFS(copied, os.DirFS(h.log())); err != nil {
			t.Fatal(err)
		}
		// The log is not old enough to be pruned by the program, so this is done with a key of our own.
		name, _, _ := strings.Cut(key, "+")
		private, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(private)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(text string) string {
			t.Helper()
			b, err := note.Sign(&note.Note{Text: text}, signer)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		resigned := func(c string) string { return sign(c[:strings.Index(c, "\n\n")+1]) }
		second, err := os.ReadFile(filepath.Join(copied, "000002.log"))
		if err != nil {
			t.Fatal(err)
		}
		var first struct {
			First uint64
			Prev  string
		}
		if err := json.Unmarshal(bytes.SplitN(second, []byte("\n"), 2)[0], &first); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(copied, "000001.log")); err != nil {
			t.Fatal(err)
		}
		statement := func(seq uint64, hash string) string { return fmt.Sprintf("%s/pruned\n%d\n%s\n", name, seq, hash) }
		for what, tt := range map[string]struct {
			note, checkpoint string
			ok               bool
		}{
			"up to there":             {sign(statement(first.First-1, first.Prev)), resigned(late), true},
			"further":                 {sign(statement(first.First+1, first.Prev)), resigned(late), true},
			"not that far":            {sign(statement(first.First-2, first.Prev)), resigned(late), false},
			"another record":          {sign(statement(first.First-1, strings.Repeat("0", 64))), resigned(late), false},
			"not signed":              {statement(first.First-1, first.Prev), resigned(late), false},
			"signed by the vault":     {late, resigned(late), false},
			"a checkpoint":            {resigned(late), resigned(late), false},
			"before what was pruned":  {sign(statement(first.First-1, first.Prev)), resigned(early), false},
			"at what was pruned":      {sign(statement(first.First-1, first.Prev)), sign(fmt.Sprintf("%s\n%d\n%s\n", name, first.First-1, first.Prev)), true},
			"another, at what was it": {sign(statement(first.First-1, first.Prev)), sign(fmt.Sprintf("%s\n%d\n%s\n", name, first.First-1, strings.Repeat("1", 64))), false},
		} {
			if err := os.WriteFile(filepath.Join(copied, "pruned.note"), []byte(tt.note), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := Verify(copied, tt.checkpoint, public); (err == nil) != tt.ok {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	t.Run("signature", func(t *testing.T) {
		for name, c := range map[string]string{
			"another place": strings.Replace(late, "\n", "\n1", 1), "none": strings.SplitN(late, "\n\n", 2)[0] + "\n", "empty": "",
		} {
			if err := Verify(h.log(), c, key); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		if err := Verify(h.log(), late, newHome(t).publicKey()); err == nil {
			t.Error("the key of another vault: accepted")
		}
	})
}
