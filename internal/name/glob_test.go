package name

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		yes, no         string // words
	}{
		{"db", "db", "db", "DB d dbx xdb db/x"},
		{"db*", "db", "db dbx db.password", "db/x xdb"},
		{"*", "", "a abc", "a/b"},
		{"**", "", "a a/b a/b/c", ""},
		{"a/*", "a/", "a/b a/bc", "a a/b/c b/a"},
		{"a/**", "a/", "a/b a/b/c", "a ab/c"},
		{"**/z", "", "z a/z a/b/z", "az a/bz z/a"},
		{"a/**/z", "a/", "a/z a/b/z a/b/c/z", "az a/bz b/z a/z/b"},
		{"a**z", "a", "az abz a/z a/b/z", "a z"},
		{"*/key", "", "a/key b/key", "key a/b/key"},
		{"db?", "db", "db1 dbx", "db db12 db/"},
		{"a?b", "a", "axb", "a/b ab"},
		{"*a*b*", "", "ab xaxbx aab", "ba a/b"},
		{"***", "", "a a/b", ""},
		{"**/**/x", "", "x a/x a/b/x", "y"},
		{"a/**/*", "a/", "a/b a/b/c", "a"},
		{"prod/[a-z]", "prod/[a-z]", "", "prod/a prod/b"}, // no classes: brackets are literal, and no name has one
		{"{a,b}", "{a,b}", "", "a b"},
		{`a\*`, `a\`, "", "a* a"},
		{"[a-z]*", "[a-z]", "", "a b"},
	} {
		g, err := ParseGlob(c.pattern)
		if err != nil {
			t.Errorf("ParseGlob(%q): %v", c.pattern, err)
			continue
		}
		if g.Prefix() != c.prefix || g.String() != c.pattern {
			t.Errorf("%q: prefix %q, prints as %q", c.pattern, g.Prefix(), g)
		}
		for _, s := range strings.Fields(c.yes) {
			if !g.Match(s) {
				t.Errorf("%q does not match %q", c.pattern, s)
			}
		}
		for _, s := range strings.Fields(c.no) {
			if g.Match(s) {
				t.Errorf("%q matches %q", c.pattern, s)
			}
		}
	}
	for _, s := range []string{"", strings.Repeat("*", maxPattern+1)} {
		if _, err := ParseGlob(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseGlob of %d bytes: %v, want an error of class invalid", len(s), err)
		}
	}
}

// TestI08GlobIsBounded runs the patterns that make backtracking matchers take for ever.
func TestI08GlobIsBounded(t *testing.T) {
	longName := strings.Repeat("a", MaxLen-1) + "b"
	for _, p := range []string{
		strings.Repeat("*a", 200) + "c", strings.Repeat("**a", 150) + "c", strings.Repeat("**/", 150) + "c", strings.Repeat("*", maxPattern),
		strings.Repeat("a*", 200) + "?c",
	} {
		g, err := ParseGlob(p)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 100 {
			g.Match(longName)
		}
		if d := time.Since(start); d > 5*time.Second { // it takes 0.1 s; a backtracking matcher takes years
			t.Errorf("%.20q…: 100 matches took %v", p, d)
		}
	}
	g, _ := ParseGlob("**/a*b?c/**")
	if n := testing.AllocsPerRun(100, func() { g.Match("x/y/aabxc/z") }); n != 0 {
		t.Errorf("a match allocates %v times", n)
	}
}

// asRegexp is the meaning of a glob, said in the terms of another matcher.
func asRegexp(pattern string) *regexp.Regexp {
	stars := regexp.MustCompile(`\*\*+`)
	pattern = stars.ReplaceAllString(pattern, "**")
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, "**/") && (i == 0 || pattern[i-1] == '/'):
			re.WriteString(`(?:.*/)?`)
			i += 3
		case strings.HasPrefix(rest, "**"):
			re.WriteString(`.*`)
			i += 2
		case rest[0] == '*':
			re.WriteString(`[^/]*`)
			i++
		case rest[0] == '?':
			re.WriteString(`[^/]`)
			i++
		default:
			re.WriteString(regexp.QuoteMeta(rest[:1]))
			i++
		}
	}
	re.WriteString(`\z`)
	return regexp.MustCompile(re.String())
}

func checkGlob(t interface{ Fatalf(string, ...any) }, pattern, s string) {
	g, err := ParseGlob(pattern)
	if err != nil {
		return
	}
	got := g.Match(s)
	if want := asRegexp(pattern).MatchString(s); got != want {
		t.Fatalf("%q matches %q: %v, want %v", pattern, s, got, want)
	}
	if got && !strings.HasPrefix(s, g.Prefix()) {
		t.Fatalf("%q matches %q, which does not begin with %q", pattern, s, g.Prefix())
	}
}

func TestGlobAgainstRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkGlob(t, rapid.StringMatching(`[ab/*?]{1,12}`).Draw(t, "pattern"), rapid.StringMatching(`[ab/]{0,10}`).Draw(t, "name"))
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a/**/z*", "a/b/zz")
	f.Add("**/*?", "x/y")
	f.Add("***/a", "b/a")
	f.Add("a*b*c", "abc")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		for _, x := range []string{pattern, s} {
			for i := range len(x) {
				if x[i] >= 0x80 { // names are ASCII; regexp counts characters, Glob bytes
					return
				}
			}
		}
		if len(pattern) > 64 || len(s) > 256 {
			return
		}
		checkGlob(t, pattern, s)
	})
}

func BenchmarkGlob(b *testing.B) {
	g, _ := ParseGlob("team/*/db-1234?/**")
	for b.Loop() {
		g.Match("team/payments/db-12345/password")
	}
}
