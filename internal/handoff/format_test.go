package handoff

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// zeros is a source of randomness for tests that do not look at it.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// reads are readers of the formats whose rules are few: they do what the documentation of the real ones says. The others are read by the
// real ones, in format_shell_test.go and in integration/dotenv.
func reads(format string, text string) map[string]string {
	got := map[string]string{}
	switch format {
	case "docker", "gitlab":
		lines := bufio.NewScanner(strings.NewReader(text)) // as docker/cli/pkg/kvfile does
		if format == "gitlab" {
			lines.Buffer(nil, 1<<20)
		}
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), "=")
			got[name] = value
		}
	case "github": // as FileCommandManager of actions/runner does
		for text != "" {
			var head, line string
			head, text, _ = strings.Cut(text, "\n")
			name, delimiter, _ := strings.Cut(head, "<<")
			var lines []string
			for {
				if line, text, _ = strings.Cut(text, "\n"); line == delimiter {
					break
				}
				lines = append(lines, line)
			}
			got[name] = strings.Join(lines, "\n")
		}
	case "json":
		if json.Unmarshal([]byte(text), &got) != nil {
			return nil
		}
	}
	return got
}

// TestI21EnvFormats: what is written is read as it was, or refused naming the secret; never is anything else in it.
func TestI21EnvFormats(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "docker", "github", "gitlab"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			check := func(t interface{ Fatalf(string, ...any) }, v string) {
				given := []Variable{val("A", "first"), val("B", v), val("C", "last")}
				out, err := WriteEnv(format, given, zeros{})
				if err != nil {
					if !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "secret.B ") || out != nil || len(v) > 8 && strings.Contains(err.Error(), v) {
						t.Fatalf("%q: %q, %v", clip(v), out, err)
					}
					if format == "json" {
						t.Fatalf("%q: %v", clip(v), err)
					}
					return
				}
				if d := cmp.Diff(map[string]string{"A": "first", "B": v, "C": "last"}, reads(format, string(out))); d != "" {
					t.Fatalf("%q: %s", clip(v), clip(d))
				}
			}
			for _, v := range hostile {
				check(t, v)
			}
			rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
		})
	}
}

func TestWhatFormatsCannotHold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, value, why string }{
		{"shell", "a\x00", "NUL"},
		{"fish", "a\x00", "NUL"},
		{"powershell", "a\x00", "NUL"},
		{"dotenv", "a\x00", "NUL"},
		{"docker", "a\x00", "NUL"},
		{"github", "a\x00", "NUL"},
		{"gitlab", "a\x00", "NUL"},
		{"docker", "a\nb", "more than one line"},
		{"docker", "a\r", "carriage return"},
		{"docker", "\xff", "UTF-8"},
		{"docker", strings.Repeat("x", 64<<10), "longer"},
		{"gitlab", "a\nb", "more than one line"},
		{"gitlab", "a b", "space"},
		{"gitlab", "$A", "$"},
		{"gitlab", `"a"`, "quote"},
		{"gitlab", "", "empty"},
		{"github", "a\r\nB<<x", "carriage return"},
		{"github", "\xff", "UTF-8"},
		{"json", "\xff", "UTF-8"},
		{"powershell", "\xff", "UTF-8"},
		{"dotenv", "a\r", "carriage return"},
	} {
		out, err := WriteEnv(c.format, []Variable{val("A", "ok"), val("V", c.value)}, zeros{})
		if !errors.Is(err, fault.Invalid) || out != nil || !strings.Contains(err.Error(), "secret.V") || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s %q: %q, %v", c.format, clip(c.value), out, err)
		}
	}
	if _, err := WriteEnv("xml", nil, zeros{}); !errors.Is(err, fault.Usage) {
		t.Error(err)
	}
	if _, err := WriteEnv("shell", []Variable{val("A;id", "x")}, zeros{}); !errors.Is(err, fault.Usage) {
		t.Error(err)
	}
}

// TestI21PowerShell: whatever the code page of the console is, the text is the one that was written: it is ASCII, and its only quotes are those
// around the value and, doubled, those in it.
func TestI21PowerShell(t *testing.T) {
	t.Parallel()
	out, err := WriteEnv("powershell", []Variable{val("A", "it's $(id) `n"), val("B", "\u2018;id;\u2019")}, zeros{})
	want := "$env:A = 'it''s $(id) `n'\n$env:B = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('4oCYO2lkO+KAmQ=='))\n"
	if err != nil || string(out) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
	check := func(t interface{ Fatalf(string, ...any) }, v string) {
		out, err := WriteEnv("powershell", []Variable{val("V", v)}, zeros{})
		if err != nil {
			if utf8.ValidString(v) && !strings.Contains(v, "\x00") {
				t.Fatalf("%q: %v", clip(v), err)
			}
			return
		}
		text, end := strings.CutSuffix(string(out), "\n")
		if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 || !end {
			t.Fatalf("%q became %q", clip(v), clip(text))
		}
		inside, coded := strings.CutPrefix(text, "$env:V = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('")
		if coded {
			got, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(inside, "'))"))
			if err != nil || string(got) != v || !strings.HasSuffix(inside, "'))") {
				t.Fatalf("%q became %q", clip(v), clip(text))
			}
			return
		}
		inside, begins := strings.CutPrefix(text, "$env:V = '")
		inside, ends := strings.CutSuffix(inside, "'")
		if !begins || !ends || strings.Contains(strings.ReplaceAll(inside, "''", ""), "'") || strings.ReplaceAll(inside, "''", "'") != v {
			t.Fatalf("%q became %q", clip(v), clip(text))
		}
	}
	for _, v := range append([]string{"\u201a\u201b\u2018\u2019", "\x91;id;\x92", "\x7f", "\u0091", "a\r\nb", "ö"}, hostile...) {
		check(t, v)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, value(t)) })
}

// GitHub hides a log line by line, so each line of a secret is named, and nothing else becomes a command.
func TestGitHubMasks(t *testing.T) {
	t.Parallel()
	given := []Variable{{
		Name: "A", Value: secret.New([]byte("x")),
		Holds: []Secret{{"a", secret.New([]byte("first line\n}\n\n  second%0Aline \r\n"))}, {"b", secret.New([]byte("abc"))}, {"c", secret.New([]byte("first line"))}},
	}}
	if got, want := string(GitHubMasks(given)), "::add-mask::first line\n::add-mask::second%250Aline\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := value(t)
		for line := range bytes.Lines(GitHubMasks([]Variable{{Holds: []Secret{{"a", secret.New([]byte(v))}}}})) {
			if !bytes.HasPrefix(line, []byte("::add-mask::")) || bytes.ContainsRune(line, '\r') {
				t.Fatalf("%q gave the line %q", v, line)
			}
		}
	})
}
