package transfer

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
)

func TestDetect(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"\n\n":                             "",
		"# only a comment\n":               "",
		"hello world\n":                    "",
		"=x":                               "",
		"age-encryption.org/v1\n-> scrypt": "age",
		"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl": "age",
		"{}":                           "json",
		" \n\t{\"a\":\"b\"}":           "json",
		"\ufeff{\"a\":1}":              "json",
		"[]":                           "json",
		"A=1\n":                        "env",
		"\ufeffA=1":                    "env",
		"# c\n\nexport A='x: y'\n":     "env",
		"A=b: c":                       "env",
		"DB_URL=postgres://u:p@h/db\n": "env",
		"# tacit:name=db.password\n":   "env",
		"A = 1":                        "env",
		"a: b=c\n":                     "yaml",
		"a: b":                         "yaml",
		"a:\n  value: x\n":             "yaml",
		"# c\na:\n":                    "yaml",
		"---\na: b\n":                  "yaml",
		"%YAML 1.2\n---\n":             "yaml",
		"\"a\": b\n":                   "yaml",
		"'a=b': c\n":                   "yaml",
	} {
		if got := Detect([]byte(in)); got != want {
			t.Errorf("Detect(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNewReader(t *testing.T) {
	for in, want := range map[string]string{`{"a":"x"}`: "json", "a: x\n": "yaml", "a=x\n": "env"} {
		for _, format := range []string{"auto", "", want} {
			r, err := NewReader(format, stream{strings.NewReader(in)}, Options{})
			if err != nil || r.Format() != want {
				t.Errorf("%q as %q: %v", in, format, err)
				continue
			}
			if e, err := r.Next(); err != nil || e.Name != "a" || string(e.Value.Reveal()) != "x" {
				t.Errorf("%q as %q: %s, %v", in, format, summary(e), err)
			}
		}
	}
	for _, c := range []struct {
		format, in string
		class      fault.Code
	}{
		{"auto", "hello", fault.Invalid},
		{"auto", "", fault.Invalid},
		{"auto", "age-encryption.org/v1\n", fault.Invalid},
		{"auto", "\xff\xfeA\x00=\x00", fault.Invalid},
		{"env", "\xff\xfeA\x00=\x00", fault.Invalid},
		{"json", "\xfe\xff\x00{", fault.Invalid},
		{"toml", "a = 1", fault.Usage},
	} {
		if _, err := NewReader(c.format, strings.NewReader(c.in), Options{}); !errors.Is(err, c.class) {
			t.Errorf("%q as %q: %v, want class %s", c.in, c.format, err, c.class)
		}
	}
}

// TestStripPrefix: names that begin with the prefix lose it, and what that makes equal is found.
func TestStripPrefix(t *testing.T) {
	for format, in := range map[string]string{"json": `{"app.a":"1","b":"2"}`, "yaml": "app.a: \"1\"\nb: \"2\"\n", "env": "# tacit:name=app.a\nA=1\nb=2\n"} {
		list, _, err := readAll(format, strings.NewReader(in), Options{StripPrefix: "app."})
		if err != nil || len(list) != 2 || list[0].Name != "a" || list[0].RenamedFrom != "app.a" || list[1].Name != "b" || list[1].RenamedFrom != "" {
			t.Errorf("%s: %v\n%s", format, err, summaries(list, nil))
		}
	}
	if _, _, err := readAll("json", strings.NewReader(`{"app.a":"1",`+"\n"+`"a":"2"}`), Options{StripPrefix: "app."}); err == nil || err.Error() != `line 2: duplicate name "a"` {
		t.Errorf("a and app.a: %v", err)
	}
	if list, _, err := readAll("json", strings.NewReader(`{"app.":"1"}`), Options{StripPrefix: "app."}); err != nil || list[0].Invalid == "" {
		t.Errorf("nothing left of a name: %v", err)
	}
}
