package policy

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/name"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `@id("closed") forbid (principal, action, resource in Glob::"closed/**");`,
		Grant{ID: "grant-1", Principal: "agent/bar", Rule: mustRule(t, "read ci/*")})
	web := ask("agent/bar", Read, "prod/db")
	web.Object.Scope = "workspace/web"
	use := ask("agent/bar", Use, "openai/chat-completions")
	for _, c := range []struct {
		name      string
		request   Request
		elsewhere []name.Scope
		reason    string
		command   string
	}{
		{"allowed", ask("agent/bar", Read, "ci/one"), nil, "allowed by grant-1", ""},
		{"forbidden", ask("agent/bar", Read, "closed/x"), nil, "forbidden by closed", ""},
		{"global", ask("agent/bar", Read, "prod/db"), nil, noRule, "tacit grant agent/bar read prod/db"},
		{"global and here", ask("agent/bar", Read, "prod/db"), []name.Scope{"global"}, noRule, "tacit grant agent/bar read prod/db"},
		{"also elsewhere", ask("agent/bar", Read, "prod/db"), []name.Scope{"workspace/web"}, noRule, "tacit grant agent/bar read prod/db in global"},
		{"a workspace", web, nil, noRule, "tacit grant agent/bar read prod/db in workspace/web"},
		{"write", ask("agent/bar", Write, "prod/db"), nil, noRule, "tacit grant agent/bar write prod/db in global"},
		{"a capability", use, nil, noRule, "tacit grant agent/bar use openai/chat-completions"},
		{"the vault", Request{Principal: "agent/bar", Action: Audit, Object: Object{Kind: Vault}}, nil, noRule, ""},
		{"audit of a capability", Request{Principal: "agent/bar", Action: Audit, Object: use.Object}, nil, noRule, ""},
		{"no name", ask("agent/bar", Read, "a b"), nil, noRule, ""},
		{"a pattern for a name", ask("agent/bar", Read, "prod/*"), nil, noRule, ""},
	} {
		e := s.Explain(c.request, c.elsewhere...)
		if e.Reason != c.reason || e.Command != c.command || (e.Grant == nil) != (c.command == "") {
			t.Errorf("%s: %q, %q; want %q, %q", c.name, e.Reason, e.Command, c.reason, c.command)
		}
	}
}

// The grant that Explain prints, run as it stands, allows the request and no other of a table.
func TestExplainedGrantAllowsThatAndNoMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := []Grant{
			{ID: "grant-1", Principal: "agent/bar", Rule: anyRule().Draw(t, "rule")},
			{ID: "grant-2", Kind: Plugin, Rule: anyRule().Draw(t, "rule")},
		}
		table := rapid.SliceOfN(anyRequest(), 2, 20).Draw(t, "table")
		before := mustCompile(t, everyone, grants...)
		var elsewhere []name.Scope // of the first request's object
		for _, r := range table {
			if r.Object.Kind == table[0].Object.Kind && r.Object.Name == table[0].Object.Name {
				elsewhere = append(elsewhere, r.Object.home())
			}
			for range r.Object.Groups {
				elsewhere = append(elsewhere, r.Object.attached()...)
			}
		}
		e := before.Explain(table[0], elsewhere...)
		if e.Grant == nil {
			return
		}
		words := strings.SplitN(e.Command, " ", 4)
		who, err := ParsePrincipal(words[2])
		if err != nil {
			t.Fatal(err)
		}
		after := mustCompile(t, everyone, append(grants, Grant{ID: "grant-3", Principal: who, Rule: mustRule(t, words[3])})...)
		if d := after.Decide(table[0]); !d.Allow {
			t.Fatalf("%s: %+v", e.Command, d)
		}
		for _, r := range table[1:] {
			same := r.Principal == table[0].Principal && r.Action == table[0].Action && r.Object.Kind == table[0].Object.Kind &&
				r.Object.Name == table[0].Object.Name && r.Object.in(table[0].Object.home())
			if was, is := before.Decide(r), after.Decide(r); !same && was.Allow != is.Allow {
				t.Fatalf("%s changes %+v: %s, then %s", e.Command, r, was.Reason, is.Reason)
			}
		}
	})
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	grants, err := Defaults(map[string][]string{
		"agent":        {"list **", "use openai/*"},
		"agent/claude": {"read ci/*"},
		"user":         {},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range grants {
		got = append(got, g.ID+" "+string(g.Kind)+string(g.Principal)+" "+g.Rule.String())
	}
	want := "default-agent-1 agent list **; default-agent-2 agent use openai/*; default-agent/claude-1 agent/claude read ci/*"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "; "), want)
	}
	s := mustCompile(t, "", grants...)
	for _, c := range []struct {
		request Request
		want    bool
	}{
		{ask("agent/x", List, "a/b"), true},
		{ask("agent/x", Read, "ci/one"), false},
		{ask("agent/claude", Read, "ci/one"), true},
		{ask("user/ana", List, "a/b"), false},
	} {
		if d := s.Decide(c.request); d.Allow != c.want {
			t.Errorf("%+v: %+v", c.request, d)
		}
	}
	for who, rule := range map[string]string{"robot": "read a", "agent/a/b": "read a", "global": "read a", "agent": "reed a"} {
		if _, err := Defaults(map[string][]string{who: {rule}}); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "access_control.default_permissions") {
			t.Errorf("%s: %s: %v", who, rule, err)
		}
	}
}
