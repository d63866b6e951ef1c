package policy

import (
	"time"

	"pgregory.net/rapid"

	"tacit/internal/name"
)

// noon is when tests happen.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func mustRule(t rapid.TB, s string) Rule {
	t.Helper()
	r, err := ParseRule(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustRules(t rapid.TB, list ...string) []Rule {
	t.Helper()
	var rules []Rule
	for _, s := range list {
		rules = append(rules, mustRule(t, s))
	}
	return rules
}

func mustCompile(t rapid.TB, text string, grants ...Grant) *Set {
	t.Helper()
	s, err := Compile(text, grants...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask is a request about a secret of the global scope, or about a capability for use.
func ask(p Principal, a Action, object string) Request {
	return Request{
		Principal: p, Action: a, Object: Object{Kind: a.objectKind(), Name: object, Scope: name.Global},
		Context: Context{Time: noon, Door: "socket", UID: 1000},
	}
}

// Small alphabets, so that rules and objects meet.
func anyName() *rapid.Generator[string] {
	return rapid.StringMatching(`(a|b|ab)(/(a|b|ab|a\.b)){0,3}`)
}

func anyScope() *rapid.Generator[name.Scope] {
	return rapid.SampledFrom([]name.Scope{"global", "workspace/w", "workspace/w/group/g", "workspace/w/group/h", "agent", "agent/bar"})
}

func anyTags() *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"prod", "db", "a:b/c"}), 0, 3, rapid.ID)
}

func anyPrincipal() *rapid.Generator[Principal] {
	return rapid.SampledFrom([]Principal{"agent/bar", "agent/foo", "user/ana", "plugin/p"})
}

func anyObject() *rapid.Generator[Object] {
	return rapid.Custom(func(t *rapid.T) Object {
		o := Object{Kind: rapid.SampledFrom([]ObjectKind{Secret, Secret, Secret, Capability, Vault, Policies, Tokens}).Draw(t, "kind")}
		if o.Kind == Vault || o.Kind == Policies {
			return o
		}
		o.Name = anyName().Draw(t, "name")
		switch o.Kind {
		case Secret:
			o.Scope = anyScope().Draw(t, "scope")
			o.Tags = anyTags().Draw(t, "tags")
			o.Groups = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"g", "h"}), 0, 2, rapid.ID).Draw(t, "groups")
			if o.Sealed = rapid.Bool().Draw(t, "sealed"); o.Sealed {
				o.Pin = "builtin/openai"
			}
		case Capability:
			o.Scope = anyScope().Draw(t, "scope")
			o.Service, o.Method, o.Path = "openai", "POST", "/v1/x"
		case Tokens:
			o.Owner = "agent/bar"
		}
		return o
	})
}

func anyRequest() *rapid.Generator[Request] {
	return rapid.Custom(func(t *rapid.T) Request {
		return Request{
			Principal: anyPrincipal().Draw(t, "principal"), Action: rapid.SampledFrom(Actions()).Draw(t, "action"),
			Object: anyObject().Draw(t, "object"), Context: Context{Time: noon, Door: "socket", UID: 1000},
		}
	})
}

func anyRule() *rapid.Generator[Rule] {
	return rapid.Custom(func(t *rapid.T) Rule {
		action := rapid.SampledFrom(Actions()).Draw(t, "action")
		text := string(action) + " " + rapid.OneOf(rapid.Just("**"), anyName(), rapid.StringMatching(`(a|b|\*|\?|\*\*)(/?(a|b|\*|\?|\*\*)){0,4}`)).Draw(t, "glob")
		if rapid.IntRange(0, 2).Draw(t, "in") == 0 {
			text += " in " + string(anyScope().Draw(t, "scope"))
		}
		if tags := anyTags().Draw(t, "tags"); action != Use && len(tags) > 0 && rapid.Bool().Draw(t, "tagged") {
			text += " tagged " + join(tags, ",")
		}
		r, err := ParseRule(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return r
	})
}
