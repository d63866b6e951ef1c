package handoff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestI21AnyFile: whatever a file looks like, if its real parser reads it with a harmless value, then it reads the same with any other one,
// with the one in place of the other.
func TestI21AnyFile(t *testing.T) {
	t.Parallel()
	pieces := map[Kind][]string{
		JSON: {"{", "}", "[", "]", ",", ":", `"a"`, `"`, `\"`, `\\\\`, " ", "\n", "1", x, x, x, `"` + x + `"`, `"k":`, "//", "/*", "*/"},
		TOML: {"a = ", "b = ", "\n", `"`, `'`, `"""`, "'''", "[", "]", "{", "}", ",", ".", "#", " ", `\`, x, x, x, `"` + x + `"`, "'" + x + "'", "[[t]]", "c", "1"},
		YAML: {"a: ", "b: ", "- ", "\n", "\n  ", "\n    ", `"`, "'", "|", ">", "|-", ">+", "|\n  ", ">\n  ", "[", "]", "{", "}", ", ", " #", "# ", "&x ", "*x", "!t ", "? ", "---\n", "...\n", "w", " ", ": ", `\`, "''", x, x, x, `"` + x + `"`, "'" + x + "'"},
	}
	for _, l := range languages() {
		t.Run(string(l.kind), func(t *testing.T) {
			t.Parallel()
			read := func(file, v string) (any, error) {
				out, err := fill(l.kind, false, file, []byte(v))
				if err != nil {
					return nil, err
				}
				var got any
				if l.kind == TOML { // its parser wants a table
					var table map[string]any
					err = l.parse([]byte(out), &table)
					return table, err
				}
				err = l.parse([]byte(out), &got)
				return got, err
			}
			useful, refused := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				file := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces[l.kind]), 1, 12).Draw(t, "file"), "")
				const harmless = "XXXXX"
				want, err := read(file, harmless)
				if err != nil || !strings.Contains(file, x) {
					return
				}
				useful++
				v := value(t)
				meant := replaced(want, harmless, v)
				if countKeys(meant) != countKeys(want) {
					return // the value is a key that the file has already
				}
				got, err := read(file, v)
				if err != nil && strings.Contains(err.Error(), elsewise) {
					t.Logf("%q with %q is refused", file, v) // rather than wrong
					refused++
					return
				}
				if err != nil {
					t.Fatalf("%q with %q: %v", file, v, err)
				}
				if d := cmp.Diff(meant, got); d != "" {
					t.Fatalf("%q with %q: %s", file, v, d)
				}
			})
			if t.Logf("%d files with a value, %d refused", useful, refused); refused > useful/1000 {
				t.Error("too many are refused")
			}
		})
	}
}

// countKeys counts the keys of all maps in a document.
func countKeys(doc any) int {
	n := 0
	switch doc := doc.(type) {
	case []any:
		for _, e := range doc {
			n += countKeys(e)
		}
	case []map[string]any:
		for _, e := range doc {
			n += countKeys(e)
		}
	case map[string]any:
		for _, e := range doc {
			n += 1 + countKeys(e)
		}
	case map[any]any:
		for k, e := range doc {
			n += 1 + countKeys(k) + countKeys(e)
		}
	}
	return n
}

// replaced puts one text for another in a document.
func replaced(doc any, old, with string) any {
	switch doc := doc.(type) {
	case string:
		return strings.ReplaceAll(doc, old, with)
	case []any:
		var out []any
		if doc != nil {
			out = []any{}
		}
		for _, e := range doc {
			out = append(out, replaced(e, old, with))
		}
		return out
	case []map[string]any:
		var out []map[string]any
		for _, e := range doc {
			out = append(out, replaced(e, old, with).(map[string]any))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range doc {
			out[strings.ReplaceAll(k, old, with)] = replaced(e, old, with)
		}
		return out
	case map[any]any:
		out := map[any]any{}
		for k, e := range doc {
			out[replaced(k, old, with)] = replaced(e, old, with)
		}
		return out
	}
	return doc
}
