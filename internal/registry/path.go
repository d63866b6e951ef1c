package registry

import "strings"

// A Path is a pattern of paths: whole segments, of which {x} is any one. It stands for everything below it too, unless it ends in $.
type Path struct {
	Text     string
	Segments []string // "" for {x}
	Exact    bool
}

// Match reports whether the decoded segments of a canonical path are in the pattern.
func (p Path) Match(segments []string) bool {
	if len(segments) < len(p.Segments) || p.Exact && len(segments) != len(p.Segments) {
		return false
	}
	for i, s := range p.Segments {
		if s != "" && s != segments[i] {
			return false
		}
	}
	return true
}

// parsePath returns the pattern that s is; ok is false when it is none.
func parsePath(s string) (p Path, ok bool) {
	p.Text = s
	rest, exact := strings.CutSuffix(s, "$")
	p.Exact = exact
	rest, rooted := strings.CutPrefix(rest, "/")
	if !rooted {
		return p, false
	}
	if rest == "" { // the root, and all below it
		return p, true
	}
	for seg := range strings.SplitSeq(rest, "/") {
		switch {
		case strings.HasPrefix(seg, "{") && strings.HasSuffix(seg, "}") && len(seg) > 2:
			seg = ""
		case seg == "" || seg == "." || seg == ".." || strings.ContainsAny(seg, "{}%\\?#$ "):
			return p, false
		}
		p.Segments = append(p.Segments, seg)
	}
	return p, true
}
