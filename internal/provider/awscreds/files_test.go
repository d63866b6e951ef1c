package awscreds

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// FuzzFiles reads files that anybody may have written: they end in sections of keys and values, each on one line of what was read, and
// what one section holds never gets into another.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"[default]\naws_access_key_id = x # id\n", "[profile a b]\nx=y\n\tnested=z\n[sso-session s]\nsso_region=r\n", "[profile \"q\"]\nk=v=w;c\n", "[\n]\n=\n[profile]\nx=1", "\xff\x00[default]",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, credentials bool) {
		all := &files{profiles: map[string]profile{}, sessions: map[string]profile{}}
		all.add(text, credentials)
		for name, p := range all.profiles {
			for key, value := range p {
				if key != strings.ToLower(key) || strings.ContainsAny(key+value, "\n") || !strings.Contains(text, value) || strings.TrimSpace(value) != value {
					t.Errorf("%q: %q = %q", name, key, value)
				}
			}
		}
		// Another section behind it changes none of those before.
		more := &files{profiles: map[string]profile{}, sessions: map[string]profile{}}
		more.add(text+"\n[profile fuzz-other]\n[fuzz-other]\naws_access_key_id=other\n", credentials)
		for name, p := range all.profiles {
			if name != "fuzz-other" && more.profiles[name]["aws_access_key_id"] != p["aws_access_key_id"] {
				t.Errorf("%q changed", name)
			}
		}
	})
}

// FuzzSplit cuts command lines: words that are quoted come back as they were.
func FuzzSplit(f *testing.F) {
	f.Add("a b", `c"d`)
	f.Add("", "'")
	f.Add(`\`, "\t")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsFunc(a+b, func(r rune) bool { return r == '\'' || unicode.IsControl(r) }) {
			return // single quotes hold everything but themselves
		}
		if got := split("'"+a+"'  '"+b+"'", true); !slices.Equal(got, []string{a, b}) {
			t.Errorf("%q %q: %q", a, b, got)
		}
		_ = split(a+b, false)
	})
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                       nil,
		"  ":                     nil,
		"/bin/x  --a b":          {"/bin/x", "--a", "b"},
		`"/a b/x" '--c d' e" f"`: {"/a b/x", "--c d", "e f"},
		`/a\ b/x \"`:             {"/a b/x", `"`},
		`x ""`:                   {"x", ""},
		`x 'a\b'`:                {"x", `a\b`},
		`"open`:                  {"open"},
	} {
		if got := split(line, true); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if got := split(`C:\tools\x.exe "C:\a b"`, false); !slices.Equal(got, []string{`C:\tools\x.exe`, `C:\a b`}) {
		t.Errorf("of Windows: %q", got)
	}
}
