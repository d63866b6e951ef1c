package policy

import (
	"strings"

	"tacit/internal/fault"
)

// A Grant gives a principal what a rule permits.
type Grant struct {
	ID        string    // "grant-4"
	Principal Principal // who; empty: every principal of Kind
	Kind      Kind
	Rule      Rule
}

// Cedar returns the grant as a policy, as `policy show` prints it and as it is evaluated.
//
// Names, scopes, tags and ids hold no character that a Cedar string would escape.
func (g Grant) Cedar() string {
	var b strings.Builder
	b.WriteString(`@id("` + g.ID + "\")\n")
	b.WriteString(`@rule("` + g.Rule.String() + "\")\n")
	b.WriteString("permit (\n    principal ")
	if g.Principal != "" {
		b.WriteString("== " + g.Principal.Kind().entityType() + `::"` + g.Principal.Name() + `"`)
	} else {
		b.WriteString("is " + g.Kind.entityType())
	}
	b.WriteString(",\n    action == Action::\"" + string(g.Rule.action) + "\",\n    " + g.Rule.cedarResource() + "\n)")
	if when := g.Rule.cedarConditions(); when != "" {
		b.WriteString("\nwhen { " + when + " }")
	}
	b.WriteString(";\n")
	return b.String()
}

// Text returns policy text and grants as one Cedar text, as `policy show` prints it.
func Text(text string, grants ...Grant) string {
	var parts []string
	if text != "" {
		parts = append(parts, strings.TrimRight(text, "\n")+"\n")
	}
	for _, g := range grants {
		parts = append(parts, g.Cedar())
	}
	return strings.Join(parts, "\n")
}

// check returns an error of class fault.Invalid unless the grant can be written as Cedar.
func (g Grant) check() error {
	_, err := ParsePrincipal(string(g.Principal))
	who := err == nil && g.Kind == "" || g.Principal == "" && knownKind(g.Kind)
	if !who || g.Rule.action == "" || !isID(g.ID) {
		return fault.New(fault.Invalid, "invalid grant %q", clip(g.ID)).About(clip(g.ID))
	}
	return nil
}

// cedarResource is the part of a policy's head that is about the object. A glob is an entity, of which the objects that it matches
// are members: docs/decisions/0013.
func (r Rule) cedarResource() string {
	is := "resource is " + r.action.objectKind().entityType()
	switch {
	case r.everything() && (r.action == Audit || r.action == Admin):
		return "resource"
	case r.everything():
		return is
	case r.object.String() == anything && r.scope != "":
		return is + ` in Scope::"` + string(r.scope) + `"`
	}
	return is + ` in Glob::"` + r.object.String() + `"`
}

// cedarConditions is what the head of a policy has no room for.
func (r Rule) cedarConditions() string {
	var all []string
	if r.scope != "" && r.object.String() != anything {
		all = append(all, `resource in Scope::"`+string(r.scope)+`"`)
	}
	if len(r.tags) == 1 {
		all = append(all, `resource.tags.contains("`+r.tags[0]+`")`)
	}
	if len(r.tags) > 1 {
		all = append(all, `resource.tags.containsAll(["`+strings.Join(r.tags, `", "`)+`"])`)
	}
	return strings.Join(all, " && ")
}

// isID reports whether s can name a policy: a letter or digit, then also '-', '_', '.', '/'; at most 128 bytes.
func isID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z') && !('0' <= c && c <= '9') && (i == 0 || !strings.ContainsRune("-_./", rune(c))) {
			return false
		}
	}
	return true
}

// entityType is the kind's name in the schema.
func (k Kind) entityType() string {
	switch k {
	case User:
		return "User"
	case Agent:
		return "Agent"
	case Plugin:
		return "Plugin"
	}
	return ""
}

// entityType is the kind's name in the schema.
func (k ObjectKind) entityType() string {
	switch k {
	case Secret:
		return "Secret"
	case Capability:
		return "Capability"
	case Vault:
		return "Vault"
	case Policies:
		return "Policy"
	case Tokens:
		return "Token"
	}
	return ""
}
