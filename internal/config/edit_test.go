package config_test

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/config"
	"tacit/internal/fault"
)

const edited = `# top comment

# about secrets
secrets:
    default_provider: local   # which

    providers:
        local: {priority: 50}   # flow


env:
  # before A
  A: 'it''s quoted'
  B: "double \" ${secret:x}"   # after B

  C: |
    block
    text
vars: {region: eu-1, "ü": ü, n: {a: b}}
tasks:
- a
empty:
# the end
`

func TestEditKeepsTheRest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, value, old, new string }{
		{"secrets.default_provider", "env", "default_provider: local   # which", "default_provider: env   # which"},
		{"secrets.providers.local.priority", "7", "{priority: 50}   # flow", "{priority: 7}   # flow"},
		{"secrets.providers.local.required", "true", "{priority: 50}   # flow", "{priority: 50, required: true}   # flow"},
		{"env.A", "x", "'it''s quoted'", "x"},
		{"env.B", "a: b #c", `"double \" ${secret:x}"   # after B`, `'a: b #c'   # after B`},
		{"env.D", "${secret:d}", "    text\n", "    text\n  D: ${secret:d}\n"},
		{"vars.region", "us", "region: eu-1", "region: us"},
		{"vars.ü2", "x", "", "refused"},
		{"secrets.cache.ttl", "5s", "        local: {priority: 50}   # flow\n", "        local: {priority: 50}   # flow\n    cache:\n      ttl: 5s\n"},
		{"targets.hosts.a", "b", "", "targets:\n  hosts:\n    a: b\n"},
		{"vars.region", "yes: no", "region: eu-1", "region: 'yes: no'"},
		{"vars.region", "", "region: eu-1", "region: ''"},
	} {
		got, err := config.Edit("tacit.yaml", []byte(edited), c.path, c.value)
		if c.new == "refused" {
			if !errors.Is(err, fault.Usage) {
				t.Errorf("%s: %v", c.path, err)
			}
			continue
		}
		want := strings.Replace(edited, c.old, c.new, 1)
		if c.old == "" {
			want = strings.Replace(edited, "empty:\n", "empty:\n"+c.new, 1)
		}
		if err != nil || string(got.Text) != want || got.Anew {
			t.Errorf("%s: %v\n%s", c.path, err, got.Text)
		}
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, path, value, want string }{
		{"", "vars.region", "eu", "vars:\n  region: eu\n"},
		{"# only a comment", "vars.region", "eu", "# only a comment\nvars:\n  region: eu\n"},
		{"vars:", "vars.a", "b", "vars:\n  a: b\n"},
		{"vars:\n\nenv: {}\n", "vars.a", "b", "vars:\n  a: b\n\nenv: {}\n"},
		{"vars: {}\n", "vars.a.b", "c", "vars: {a: {b: c}}\n"},
		{"tasks: {a: {steps: [x, y]}}\n", "tasks.a.steps.1", "z", "tasks: {a: {steps: [x, z]}}\n"},
		{"vars: {a: b}", "vars.l", "[1, 2]", "vars: {a: b, l: [1, 2]}"},
		{"tasks: {db.up: a}\n", "tasks.db.up", "b", "tasks: {db.up: b}\n"},
		{"vars:\n  a: |\n    x\n", "vars.a", "y", "vars:\n  a: y\n"}, // written anew
		{"vars:\n  a: b\n", "vars.a", "x\ny", "vars:\n  a: \"x\\ny\"\n"},
	} {
		got, err := config.Edit("tacit.yaml", []byte(c.text), c.path, c.value)
		if err != nil || string(got.Text) != c.want {
			t.Errorf("%q %s: %q, %v, want %q", c.text, c.path, got.Text, err, c.want)
		}
	}
	for _, c := range [][3]string{
		{"vars: {a: {}}\n", "vars.a", "x"}, {"vars: {a: b}\n", "vars.a.b", "x"}, {"vars: [\n", "vars.a", "x"}, {"", "", "x"}, {"", "a..b", "x"}, {"", "vars.a", "[1"}, {"vars: [a]", "vars.7", "x"},
	} {
		if _, err := config.Edit("tacit.yaml", []byte(c[0]), c[1], c[2]); !errors.Is(err, fault.Usage) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// A file that is written anew keeps its comments, those before and behind all of it too.
func TestEditAnewKeepsComments(t *testing.T) {
	t.Parallel()
	const text = "# yaml-language-server: $schema=x\n\n# about vars\nvars:\n  a: |\n    x\n  b: c # why\n\n# the end\n"
	got, err := config.Edit("tacit.yaml", []byte(text), "vars.a", "y")
	if want := strings.Replace(text, "|\n    x", "y", 1); err != nil || string(got.Text) != want || !got.Anew || got.Created {
		t.Errorf("%q, %v, want %q", got.Text, err, want)
	}
}

// FuzzEdit: what was set is there, and the file can be read as before.
func FuzzEdit(f *testing.F) {
	f.Add([]byte(edited), "vars.region", "us")
	f.Add([]byte("a:\n  - b: |\n      c\n  # d\n"), "a.0.b", "{x: y}")
	f.Fuzz(func(t *testing.T, text []byte, path, value string) {
		first, err := config.Edit("tacit.yaml", text, path, value)
		if err != nil || strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{") {
			return
		}
		again, err := config.Edit("tacit.yaml", first.Text, path, value)
		if err != nil || again.Created {
			t.Fatalf("%q: set twice: %v, created: %v", first.Text, err, again.Created)
		}
	})
}
