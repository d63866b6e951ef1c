package name

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
)

func TestCheck(t *testing.T) {
	good := []string{
		"a", "Z", "db.password", "API_KEY", "team/app-1/key", "a-", "a.", "a_", "a..b", "a/b..", "a/-", "a/_x/9", "a/.b",
		strings.Repeat("a", MaxLen),
	}
	for _, s := range good {
		if err := Check(s); err != nil {
			t.Errorf("Check(%q) = %v", s, err)
		}
	}
	bad := []string{
		"", "1a", "-a", "_a", ".a", "/a", "a//b", "a/", "a/.", "a/..", "a/./b", "a/../b", "a b", "a:b", "a@1", "a#f", "a\n", "a\x00",
		"ä", "aé", "a\xff", "a\\b", "a*", "${x}", "a%2e", strings.Repeat("a", MaxLen+1),
	}
	for _, s := range bad {
		err := Check(s)
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("Check(%q) = %v, want an error of class invalid", s, err)
		} else if strings.ContainsAny(err.Error(), "\n\x00") || len(err.Error()) > 200 {
			t.Errorf("Check(%q): the message is not one short line: %q", s, err)
		}
	}
}

func TestParseScope(t *testing.T) {
	good := map[string][2]string{
		"global": {}, "user": {}, "agent": {}, "plugin": {}, "user/ana": {}, "agent/claude": {}, "plugin/a.b-c_1": {},
		"workspace/W": {"W", ""}, "workspace/W/group/G": {"W", "G"}, "workspace/1": {"1", ""},
	}
	for s, parts := range good {
		got, err := ParseScope(s)
		if err != nil || string(got) != s {
			t.Errorf("ParseScope(%q) = %q, %v", s, got, err)
		}
		if w, g := got.Parts(); w != parts[0] || g != parts[1] {
			t.Errorf("%q.Parts() = %q, %q", s, w, g)
		}
	}
	bad := []string{
		"", "Global", "global/x", "workspace", "workspace/", "workspace/W/", "workspace/W/group", "workspace/W/group/", "workspace/W/team/G",
		"workspace/W/group/G/x", "workspace/W/group/G/", "workspace/W/group/G/x/y", "user/", "user/a/b", "user/-a", "user/a b", "workspace/..", "plugin/" + strings.Repeat("p", 65), "x/y",
	}
	for _, s := range bad {
		if _, err := ParseScope(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseScope(%q): %v, want an error of class invalid", s, err)
		}
	}
}

func TestWorkspace(t *testing.T) {
	for _, c := range []struct {
		workspace, group string
		want             Scope
		class            fault.Code
	}{
		{"", "", Global, ""},
		{"W", "", "workspace/W", ""},
		{"W", "G", "workspace/W/group/G", ""},
		{"", "G", "", fault.Usage},
		{"W/group/G", "", "workspace/W/group/G", ""}, // --workspace W/group/G says the same
		{"W", "G/x", "", fault.Invalid},
		{"a b", "", "", fault.Invalid},
	} {
		got, err := Workspace(c.workspace, c.group)
		if got != c.want || (c.class == "") != (err == nil) || err != nil && !errors.Is(err, c.class) {
			t.Errorf("Workspace(%q, %q) = %q, %v", c.workspace, c.group, got, err)
		}
	}
}

func TestTags(t *testing.T) {
	for _, s := range []string{"prod", "a:b", "team/x", "v1.2", "-", "Prod", strings.Repeat("t", MaxTag)} {
		if err := CheckTag(s); err != nil {
			t.Errorf("CheckTag(%q) = %v", s, err)
		}
	}
	for _, s := range []string{"", " ", "a b", "a,b", "a=b", "é", "a\n", "\xff", strings.Repeat("t", MaxTag+1)} {
		if err := CheckTag(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("CheckTag(%q) = %v, want an error of class invalid", s, err)
		}
	}
	for in, want := range map[string]string{
		"": "", "  ": "", "a": "a", "a,b": "a|b", " a , b ": "a|b", "b,a,b": "b|a", "A,a": "A|a",
	} {
		got, err := ParseTags(in)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("ParseTags(%q) = %q, %v", in, got, err)
		}
	}
	for _, s := range []string{",", "a,", ",a", "a,,b", "a b"} {
		if _, err := ParseTags(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParseTags(%q): %v, want an error of class invalid", s, err)
		}
	}
}

// FuzzCheck compares Check with its description, written a second way.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"a", "db.password", "a//b", "a/../b", "1", "", "a/", "a..", "é", strings.Repeat("a/", 128)} {
		f.Add(s)
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
	f.Fuzz(func(t *testing.T, s string) {
		want := s != "" && len(s) <= 256 && strings.Trim(s, allowed) == "" && strings.Contains(allowed[:52], s[:1]) &&
			!strings.Contains("/"+s+"/", "//") && !strings.Contains("/"+s+"/", "/./") && !strings.Contains("/"+s+"/", "/../")
		for _, c := range []byte(s) {
			want = want && strings.IndexByte(allowed, c) >= 0
		}
		err := Check(s)
		if (err == nil) != want {
			t.Fatalf("Check(%q) = %v, want a name: %v", s, err, want)
		}
		if err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("Check(%q): class %s", s, fault.CodeOf(err))
		}
	})
}

// FuzzParseScope checks that a scope is its own canonical form and consists of names that cannot be mistaken for paths.
func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"global", "workspace/W", "workspace/W/group/G", "user/ana", "plugin", "workspace/..", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseScope(s)
		if err != nil {
			return
		}
		if string(got) != s || strings.Contains(s, "//") || strings.Contains(s, "/.") || strings.ContainsAny(s, " \\:\n\x00") {
			t.Fatalf("ParseScope(%q) = %q", s, got)
		}
	})
}
