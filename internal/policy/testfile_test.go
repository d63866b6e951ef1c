package policy

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
)

func TestTestFile(t *testing.T) {
	t.Parallel()
	cases, err := ParseTestFile([]byte(`# what agents may do
cases:
  - {principal: agent/bar, action: read, object: ci/one, expect: allow}
  - {principal: agent/bar, action: read, object: prod/db, expect: allow}
  - principal: agent/bar
    action: read
    object: {name: ci/one, scope: workspace/web, groups: [dev], tags: [prod, ci], exposure: sealed, pin: builtin/openai}
    context: {time: 2026-12-01T09:00:00Z, door: api, uid: 1001, workspace: web, group: dev}
    expect: deny
  - principal: user/ana
    action: use
    object: {name: openai/models, service: openai, method: GET, path: /v1/models}
    expect: allow
  - {principal: user/ana, action: audit, object: {kind: token, name: t_1, principal: agent/bar}, expect: allow}
  - {principal: user/ana, action: audit, object: {kind: vault}, expect: deny}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := mustCompile(t, everyone, Grant{ID: "grant-1", Principal: "agent/bar", Rule: mustRule(t, "read ci/*")})
	var got []string
	for _, r := range s.Test(cases, noon) {
		got = append(got, r.String())
	}
	want := []string{
		"line 3: agent/bar read ci/one: ok, allow (allowed by grant-1)",
		"line 4: agent/bar read prod/db: should be allow, is deny (no rule matched)",
		"line 5: agent/bar read ci/one: ok, deny (forbidden by prod-is-closed)",
		"line 10: user/ana use openai/models: ok, allow (allowed by policy-3)",
		"line 14: user/ana audit t_1: ok, allow (allowed by look)",
		"line 15: user/ana audit the vault: should be deny, is allow (allowed by look)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !cases[0].Bare || cases[2].Bare {
		t.Error("Bare is for objects that are only a name")
	}
	if o := cases[2].Request; o.Context.UID != 1001 || !o.Object.Sealed || !o.Object.in("workspace/web/group/dev") || o.Context.Group != "dev" {
		t.Errorf("%+v", o)
	}
}

func TestTestFileNamesTheLine(t *testing.T) {
	t.Parallel()
	const good = "{principal: agent/bar, action: read, object: a, expect: deny}"
	if cases, err := ParseTestFile([]byte("- " + good + "\n")); err != nil || len(cases) != 1 {
		t.Errorf("a list alone: %v", err)
	}
	for text, want := range map[string]string{
		"":                            "line 1: the file has no cases",
		"a: 1\nb: [":                  "line 2: not valid YAML",
		"cases: *x":                   "line 1: anchors and aliases are not supported",
		"cases: []":                   "line 1: expected a list of cases",
		"{}":                          "line 1: the file has no cases",
		"case:\n- " + good:            "line 2: unknown key \"case\"",
		"cases: \"x":                  "line 1: ",
		"cases:\n- " + good + "\n- 3": "line 3: expected a mapping",
		"- {principal: bar, action: read, object: a, expect: deny}":                              "line 1: invalid principal",
		"- {principal: agent/bar, action: reed, object: a, expect: deny}":                        "line 1: unknown action",
		"- {principal: agent/bar, action: read, object: a, expect: no}":                          "line 1: expect is allow or deny",
		"- {principal: agent/bar, action: read, object: a}":                                      "line 1: expect is allow or deny",
		"- {principal: agent/bar, action: read, expect: deny}":                                   "line 1: the case has no object",
		"- {principal: agent/bar, action: read, object: 9, expect: deny}":                        "line 1: \"9\" is not a name",
		"- {principal: agent/bar, action: read, object: 'a*', expect: deny}":                     "line 1: \"a*\" is not a name",
		"- {principal: agent/bar, action: read, object: {kind: vault}, expect: deny}":            "line 1: the action does not apply",
		"- {principal: agent/bar, action: read, object: {kind: cow}, expect: deny}":              "line 1: a kind is one of",
		"- {principal: agent/bar, action: read, object: {name: a, scope: x}, expect: deny}":      "line 1: invalid scope",
		"- {principal: agent/bar, action: read, object: {name: a, tags: x}, expect: deny}":       "line 1: expected a list",
		"- {principal: agent/bar, action: read, object: {name: a, tags: [[x]]}, expect: deny}":   "line 1: expected a word",
		"- {principal: agent/bar, action: read, object: {name: a, exposure: x}, expect: deny}":   "line 1: exposure is",
		"- {principal: agent/bar, action: read, object: {nam: a}, expect: deny}":                 "line 1: unknown key \"nam\"",
		"- {principal: agent/bar, action: read, object: a, expect: deny, context: {hour: 3}}":    "line 1: unknown key \"hour\"",
		"- {principal: agent/bar, action: read, object: a, expect: deny, context: {uid: x}}":     "line 1: uid is a number",
		"- {principal: agent/bar, action: read, object: a, expect: deny, context: {time: noon}}": "line 1: time is written as",
		"- {principal: agent/bar, action: read, object: a, expect: deny, expect: allow}":         "line 1: ",
		"- &a " + good + "\n- *a": "line 2: expected a mapping",
		"- {principal: &p agent/bar, action: read, object: a, expect: deny}":            "line 1: anchors",
		"- {principal: agent/bar, action: read, object: {<<: {name: a}}, expect: deny}": "line 1: ",
		strings.Repeat("[", 1000):          "line 1: ",
		strings.Repeat(" ", maxTestFile+1): "line 1: the file is larger",
	} {
		_, err := ParseTestFile([]byte(text))
		if !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzTestFile(f *testing.F) {
	f.Add("cases:\n- {principal: agent/bar, action: read, object: a, expect: deny}\n")
	f.Add("- principal: user/x\n  action: use\n  object: {name: a/b, method: GET}\n  context: {uid: 3}\n  expect: allow\n")
	s := mustCompile(f, everyone)
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := ParseTestFile([]byte(text))
		if err != nil {
			if !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "line ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		if len(cases) == 0 {
			t.Fatal("no cases, no error")
		}
		for _, r := range s.Test(cases, noon) {
			if r.Line < 1 || r.OK != (r.Allow == r.Decision.Allow) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
