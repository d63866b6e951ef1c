package policy

import (
	"slices"

	"tacit/internal/name"
)

// An Explanation is a decision and the way out of it.
type Explanation struct {
	Decision
	Grant   *Rule  // the narrowest rule that would allow the request; nil when it is allowed, or when no grant would do
	Command string // "tacit grant agent/bar read prod/db"; empty without Grant
}

// Explain says why a request is decided as it is, and which grant would allow it and as little else as possible.
//
// The grant names the scope where it must: outside global; for write, which would create what is not there; and where the name
// also lives elsewhere. The caller knows those other scopes, policy does not.
func (s *Set) Explain(r Request, elsewhere ...name.Scope) Explanation {
	e := Explanation{Decision: s.Decide(r)}
	if e.Allow || e.Forbidden {
		return e
	}
	rule, ok := narrowest(r, elsewhere)
	if !ok {
		return e
	}
	e.Grant = &rule
	e.Command = "tacit grant " + string(r.Principal) + " " + rule.String()
	return e
}

// narrowest returns the narrowest rule that permits the request. There is none for what has no name: a rule for the vault itself
// would be one for everything.
func narrowest(r Request, elsewhere []name.Scope) (Rule, bool) {
	if r.Object.Kind != r.Action.objectKind() {
		return Rule{}, false
	}
	home := r.Object.home()
	text := string(r.Action) + " " + r.Object.Name
	if home != name.Global || r.Action == Write || slices.ContainsFunc(elsewhere, func(s name.Scope) bool { return s != home }) {
		text += " in " + string(home)
	}
	rule, err := ParseRule(text)
	if err != nil || !rule.object.Literal() || !rule.Permits(r.Action, r.Object) {
		return Rule{}, false
	}
	return rule, true
}
