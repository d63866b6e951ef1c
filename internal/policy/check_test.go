package policy

import (
	"errors"
	"os"
	"strings"
	"testing"

	"tacit/internal/fault"
)

func TestPublishedSchemaIsTheOneInUse(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/policy.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != Schema() {
		t.Error("docs/policy.cedarschema is not internal/policy/schema.cedarschema: copy it")
	}
}

func TestCheckNamesTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"entity type":      {"// ok\npermit (\n  principal == Agnt::\"x\",\n  action, resource);", "line 3, column 16: unrecognized entity type `Agnt`"},
		"action":           {"permit (principal, action == Action::\"reed\", resource);", "line 1, column 38: unrecognized action `Action::\"reed\"`"},
		"attribute":        {"permit (principal, action == Action::\"read\", resource)\nwhen {\n  resource.tag == \"x\" };", "line 3, column 12: attribute `tag` on entity type `Secret` not found"},
		"context":          {"forbid (principal, action, resource)\nwhen { context.hour > 8 };", "line 2, column 16: attribute `hour` in context for Action::\"admin\" not found"},
		"types":            {"permit (principal, action, resource)\nwhen { context.uid == \"root\" };", "line 1, column 1: the types Long and String are not compatible"},
		"not a bool":       {"permit (principal, action, resource) when { context.uid };", "line 1, column 1: unexpected type: expected Bool but saw Long"},
		"not all kinds":    {"permit (principal, action == Action::\"audit\", resource)\nwhen { resource.tags.contains(\"x\") };", "line 2, column 17: attribute `tags` on entity type `Capability` not found"},
		"no action":        {"permit (principal, action == Action::\"use\", resource is Secret);", "line 1, column 1: no action applies to these kinds of principal and object"},
		"second policy":    {"permit (principal, action, resource);\n\npermit (principal,\n action == Action::\"xx\", resource);", "line 4, column 20: unrecognized action `Action::\"xx\"`"},
		"principal":        {"forbid (principal == Agent::\"agent/x\", action, resource);", "line 1, column 29: \"agent/x\" names no principal: agent/claude is Agent::\"claude\""},
		"scope":            {"forbid (principal, action, resource in Scope::\"workspace\");", "line 1, column 47: \"workspace\" is no scope"},
		"glob":             {"forbid (principal, action, resource) when { resource in [Glob::\"a\", Glob::\"\"] };", "line 1, column 75: \"\" is no pattern"},
		"secret":           {"forbid (principal, action, resource == Secret::\"prod/db\");", "line 1, column 48: \"prod/db\" names no secret: it is its scope and its name, Secret::\"global:prod/db\""},
		"capability":       {"forbid (principal, action, resource == Capability::\"openai/*\");", "line 1, column 52: \"openai/*\" names no capability"},
		"vault":            {"forbid (principal, action, resource == Vault::\"main\");", "line 1, column 47: there is no \"main\": the only one is Vault::\"vault\""},
		"same id":          {"@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);", "line 2, column 5: two policies have the @id \"a\""},
		"own id":           {"@id(\"grant-1\")\npermit (principal, action, resource);", "line 1, column 5: the @id \"grant-1\" is one of tacit's own: choose another"},
		"odd id":           {"@id(\"a b\")\npermit (principal, action, resource);", "line 1, column 5: an @id is letters, digits, '-', '_', '.', '/', and begins with a letter or digit"},
		"no semicolon":     {"permit (principal, action, resource)\n\npermit (principal, action, resource);", "line 3, column 1: syntax error: found \"permit\" where \";\" should be"},
		"the end":          {"permit (principal, action, resource)\n", "line 2, column 1: syntax error: found the end where \";\" should be"},
		"effect":           {"allow (principal, action, resource);", "line 1, column 1: syntax error: unexpected effect: allow"},
		"variable":         {"permit (principal, action, resource)\n when { secret };", "line 2, column 9: syntax error: invalid primary"},
		"list":             {"permit (principal, action, resource) when { [1 2].contains(1) };", "line 1, column 48: syntax error: found \"2\" where \",\" should be"},
		"open string":      {"permit (principal, action, resource)\nwhen { \"abc };", "line 2, column 8: syntax error: literal not terminated"},
		"a sign in quotes": {"permit (principal, action, resource) when { 1 2 \": 3:4 \" };", "line 1, column 47: syntax error: found \"2\" where \"}\" should be"},
		"a string":         {"permit (principal, action, resource) when { a \"b: c\" };", "line 1, column 45: syntax error: invalid primary"},
		"template":         {"permit (principal == ?principal, action, resource);", "line 1, column 22: syntax error: expected ident"},
		"not UTF-8":        {"permit \xff", "line 1, column 1: the policy text is not UTF-8"},
		"too large":        {strings.Repeat(" ", maxText+1), "line 1, column 1: the policy text is larger than 256 KiB"},
		"too deep":         {"permit (principal, action, resource) when { " + strings.Repeat("(", 100000), "line 1, column 108: the policy is too deep or too long: write several smaller ones"},
		"too many ifs":     {"permit (principal, action, resource) when { " + strings.Repeat("if ", 30000), "line 1, column 234: the policy is too deep or too long: write several smaller ones"},
		"too long":         {"permit (principal, action, resource) when { " + strings.Repeat("!", 100000), ""},
	} {
		problems := Check(c.text)
		if len(problems) == 0 {
			t.Errorf("%s: accepted", name)
			continue
		}
		if got := problems[0].String(); c.want != "" && got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
		if s, err := Compile(c.text); s != nil || !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "invalid policy: line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckAcceptsWhatIsRight(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":      "",
		"comment":      "// nothing yet\n",
		"everyone":     everyone,
		"guarded":      `permit (principal, action == Action::"audit", resource) when { resource is Secret && resource.tags.contains("x") };`,
		"like":         `forbid (principal, action, resource is Secret) when { resource.name like "prod/*" && resource.exposure == "sealed" };`,
		"a secret":     `permit (principal, action == Action::"read", resource == Secret::"workspace/web:prod/db");`,
		"unless":       `forbid (principal, action, resource) unless { context.door == "cli" };`,
		"if":           `permit (principal, action == Action::"use", resource) when { if context.uid == 0 then false else resource in Glob::"a/*" };`,
		"time of day":  `forbid (principal, action, resource) when { context.time.toTime() > duration("18h") };`,
		"string signs": `permit (principal, action == Action::"use", resource) when { resource.path == "((((((//not a comment" };`,
	} {
		if problems := Check(text); problems != nil {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

// All mistakes are listed, each once, in the order of the text.
func TestCheckListsAll(t *testing.T) {
	t.Parallel()
	problems := Check(`
permit (principal == Agnt::"x", action, resource);
forbid (principal, action == Action::"reed", resource) when { context.foo };
forbid (principal, action, resource) when { context.foo || context.bar };
`)
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := []string{
		"line 2, column 22: unrecognized entity type `Agnt`",
		"line 3, column 38: unrecognized action `Action::\"reed\"`",
		"line 4, column 53: attribute `foo` in context for Action::\"admin\" not found",
		"line 4, column 68: attribute `bar` in context for Action::\"admin\" not found",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := Compile("permit (principal == Agnt::\"x\", action == Action::\"y\", resource);"); err == nil || !strings.HasSuffix(err.Error(), "(and 1 more)") {
		t.Error(err)
	}
}

// A policy text ends in time, with a set or with problems that stand in the text; what is accepted decides without a crash.
func FuzzPolicy(f *testing.F) {
	f.Add(everyone)
	f.Add("permit (principal == Agent::\"x\", action, resource) when { resource has tags && [1,2].contains(3) };")
	f.Add("@id(\"x\")\nforbid (principal, action, resource) unless { ip(\"::1\").isLoopback() };")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Compile(text)
		problems := Check(text)
		if (err == nil) != (len(problems) == 0) || err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatalf("%v, %v", err, problems)
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Text == "" {
				t.Fatalf("%v in a text of %d lines", p, lines)
			}
		}
		for _, a := range Actions() {
			d := s.Decide(ask("agent/bar", a, "a/b"))
			if d.Allow && (s == nil || len(d.Rules) == 0 || len(d.Errors) > 0) {
				t.Fatalf("%+v", d)
			}
		}
	})
}
