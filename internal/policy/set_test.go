package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"pgregory.net/rapid"

	"tacit/internal/fault"
)

// everyone is a policy of the owner's own that uses what grants do not.
const everyone = `
@id("prod-is-closed")
forbid (principal is Agent, action, resource is Secret)
when { resource.tags.contains("prod") }
unless { context.door == "socket" && context.uid == 1000 };

permit (principal in User::"ana", action in [Action::"read", Action::"list"], resource in Glob::"a/**");

permit (principal, action == Action::"use", resource)
when { resource in Glob::"openai/*" && resource.method == "GET" && resource.path like "/v1/models*" };

@id("office-hours")
permit (principal is Plugin in Plugin::"p", action in Action::"rotate", resource is Secret in Scope::"workspace/w")
when { context.time < datetime("2027-01-01") && context.workspace == "w" };

@id("just-that")
permit (principal is Agent, action, resource == Secret::"workspace/w:a/b");

permit (principal == User::"ana", action == Action::"admin", resource == Vault::"vault");

@id("overflow")
forbid (principal == Agent::"foo", action == Action::"delete", resource)
when { context.uid + 9223372036854775807 > 0 };

@id("look")
permit (principal, action == Action::"audit", resource)
when { resource is Vault || resource is Token && resource.principal == "agent/bar" };
`

func TestDecide(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, everyone,
		Grant{ID: "grant-1", Principal: "agent/bar", Rule: mustRule(t, "read ci/*")},
		Grant{ID: "grant-2", Principal: "agent/bar", Rule: mustRule(t, "read ci/one tagged prod")},
		Grant{ID: "grant-3", Principal: "agent/foo", Rule: mustRule(t, "delete **")},
		Grant{ID: "default-agent-1", Kind: Agent, Rule: mustRule(t, "list ci/**")},
	)
	prod := ask("agent/bar", Read, "ci/one")
	prod.Object.Tags = []string{"prod"}
	far := prod
	far.Context.UID = 1001
	models := ask("user/ana", Use, "openai/models")
	models.Object.Method, models.Object.Path = "GET", "/v1/models/x"
	post := models
	post.Object.Method = "POST"
	rotate := ask("plugin/p", Rotate, "x")
	rotate.Object.Scope, rotate.Context.Workspace = "workspace/w", "w"
	late := rotate
	late.Context.Time = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

	for _, c := range []struct {
		name    string
		request Request
		want    string
	}{
		{"a grant", ask("agent/bar", Read, "ci/one"), "true [grant-1] allowed by grant-1"},
		{"two grants", prod, "true [grant-1 grant-2] allowed by grant-1, grant-2"},
		{"forbid beats permit", far, "false [prod-is-closed] forbidden by prod-is-closed"},
		{"another object", ask("agent/bar", Read, "prod/db"), "false [] no rule matched"},
		{"another action", ask("agent/bar", Write, "ci/one"), "false [] no rule matched"},
		{"another principal", ask("agent/baz", Read, "ci/one"), "false [] no rule matched"},
		{"same name, other kind", ask("user/bar", Read, "ci/one"), "false [] no rule matched"},
		{"all of a kind", ask("agent/baz", List, "ci/a/b"), "true [default-agent-1] allowed by default-agent-1"},
		{"principal in", ask("user/ana", Read, "a/b/c"), "true [policy-2] allowed by policy-2"},
		{"a glob in a condition", models, "true [policy-3] allowed by policy-3"},
		{"an attribute", post, "false [] no rule matched"},
		{"scope and context", rotate, "true [office-hours] allowed by office-hours"},
		{"too late", late, "false [] no rule matched"},
		{"the vault", Request{Principal: "user/ana", Action: Audit, Object: Object{Kind: Vault}}, "true [look] allowed by look"},
		{"a token", Request{Principal: "user/ana", Action: Audit, Object: Object{Kind: Tokens, Name: "t_1", Owner: "agent/bar"}}, "true [look] allowed by look"},
		{"an error", ask("agent/foo", Delete, "x"), "false [overflow] overflow could not be evaluated"},
		{"no sense", Request{Principal: "agent/foo", Action: Read, Object: Object{Kind: Vault}}, "false [] the action does not apply to this kind of object"},
		{"no principal", ask("", Read, "ci/one"), "false [] the principal is not valid"},
		{"no action", ask("agent/bar", "", "ci/one"), "false [] the action does not apply to this kind of object"},
	} {
		d := s.Decide(c.request)
		if got := fmt.Sprintf("%v %v %s", d.Allow, d.Rules, d.Reason); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

// I15: default deny; an error denies, also one in a permit beside a permit that fits; no policies at all deny everything.
func TestI15WhatIsNotAllowedIsDenied(t *testing.T) {
	t.Parallel()
	grant := Grant{ID: "grant-1", Principal: "agent/bar", Rule: mustRule(t, "read **")}
	r := ask("agent/bar", Read, "x")

	if d := mustCompile(t, "", grant).Decide(r); !d.Allow {
		t.Fatalf("the grant alone: %+v", d)
	}
	for name, s := range map[string]*Set{
		"nil":        nil,
		"zero":       {},
		"no policy":  mustCompile(t, ""),
		"a forbid":   mustCompile(t, `forbid (principal, action, resource);`, grant),
		"bad forbid": mustCompile(t, `forbid (principal, action, resource) when { context.uid * 9223372036854775807 == 1 };`, grant),
		"bad permit": mustCompile(t, `permit (principal, action, resource) when { context.uid * 9223372036854775807 == 1 };`, grant),
	} {
		if d := s.Decide(r); d.Allow {
			t.Errorf("%s: %+v", name, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := anyRequest().Draw(t, "request")
		if d := mustCompile(t, everyone).Decide(r); d.Allow && len(d.Rules) == 0 {
			t.Fatalf("allowed by nothing: %+v", d)
		}
		for _, s := range []*Set{nil, {}, mustCompile(t, "")} {
			if d := s.Decide(r); d.Allow {
				t.Fatalf("%+v: %+v", r, d)
			}
		}
	})
}

// The shelves change no answer: Cedar's own evaluation of every policy, with everything described, says the same.
func TestShelvesChangeNoAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var grants []Grant
		for i := range rapid.IntRange(0, 12).Draw(t, "grants") {
			g := Grant{ID: fmt.Sprintf("grant-%d", i+1), Principal: anyPrincipal().Draw(t, "to"), Rule: anyRule().Draw(t, "rule")}
			if rapid.Bool().Draw(t, "kind") {
				g.Kind, g.Principal = g.Principal.Kind(), ""
			}
			grants = append(grants, g)
		}
		s := mustCompile(t, everyone, grants...)
		r := anyRequest().Draw(t, "request")
		if !r.Action.appliesTo(r.Object.Kind) {
			return
		}
		allowed, why := evaluateAll(t, everyone, grants, s, r)
		want, got := decision(allowed, why), s.Decide(r)
		if got.Allow != want.Allow || got.Reason != want.Reason || !slices.Equal(got.Rules, want.Rules) || !slices.Equal(got.Errors, want.Errors) {
			t.Fatalf("with shelves %+v\nwithout      %+v", got, want)
		}
	})
}

// evaluateAll asks cedar-go about every policy.
func evaluateAll(t *rapid.T, text string, grants []Grant, s *Set, r Request) (bool, cedar.Diagnostic) {
	all := &filed{globs: nil} // not bare: everything is described
	for glob := range s.globs {
		all.globs = append(all.globs, glob)
	}
	statements, problems := parse(text)
	if problems != nil {
		t.Fatal(problems)
	}
	set := cedar.NewPolicySet()
	for _, st := range statements {
		set.Add(cedar.PolicyID(st.id), st.policy)
	}
	for _, g := range grants {
		var p cedar.Policy
		if err := p.UnmarshalCedar([]byte(g.Cedar())); err != nil {
			t.Fatal(err)
		}
		set.Add(cedar.PolicyID(g.ID), &p)
	}
	q, w := s.describe(r, evaluated{all})
	allowed, why := cedar.Authorize(set, w, q)
	return bool(allowed), why
}

// What is said of a request to Cedar is what the schema declares, so that a policy that passed the check meets no surprise.
func TestRequestsFitTheSchema(t *testing.T) {
	t.Parallel()
	v, err := newValidator()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := anyRequest().Draw(t, "request")
		s := mustCompile(t, "", Grant{ID: "grant-1", Principal: "agent/bar", Rule: mustRule(t, "read ** tagged x in global")})
		q, w := s.describe(r, evaluated{{globs: []string{"**"}}})
		if err := v.Request(q); (err == nil) != r.Action.appliesTo(r.Object.Kind) {
			t.Fatalf("%+v: %v", r, err)
		}
		if err := v.Entities(types.EntityMap{w.principal.UID: w.principal, w.object.UID: w.object}); err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
	})
}

func TestCompileRefusesDoubleAndForeignIDs(t *testing.T) {
	t.Parallel()
	rule := mustRule(t, "read x")
	for name, grants := range map[string][]Grant{
		"twice":      {{ID: "grant-1", Kind: Agent, Rule: rule}, {ID: "grant-1", Kind: Agent, Rule: rule}},
		"no id":      {{Kind: Agent, Rule: rule}},
		"odd id":     {{ID: "x\")\npermit(principal,action,resource);//", Kind: Agent, Rule: rule}},
		"nobody":     {{ID: "grant-1", Rule: rule}},
		"both":       {{ID: "grant-1", Kind: Agent, Principal: "agent/bar", Rule: rule}},
		"odd kind":   {{ID: "grant-1", Kind: "robot", Rule: rule}},
		"odd name":   {{ID: "grant-1", Principal: `agent/x" || true`, Rule: rule}},
		"no rule":    {{ID: "grant-1", Kind: Agent}},
		"as in text": {{ID: "policy-1", Kind: Agent, Rule: rule}},
	} {
		if s, err := Compile("permit (principal, action, resource);", grants...); !errors.Is(err, fault.Invalid) || s != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestGrantText(t *testing.T) {
	t.Parallel()
	g := Grant{ID: "grant-4", Principal: "agent/bar", Rule: mustRule(t, "read ci/* in workspace/web tagged prod,db")}
	want := `@id("grant-4")
@rule("read ci/* in workspace/web tagged db,prod")
permit (
    principal == Agent::"bar",
    action == Action::"read",
    resource is Secret in Glob::"ci/*"
)
when { resource in Scope::"workspace/web" && resource.tags.containsAll(["db", "prod"]) };
`
	if got := g.Cedar(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	for rule, want := range map[string]string{
		"read **":               "resource is Secret\n);\n",
		"use ** in global":      "resource is Capability in Scope::\"global\"\n);\n",
		"admin **":              "resource\n);\n",
		"audit ** tagged a":     "resource is Secret in Glob::\"**\"\n)\nwhen { resource.tags.contains(\"a\") };\n",
		"use openai/* in agent": "resource is Capability in Glob::\"openai/*\"\n)\nwhen { resource in Scope::\"agent\" };\n",
	} {
		if got := (Grant{ID: "grant-1", Kind: Plugin, Rule: mustRule(t, rule)}).Cedar(); !strings.HasSuffix(got, want) || !strings.Contains(got, "principal is Plugin,") {
			t.Errorf("%s:\n%s", rule, got)
		}
	}
	if got := Text(everyone, g); !strings.Contains(got, "\n\n"+want) {
		t.Errorf("Text:\n%s", got)
	}
	if _, problems := parse(Text(everyone, Grant{ID: "g", Kind: User, Rule: mustRule(t, "read x")})); problems != nil {
		t.Error(problems)
	}
}
