package transfer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

// oddValues returns texts that mean something to one of the formats, or to what reads them.
func oddValues() []string {
	return []string{
		"null", "true", "12", "0123", "1e3", "~", "2026-12-31", " x ", "\n", "'", `\`, `\'`, `'\`, `"`, `$(id)`, "`id`", "${secret:x}", "-----BEGIN KEY-----\nAAAA==\n-----END KEY-----\n",
		"a\r\nb\r\n", "\r", "\r\n", "# c", "a # c", "a #", "!x", "*x", "&x", "%x", "@x", "|", ">-", "- a", "a: b", "{", "[", "encrypted:x", "=cmd", "~root", "\x00", "\xff", "\ufeffx",
		strings.Repeat("x", 64<<10), strings.Repeat("\x01", 64<<10), strings.Repeat("\xff", 64<<10), strings.Repeat("'\n", 32<<10),
	}
}

// values draws secrets of all kinds: text that formats, shells and templates care for, lines, and bytes that are no text.
var values = rapid.OneOf(
	rapid.SliceOfN(rapid.Byte(), 1, 60),
	rapid.Map(rapid.StringOfN(rapid.RuneFrom([]rune("a1 '\"\\`$#!&;|<>(){}[]*?~=:%@,-+\n\r\t\x00\x01\x7f\u0085\u2028\ufeff\ufffdéß€😀")), 1, 60, -1), func(s string) []byte { return []byte(s) }),
	rapid.Map(rapid.SampledFrom(oddValues()), func(s string) []byte { return []byte(s) }),
)

var names = rapid.OneOf(
	rapid.StringMatching(`[A-Za-z][A-Za-z0-9_./-]{0,20}`), rapid.SampledFrom([]string{"true", "null", "Yes", "n", "value", "tags", "format", "export", "PATH", "a", "A"}),
).Filter(func(s string) bool { return name.Check(s) == nil })

// TestRoundTrip: what is exported with values is imported again with the same names, scopes and bytes, whatever they are.
func TestRoundTrip(t *testing.T) {
	for _, format := range []string{"json", "yaml", "env"} {
		t.Run(format, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := map[string][]byte{} // by name and scope
				var list []keeper.Exported
				variables := map[string]bool{}
				for _, n := range rapid.SliceOfNDistinct(names, 0, 8, rapid.ID[string]).Draw(t, "names") {
					scopes := []string{"global"}
					if format == "env" {
						if variables[envVariable(n)] {
							continue
						}
						variables[envVariable(n)] = true
					} else {
						scopes = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"global", "workspace/W", "user/ana"}), 1, 3, rapid.ID[string]).Draw(t, "scopes")
					}
					for _, scope := range scopes {
						x := exported(n, scope, values.Draw(t, "value"))
						if rapid.Bool().Draw(t, "metadata") {
							x.Secret.Tags, x.Secret.Aliases, x.Secret.ExpiresAt = []string{"prod"}, []string{"b"}, &now
							note, every := rapid.String().Draw(t, "note"), "30d"
							x.Secret.Note, x.Secret.Owner, x.Secret.RotateEvery = &note, &note, &every
						}
						if scope == "global" {
							scope = "" // is not said
						}
						want[n+"|"+scope] = x.Value.Reveal()
						list = append(list, x)
					}
				}
				text, err := write(format, WriteOptions{Values: true, Export: rapid.Bool().Draw(t, "export")}, list...)
				if err != nil {
					t.Fatal(err)
				}
				entries, _, err := readAll(format, strings.NewReader(text), Options{})
				if err != nil {
					t.Fatalf("%v in\n%q", err, text)
				}
				if d := Detect([]byte(text)); len(list) > 0 && d != format {
					t.Fatalf("%q looks like %q", text, d)
				}
				got := map[string][]byte{}
				for i, e := range entries {
					got[e.Name+"|"+e.Scope] = e.Value.Reveal()
					x := list[i].Secret
					if e.Invalid != "" || format != "env" && (!slices.Equal(e.Tags, x.Tags) || (e.Note == nil) != (x.Note == nil) || e.Note != nil && *e.Note != *x.Note || (e.ExpiresAt == nil) != (x.ExpiresAt == nil)) {
						t.Fatalf("%s came back for %+v", summary(e), x)
					}
				}
				if !maps.EqualFunc(want, got, bytes.Equal) || len(entries) != len(list) {
					t.Fatalf("wrote %q\ngot %q\nfrom %q", want, got, text)
				}
			})
		})
	}
}

// TestCSVRoundTrip: a reader of CSV finds every value.
func TestCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values.Draw(t, "value")
		text, err := write("csv", WriteOptions{Values: true}, exported("a", "global", v))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[0]) != len(rows[1]) {
			t.Fatalf("%q: %v", text, err)
		}
		got := []byte(rows[1][13])
		if len(got) == 0 {
			got, err = decodeBase64([]byte(rows[1][14]))
		}
		if err != nil || !bytes.Equal(got, v) {
			t.Fatalf("%q came back as %q: %v", v, got, err)
		}
	})
}

// TestI21ShellReadsTheSameValues gives exports to real shells: every value arrives as it is, and nothing in it runs.
func TestI21ShellReadsTheSameValues(t *testing.T) {
	found := 0
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "busybox"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		found++
		t.Run(shell, func(t *testing.T) {
			args := map[string][]string{"zsh": {"-f"}, "busybox": {"sh"}}[shell]
			batch := [][]byte{}
			for _, v := range oddValues() {
				batch = append(batch, []byte(v))
			}
			checkShell(t, path, args, batch)
			rounds := 3
			if os.Getenv("TACIT_LONG") != "" {
				rounds = 200
			}
			for seed := range rounds {
				checkShell(t, path, args, rapid.SliceOfN(values, 50, 50).Example(seed))
			}
		})
	}
	if found == 0 {
		t.Fatal("there is no shell")
	}
}

// checkShell lets a shell source an export of the values and evaluate it, and print what it then has.
func checkShell(t *testing.T, shell string, args []string, batch [][]byte) {
	t.Helper()
	dir := t.TempDir()
	var list []keeper.Exported
	var want []string
	script := ""
	for i, v := range batch {
		if bytes.IndexByte(v, 0) >= 0 || !utf8.Valid(v) {
			continue // no environment holds the former; the latter come as base64
		}
		list = append(list, exported(fmt.Sprintf("app/key-%d", i), "global", v))
		want = append(want, string(v))
		script += fmt.Sprintf("printf '%%s\\000' \"$APP_KEY_%d\"\n", i)
	}
	text, err := write("env", WriteOptions{Values: true, Export: true}, list...)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets.env"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, load := range []string{". ./secrets.env\n", "eval \"$(cat secrets.env)\"\n"} {
		cmd := exec.Command(shell, append(args, "-s")...)
		cmd.Stdin, cmd.Dir = strings.NewReader(load+script), dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("%q: %v %s", load, err, stderr.String())
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("%q: value %d of %d came as %.200q, want %.200q", load, i, len(got), got[i:], want[i:])
			}
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Fatalf("something ran: %v", files)
	}
}

// TestEnvConflict: two secrets that would be one variable are exit 8, naming both.
func TestEnvConflict(t *testing.T) {
	for _, c := range []struct{ a, b, scope, want string }{
		{"db.password", "db-password", "global", "db.password and db-password would both be the variable DB_PASSWORD"},
		{"a/b", "A_B", "global", "a/b and A_B would both be the variable A_B"},
		{"a", "a", "workspace/W", "a and a (workspace/W) would both be the variable A"},
	} {
		_, err := write("env", WriteOptions{Values: true}, exported(c.a, "global", []byte("x")), exported(c.b, c.scope, []byte("y")))
		if !errors.Is(err, fault.Conflict) || err.Error() != c.want {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
