package policy

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

func TestParsePrincipal(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"user/ana", "agent/claude", "plugin/vs.code-1", "agent/9"} {
		if p, err := ParsePrincipal(s); err != nil || string(p) != s || string(p.Kind())+"/"+p.Name() != s {
			t.Errorf("%q: %q, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "user", "agent/", "/x", "robot/x", "global", "workspace/w", "agent/a/b", "agent/a b", "Agent/a", "agent/-a", "agent/" + strings.Repeat("x", 65)} {
		if p, err := ParsePrincipal(s); !errors.Is(err, fault.Invalid) || p != "" {
			t.Errorf("%q: %q, %v", s, p, err)
		}
	}
}

func TestParseRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"read ci/*":                               "read ci/*",
		"  read\tci/*  in  workspace/web ":        "read ci/* in workspace/web",
		"write prod/db tagged prod,db":            "write prod/db tagged db,prod",
		"read ** tagged prod in workspace/w":      "read ** in workspace/w tagged prod",
		"use openai/chat-completions":             "use openai/chat-completions",
		"use openai/* in workspace/w/group/g":     "use openai/* in workspace/w/group/g",
		"admin ****":                              "admin **",
		"read in in agent":                        "read in in agent",
		"read tagged tagged in":                   "read tagged tagged in",
		"list a?c/**/z":                           "list a?c/**/z",
		"audit **/DB_PASSWORD in user/ana":        "audit **/DB_PASSWORD in user/ana",
		"rotate x in agent/claude tagged a:b/c,d": "rotate x in agent/claude tagged a:b/c,d",
	} {
		if r, err := ParseRule(text); err != nil || r.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, r, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                   "needs an action and an object",
		"read":                               "needs an action and an object",
		"reed ci/*":                          "unknown action reed",
		"READ ci/*":                          "unknown action READ",
		"read ci/* in":                       "nothing follows in",
		"read ci/* in nowhere":               "no such scope: nowhere",
		"read ci/* in a in b":                "no such scope",
		"read a in global in w":              "unexpected in",
		"read a tagged b!":                   "not a tag",
		"read a tagged ,":                    "not a tag",
		"read a tagged b since c":            "unexpected since",
		"read 9a":                            "not a name",
		"read a//b":                          "not a name",
		"read /*":                            "empty segment",
		"read */":                            "empty segment",
		"read \"*\"":                         "character that no name has",
		"read tacit://*":                     "character that no name has",
		"use a tagged b":                     "a capability has no tags",
		"read " + strings.Repeat("*a", 600):  "too long",
		"read " + strings.Repeat("a ", 2000): "too long",
	} {
		_, err := ParseRule(text)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestRulePermits(t *testing.T) {
	t.Parallel()
	web := Object{Kind: Secret, Name: "ci/one", Scope: "workspace/web", Groups: []string{"dev"}, Tags: []string{"ci", "prod"}}
	for _, c := range []struct {
		rule   string
		action Action
		object Object
		want   bool
	}{
		{"read ci/*", Read, web, true},
		{"read ci/*", List, web, false},
		{"read ci/*", Read, Object{Kind: Secret, Name: "ci/one/two"}, false},
		{"read ci/**", Read, Object{Kind: Secret, Name: "ci/one/two"}, true},
		{"read ci/*", Read, Object{Kind: Secret, Name: "ci"}, false},
		{"read ci/* in workspace/web", Read, web, true},
		{"read ci/* in workspace/web/group/dev", Read, web, true},
		{"read ci/* in workspace/web/group/ops", Read, web, false},
		{"read ci/* in global", Read, web, false},
		{"read ci/* in global", Read, Object{Kind: Secret, Name: "ci/one"}, true},
		{"read ci/* in workspace/web", Read, Object{Kind: Secret, Name: "ci/one", Scope: "workspace/web/group/dev"}, false},
		{"read ci/* tagged prod", Read, web, true},
		{"read ci/* tagged prod,db", Read, web, false},
		{"use openai/*", Use, Object{Kind: Capability, Name: "openai/models"}, true},
		{"use openai/*", Use, Object{Kind: Secret, Name: "openai/models"}, false},
		{"audit openai/*", Audit, Object{Kind: Capability, Name: "openai/models"}, false},
		{"audit **", Audit, Object{Kind: Capability, Name: "openai/models"}, true},
		{"audit **", Audit, Object{Kind: Vault}, true},
		{"audit ** in global", Audit, Object{Kind: Vault}, false},
		{"audit */*", Audit, Object{Kind: Vault}, false},
		{"admin **", Admin, Object{Kind: Policies}, true},
		{"read **", Read, Object{Kind: Vault}, false},
		{"read **", Read, web, true},
	} {
		if got := mustRule(t, c.rule).Permits(c.action, c.object); got != c.want {
			t.Errorf("%q, %s %+v: %v", c.rule, c.action, c.object, got)
		}
	}
	if (Rule{}).Permits("", Object{}) || (Rule{}).Permits(Read, web) {
		t.Error("the zero rule permits something")
	}
}

// The two ways to ask a rule, directly and as Cedar, never differ.
func TestRuleAndCedarAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule, request := anyRule().Draw(t, "rule"), anyRequest().Draw(t, "request")
		g := Grant{ID: "grant-1", Principal: request.Principal, Rule: rule}
		if rapid.Bool().Draw(t, "by kind") {
			g.Principal, g.Kind = "", request.Principal.Kind()
		}
		s, err := Compile("", g)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := s.Decide(request), rule.Permits(request.Action, request.Object); got.Allow != want || len(got.Errors) > 0 {
			t.Fatalf("Cedar says %+v, the rule %v:\n%s", got, want, g.Cedar())
		}
	})
}

// What a rule covers, it permits: whatever the covered one permits.
func TestCovers(t *testing.T) {
	t.Parallel()
	covered := 0
	rapid.Check(t, func(t *rapid.T) {
		wide, narrow, o := anyRule().Draw(t, "wide"), anyRule().Draw(t, "narrow"), anyObject().Draw(t, "object")
		narrow.action = wide.action
		if narrow.action == Use {
			narrow.tags = nil
		}
		if !wide.covers(narrow) {
			return
		}
		covered++
		if narrow.Permits(wide.action, o) && !wide.Permits(wide.action, o) {
			t.Fatalf("%q covers %q, but not %+v", wide, narrow, o)
		}
	})
	if covered == 0 {
		t.Error("no pair of rules was compared")
	}
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"read ci/*", "read ci/one", true},
		{"read ci/*", "read ci/*", true},
		{"read ci/*", "read ci/x*", true},
		{"read ci/*", "read ci/**", false},
		{"read ci/**", "read ci/*", true},
		{"read ci/**", "read ci/a/**/b", true},
		{"read ci/**", "read c*/a", false},
		{"read **", "read ** in global", true},
		{"read ** in global", "read **", false},
		{"read ** tagged a", "read x tagged a,b", true},
		{"read ** tagged a,b", "read x tagged a", false},
		{"read **", "list x", false},
		{"audit **", "audit x", true},
		{"read ci/?", "read ci/*", false},
		{"read ci/?", "read ci/x", true},
	} {
		if got := mustRule(t, c.wide).covers(mustRule(t, c.narrow)); got != c.want {
			t.Errorf("%q covers %q: %v", c.wide, c.narrow, got)
		}
	}
}

func FuzzRule(f *testing.F) {
	for _, s := range []string{"read ci/*", "use openai/** in workspace/w/group/g", "write a tagged a,b:c in user/x", "admin ***/?", "read \x00 in"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseRule(r.String())
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q is printed as %q, which is read as %q, %v", text, r, again, err)
		}
		// A rule that can be read can be granted.
		g := Grant{ID: "grant-1", Principal: "agent/bar", Rule: r}
		if _, err := Compile("", g); err != nil {
			t.Fatalf("%v:\n%s", err, g.Cedar())
		}
		if problems := Check(strings.ReplaceAll(g.Cedar(), `@id("grant-1")`, "")); problems != nil {
			t.Fatalf("%v:\n%s", problems, g.Cedar())
		}
		if !r.covers(again) {
			t.Fatalf("%q does not cover itself", r)
		}
	})
}
