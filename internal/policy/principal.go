package policy

import (
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// A Principal is who asks, in its canonical form: "user/ana", "agent/claude", "plugin/vscode".
type Principal string

// A Kind is what sort of principal one is.
type Kind string

// The kinds. Each is an entity type of the schema.
const (
	User   Kind = "user"
	Agent  Kind = "agent"
	Plugin Kind = "plugin"
)

// ParsePrincipal returns the principal that s names, or an error of class fault.Invalid. The part after the kind follows the
// rules for scopes, because agent/A is also the scope that only agent/A sees.
func ParsePrincipal(s string) (Principal, error) {
	if _, err := name.ParseScope(s); err == nil {
		if kind, _, ok := strings.Cut(s, "/"); ok && knownKind(Kind(kind)) {
			return Principal(s), nil
		}
	}
	return "", fault.New(fault.Invalid, "invalid principal %q", clip(s)).About(clip(s)).
		WithFix("a principal is user/NAME, agent/NAME or plugin/NAME")
}

// Kind returns the part before the slash.
func (p Principal) Kind() Kind {
	kind, _, _ := strings.Cut(string(p), "/")
	return Kind(kind)
}

// Name returns the part after the slash.
func (p Principal) Name() string {
	_, n, _ := strings.Cut(string(p), "/")
	return n
}

func knownKind(k Kind) bool { return k == User || k == Agent || k == Plugin }

// An Action is what somebody wants to do.
type Action string

// The actions. Read to Rotate are done to secrets, Use to capabilities; Audit looks at the record of anything, and Admin changes
// what policies look at: names, tags, scopes, exposure, policies, tokens.
const (
	Read   Action = "read"
	Write  Action = "write"
	Delete Action = "delete"
	List   Action = "list"
	Rotate Action = "rotate"
	Use    Action = "use"
	Audit  Action = "audit"
	Admin  Action = "admin"
)

// Actions returns all actions, in the order of the manual.
func Actions() []Action { return []Action{Read, Write, Delete, List, Rotate, Use, Audit, Admin} }

// ParseAction returns the action that s names, or an error of class fault.Invalid.
func ParseAction(s string) (Action, error) {
	if a := Action(s); slices.Contains(Actions(), a) {
		return a, nil
	}
	return "", fault.New(fault.Invalid, "unknown action %q", clip(s)).About(clip(s)).
		WithFix("an action is one of %s", join(Actions(), ", "))
}

// appliesTo reports whether the action can be done to an object of that kind. The schema says the same.
func (a Action) appliesTo(k ObjectKind) bool {
	switch a {
	case Read, Write, Delete, List, Rotate:
		return k == Secret
	case Use:
		return k == Capability
	case Audit, Admin:
		return slices.Contains(objectKinds(), k)
	}
	return false
}

// objectKind is what the object of a rule with this action names.
func (a Action) objectKind() ObjectKind {
	if a == Use {
		return Capability
	}
	return Secret
}

// join is strings.Join for types that are strings.
func join[S ~string](list []S, sep string) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(string(s))
	}
	return b.String()
}

// clip keeps an error line short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
