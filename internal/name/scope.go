package name

import (
	"strings"

	"tacit/internal/fault"
)

// Scope is where a secret lives, in its canonical form: "global", "workspace/W", "workspace/W/group/G", "plugin/P", "agent/A",
// "user/U", or "plugin", "agent", "user" alone for every principal of that kind.
type Scope string

// Global is the widest scope.
const Global Scope = "global"

// ParseScope returns the scope that s names.
func ParseScope(s string) (Scope, error) {
	var space [5]string // one more than a scope has
	p := split(space[:0], s)
	ok := false
	switch p[0] {
	case "global":
		ok = len(p) == 1
	case "plugin", "agent", "user":
		ok = len(p) == 1 || len(p) == 2 && isScopePart(p[1])
	case "workspace":
		ok = len(p) == 2 && isScopePart(p[1]) ||
			len(p) == 4 && isScopePart(p[1]) && p[2] == "group" && isScopePart(p[3])
	}
	if !ok {
		return "", fault.New(fault.Invalid, "invalid scope %q", clip(s)).About(clip(s)).
			WithFix("a scope is global, workspace/W, workspace/W/group/G, plugin/P, agent/A or user/U")
	}
	return Scope(s), nil
}

// split appends the parts of s to p, at most as many as there is room for: the last one then has the rest. It allocates nothing: who
// makes a request has its principal and scopes parsed for each.
func split(p []string, s string) []string {
	for len(p)+1 < cap(p) {
		part, rest, more := strings.Cut(s, "/")
		if p = append(p, part); !more {
			return p
		}
		s = rest
	}
	return append(p, s)
}

// isScopePart reports whether s can name a workspace, group, plugin, agent or user: a letter or digit, then also '.', '_', '-';
// at most 64.
func isScopePart(s string) bool {
	if s == "" || len(s) > 64 || !isLetter(s[0]) && !isDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Workspace returns the scope of a workspace or, when group is not empty, of a group in it; Global when workspace is empty.
func Workspace(workspace, group string) (Scope, error) {
	switch {
	case workspace == "" && group == "":
		return Global, nil
	case workspace == "":
		return "", fault.New(fault.Usage, "group %q is given without a workspace", clip(group)).WithFix("add --workspace W")
	case group == "":
		return ParseScope("workspace/" + workspace)
	}
	return ParseScope("workspace/" + workspace + "/group/" + group)
}

// Parts returns the workspace and the group of a scope, each empty where there is none.
func (s Scope) Parts() (workspace, group string) {
	p := strings.Split(string(s), "/")
	if p[0] != "workspace" || len(p) < 2 {
		return "", ""
	}
	if len(p) == 4 {
		group = p[3]
	}
	return p[1], group
}
