package policy

import (
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// A Rule is one permission: ACTION OBJECT [in SCOPE] [tagged T,…]. The object is a glob over the ids of capabilities for use, and
// over the names of secrets for everything else. Without "in" the scope does not matter; "in SCOPE" is exactly that scope: a
// secret that lives there or is attached there.
//
// The object "**" alone, without conditions, is everything: for audit and admin also capabilities, the vault itself, its policies
// and its tokens, which have no names.
type Rule struct {
	action Action
	object name.Glob
	scope  name.Scope // empty: any
	tags   []string   // all of them
}

// anything is the object that stands for everything.
const anything = "**"

// maxRule bounds the text of a rule.
const maxRule = 2048

// ParseRule returns the rule that s is, or an error of class fault.Invalid. Blanks between words do not count, and the conditions
// may come in any order; [Rule.String] has one spelling.
func ParseRule(s string) (Rule, error) {
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "invalid rule %q: %s", clip(s), why).About(clip(s)).
			WithFix("a rule is ACTION OBJECT [in SCOPE] [tagged TAG,…], such as 'read ci/* in workspace/web tagged prod'")
	}
	if len(s) > maxRule {
		return Rule{}, invalid("it is too long")
	}
	words := strings.Fields(s)
	if len(words) < 2 {
		return Rule{}, invalid("it needs an action and an object")
	}
	action, err := ParseAction(words[0])
	if err != nil {
		return Rule{}, invalid("unknown action " + clip(words[0]))
	}
	r := Rule{action: action}
	if why := r.setObject(words[1]); why != "" {
		return Rule{}, invalid(why)
	}
	for words = words[2:]; len(words) > 0; words = words[2:] {
		if len(words) < 2 {
			return Rule{}, invalid("nothing follows " + clip(words[0]))
		}
		switch key, value := words[0], words[1]; {
		case key == "in" && r.scope == "":
			if r.scope, err = name.ParseScope(value); err != nil {
				return Rule{}, invalid("no such scope: " + clip(value))
			}
		case key == "tagged" && r.tags == nil:
			if r.tags, err = name.ParseTags(value); err != nil || len(r.tags) == 0 {
				return Rule{}, invalid("not a tag: " + clip(value))
			}
			slices.Sort(r.tags)
		default:
			return Rule{}, invalid("unexpected " + clip(key))
		}
	}
	if r.action == Use && r.tags != nil {
		return Rule{}, invalid("a capability has no tags")
	}
	return r, nil
}

// setObject parses the glob. It says why not when s can match no name: a rule that never matches is a mistake.
func (r *Rule) setObject(s string) string {
	for strings.Contains(s, "***") {
		s = strings.ReplaceAll(s, "***", anything) // the same, in one spelling
	}
	g, err := name.ParseGlob(s)
	if err != nil {
		return "the object is too long"
	}
	if why := name.Problem(s); g.Literal() && why != "" {
		return "the object is not a name: " + why
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c|0x20 && c|0x20 <= 'z') && !('0' <= c && c <= '9') && !strings.ContainsRune("-_./*?", rune(c)) {
			return "the object holds a character that no name has"
		}
	}
	if s[0] == '/' || strings.HasSuffix(s, "/") || strings.Contains(s, "//") {
		return "the object has an empty segment, which no name has"
	}
	r.object = g
	return ""
}

// String returns the rule as [ParseRule] reads it.
func (r Rule) String() string {
	s := string(r.action) + " " + r.object.String()
	if r.scope != "" {
		s += " in " + string(r.scope)
	}
	if len(r.tags) > 0 {
		s += " tagged " + strings.Join(r.tags, ",")
	}
	return s
}

// Permits reports whether the rule permits doing a to o. The Cedar text of a [Grant] with the rule says the same of every request.
func (r Rule) Permits(a Action, o Object) bool {
	switch {
	case r.action == "" || a != r.action || !a.appliesTo(o.Kind):
		return false
	case r.everything():
		return true
	case o.Kind != r.action.objectKind():
		return false
	}
	return r.object.Match(o.Name) && (r.scope == "" || o.in(r.scope)) && o.hasTags(r.tags)
}

// everything reports whether the rule permits its action on whatever there is.
func (r Rule) everything() bool {
	return r.object.String() == anything && r.scope == "" && len(r.tags) == 0
}

// covers reports that whatever other permits r permits too. It is careful: where it cannot tell, it says no.
func (r Rule) covers(other Rule) bool {
	if r.action == "" || r.action != other.action || r.scope != "" && r.scope != other.scope {
		return false
	}
	if other.everything() && !r.everything() {
		return false
	}
	for _, t := range r.tags {
		if !slices.Contains(other.tags, t) {
			return false
		}
	}
	return globCovers(r.object, other.object)
}

// globCovers knows four cases, which are those that people write: the same; a name; all below "dir/" for "dir/**"; and all in one
// segment for "dir/pre*".
func globCovers(wide, narrow name.Glob) bool {
	w, n := wide.String(), narrow.String()
	if w == n || w == anything || narrow.Literal() && wide.Match(n) {
		return true
	}
	if dir, ok := strings.CutSuffix(w, "**"); ok && strings.HasSuffix(dir, "/") && !strings.ContainsAny(dir, "*?") {
		return strings.HasPrefix(narrow.Prefix(), dir)
	}
	if start, ok := strings.CutSuffix(w, "*"); ok && !strings.ContainsAny(start, "*?") {
		rest, ok := strings.CutPrefix(n, start)
		return ok && strings.HasPrefix(narrow.Prefix(), start) && !strings.Contains(rest, "/") && !strings.Contains(rest, "**")
	}
	return false
}
