package registry

import "strings"

// maxSegments is how long a pattern may be.
const maxSegments = 32

// A Path is a pattern of paths: whole segments, of which {x} is any one that is not empty. It stands for everything below it too,
// unless it ends in $.
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
		if segments[i] == "" || s != "" && s != segments[i] {
			return false
		}
	}
	return true
}

// Longest returns the longest pattern of the capability that matches the decoded segments: the one that made [Service.Match] choose it.
// It is the zero Path when none matches.
func (c *Capability) Longest(segments []string) (longest Path) {
	found := false
	for _, p := range c.Paths {
		if p.Match(segments) && (!found || len(p.Segments) > len(longest.Segments) || len(p.Segments) == len(longest.Segments) && p.Exact) {
			longest, found = p, true
		}
	}
	return longest
}

// sameLength reports whether neither pattern is longer: an exact one is longer than a prefix of as many segments.
func (p Path) sameLength(q Path) bool {
	return len(p.Segments) == len(q.Segments) && p.Exact == q.Exact
}

// meets reports whether there is a path that both patterns of the same length match.
func (p Path) meets(q Path) bool {
	for i, s := range p.Segments {
		if t := q.Segments[i]; s != "" && t != "" && s != t {
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
		case strings.HasPrefix(seg, "{") && strings.HasSuffix(seg, "}") && len(seg) > 2 && !strings.ContainsAny(seg[1:len(seg)-1], "{}"):
			seg = ""
		case seg == "" || seg == "." || seg == ".." || strings.ContainsAny(seg, "{}%\\?#$;* "):
			return p, false
		}
		p.Segments = append(p.Segments, seg)
	}
	return p, true
}
