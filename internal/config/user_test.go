package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tacit/internal/config"
	"tacit/internal/fault"
)

func check(_, rule string) error {
	if strings.HasPrefix(rule, "bad") {
		return errors.New("a bad rule")
	}
	return nil
}

func TestParseUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want map[string][]string
	}{
		"nothing":      {"", nil},
		"a comment":    {"# nothing yet\n", nil},
		"other tables": {"secrets: {default_provider: local}\nnetwork:\n  idle: 1h\n", nil},
		"permissions": {
			"access_control:\n  enforce: true\n  default_permissions:\n    agent: ['list **']\n    agent/claude:\n      - read ci/*\n      - use openai/*\n",
			map[string][]string{"agent": {"list **"}, "agent/claude": {"read ci/*", "use openai/*"}},
		},
		"none": {"access_control: {default_permissions: {}}", map[string][]string{}},
	} {
		u, err := config.ParseUser([]byte(c.text), check)
		if err != nil || !reflect.DeepEqual(u.DefaultPermissions, c.want) {
			t.Errorf("%s: %v, %v", name, u.DefaultPermissions, err)
		}
	}
}

func TestRetain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "secrets: {audit: {}}\n": 0, "secrets: {audit: {retain: 7y}}\n": 7 * 365 * 24 * time.Hour, "secrets:\n  audit:\n    retain: 400d\n": 400 * 24 * time.Hour,
		"secrets: {audit: {retain: 90d}, cache: {ttl: 0}}\n": 90 * 24 * time.Hour,
	} {
		if u, err := config.ParseUser([]byte(text), check); err != nil || u.Retain != want {
			t.Errorf("%q: %v, %v", text, u.Retain, err)
		}
	}
}

func TestEnforce(t *testing.T) {
	t.Parallel()
	for text, unenforced := range map[string]bool{
		"": false, "access_control: {}\n": false, "access_control: {enforce: true}\n": false, "access_control: {enforce: false}\n": true,
	} {
		if u, err := config.ParseUser([]byte(text), check); err != nil || u.Unenforced != unenforced {
			t.Errorf("%q: %v, %v", text, u.Unenforced, err)
		}
	}
}

// TestI19MisspeltTable: a table that nobody knows may have been meant to say where secrets come from.
func TestI19MisspeltTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("vars: {a: b}\nsecret:\n  providers: {prod: {type: file, priority: 100}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(config.Options{UserFile: path})
	if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), `config.yaml:2: unknown key "secret"`) {
		t.Error(err)
	}
}

func TestParseUserRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"an unknown table":    {"a: 1\n", `line 1: unknown key "a"`},
		"an unknown key":      {"access_control:\n  default_permission: {}\n", `line 2: unknown key "default_permission"`},
		"retain for less":     {"secrets:\n  audit:\n    retain: 30d\n", "line 3: retain is at least 90d"},
		"retain for a number": {"secrets:\n  audit: {retain: 7}\n", "line 2: retain is a duration"},
		"retain in a list":    {"secrets: {audit: {retain: [7y]}}\n", "line 1: retain is a duration"},
		"retaining":           {"secrets: {audit: {retaim: 7y}}\n", "line 1: unknown key"},
		"a secret's table":    {"secrets: {audits: {}}\n", "line 1: unknown key"},
		"maybe enforcing":     {"access_control:\n  enforce: maybe\n", "line 2: enforce is true or false"},
		"enforcing as text":   {"access_control:\n  enforce: 'false'\n", "line 2: enforce is true or false"},
		"enforcing, no":       {"access_control:\n  enforce: no\n", "line 2: enforce is true or false"},
		"enforcing nothing":   {"access_control:\n  enforce:\n", "line 2: enforce is true or false"},
		"enforcing a list":    {"access_control:\n  enforce: [false]\n", "line 2: enforce is true or false"},
		"a bad rule":          {"access_control:\n  default_permissions:\n    agent:\n      - read a\n      - bad\n", "line 5: a bad rule"},
		"no list":             {"access_control:\n  default_permissions:\n    agent: read a\n", `line 3: "agent" must be a list`},
		"a rule that is none": {"access_control:\n  default_permissions:\n    agent: [{a: b}]\n", "line 3: a rule is a line of text"},
		"twice":               {"access_control: {}\naccess_control: {}\n", "line 2"},
		"a list":              {"- a\n", "line 1: expected keys with values"},
		"a word":              {"hello", "line 1: expected keys with values"},
		"an alias":            {"tasks: &x [1]\naccess_control: {default_permissions: {agent: *x}}\n", "line"},
		"a merge":             {"access_control:\n  <<: {enforce: true}\n", "line 2"},
		"two documents":       {"{}\n---\n{}\n", "line"},
		"not YAML":            {"access_control: [\n", "line"},
		"deep":                {"tasks: " + strings.Repeat("[", 100) + strings.Repeat("]", 100), "line 1"},
		"huge":                {"#" + strings.Repeat("x", 1<<20), "line 1: the file is larger"},
		"many aliases":        {"tasks:\n  a: &a [1,1,1,1]\n  b: &b [*a,*a,*a,*a]\n  c: [*b,*b,*b,*b]\n", "line"},
	} {
		u, err := config.ParseUser([]byte(c[0]), check)
		if err == nil || !strings.HasPrefix(err.Error(), c[1]) || len(u.DefaultPermissions) > 1 {
			t.Errorf("%s: %v, %v", name, u, err)
		}
	}
}

func TestReadUser(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if u, err := config.ReadUser(file, check); err != nil || u.DefaultPermissions != nil {
		t.Errorf("missing: %v, %v", u, err)
	}
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("access_control: {default_permissions: {agent: [bad]}}", 0o600)
	if _, err := config.ReadUser(file, check); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "config.yaml: line 1: a bad rule") {
		t.Error(err)
	}
	write("access_control: {default_permissions: {agent: [read a]}}", 0o622)
	if _, err := config.ReadUser(file, check); !errors.Is(err, fault.Permissions) {
		t.Errorf("writable by others: %v", err)
	}
}

func FuzzParseUser(f *testing.F) {
	f.Add([]byte("access_control:\n  default_permissions:\n    agent: ['list **']\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := config.ParseUser(text, check)
		if err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("no line: %v", err)
		}
		for _, rules := range u.DefaultPermissions {
			for _, r := range rules {
				if strings.HasPrefix(r, "bad") {
					t.Error("a rule was not checked")
				}
			}
		}
	})
}
