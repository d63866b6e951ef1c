package registry

import (
	"slices"
	"strings"

	"tacit/internal/fault"
)

// A node of the tree of a service's patterns, one level a segment. A request walks down it as many steps as its path has segments,
// however many capabilities there are. It is made when a file is read; those of built-in services are laid out by the generator.
type node struct {
	segment  string   // "" at the root and for {x}
	children []node   // sorted by segment
	any      *node    // {x}; nil for none
	prefix   []uint16 // places in Capabilities of those with a pattern that ends here, and stands for all below
	exact    []uint16 // the same of patterns that end here with $
}

// compile returns the tree of all patterns of the capabilities.
func compile(capabilities []Capability) node {
	var root node
	for i, c := range capabilities {
		for _, p := range c.Paths {
			n := &root
			for _, s := range p.Segments {
				n = n.below(s)
			}
			end := &n.prefix
			if p.Exact {
				end = &n.exact
			}
			if at := uint16(i); !slices.Contains(*end, at) {
				*end = append(*end, at)
			}
		}
	}
	return root
}

// below returns the node for the segment s, which it makes if there is none.
func (n *node) below(s string) *node {
	if s == "" {
		if n.any == nil {
			n.any = &node{}
		}
		return n.any
	}
	at, found := n.find(s)
	if !found {
		n.children = slices.Insert(n.children, at, node{segment: s})
	}
	return &n.children[at]
}

// find is slices.BinarySearchFunc, which would copy a node at each step.
func (n *node) find(segment string) (at int, found bool) {
	end := len(n.children)
	for at < end {
		if mid := (at + end) / 2; n.children[mid].segment < segment {
			at = mid + 1
		} else {
			end = mid
		}
	}
	return at, at < len(n.children) && n.children[at].segment == segment
}

// A hit is what a walk down the tree has found so far.
type hit struct {
	length  int // of the longest pattern: twice its segments, and one more if it is exact; -1 for none
	allowed int // place of the capability that allows the method; -1 for none
	other   int // place of one that does not
}

// walk looks for the longest patterns that match segments, of which depth lead to n.
func (n *node) walk(s *Service, method string, segments []string, depth int, h *hit) {
	h.take(s, method, n.prefix, 2*depth)
	if depth == len(segments) {
		h.take(s, method, n.exact, 2*depth+1)
		return
	}
	if segments[depth] == "" { // no pattern has an empty segment, and {x} is none
		return
	}
	if at, found := n.find(segments[depth]); found {
		n.children[at].walk(s, method, segments, depth+1, h)
	}
	if n.any != nil {
		n.any.walk(s, method, segments, depth+1, h)
	}
}

// longest returns the length of the longest pattern that matches when letters are the same in both cases; -1 for none.
func (n *node) longest(segments []string, depth int) int {
	best := -1
	if len(n.prefix) > 0 {
		best = 2 * depth
	}
	if depth == len(segments) {
		if len(n.exact) > 0 {
			best = 2*depth + 1
		}
		return best
	}
	if segments[depth] == "" {
		return best
	}
	for i := range n.children {
		if c := &n.children[i]; len(c.segment) == len(segments[depth]) && strings.EqualFold(c.segment, segments[depth]) {
			best = max(best, c.longest(segments, depth+1))
		}
	}
	if n.any != nil {
		best = max(best, n.any.longest(segments, depth+1))
	}
	return best
}

func (h *hit) take(s *Service, method string, places []uint16, length int) {
	if len(places) == 0 || length < h.length {
		return
	}
	if length > h.length {
		*h = hit{length: length, allowed: -1, other: int(places[0])}
	}
	for _, p := range places {
		if slices.Contains(s.Capabilities[p].Methods, method) {
			h.allowed = int(p)
		}
	}
}

// Match returns the one capability that a request is judged by: of all patterns that match the decoded segments of the canonical path
// the longest, where an exact one is longer than a prefix of as many segments; of equally long ones that which allows the method
// (I24). When none of the longest does, the request is refused, even if a shorter one would allow it, and so is one that a longer
// pattern would match but for the case of letters: the service may not tell /v1/Admin from /v1/admin. Errors are of class fault.Denied. A
// match allocates nothing.
func (s *Service) Match(method string, segments []string) (*Capability, error) {
	h := hit{length: -1, allowed: -1}
	s.index.walk(s, method, segments, 0, &h)
	switch {
	case s.index.longest(segments, 0) > h.length:
		return nil, fault.New(fault.Denied, "/%s is a path of %s but for upper and lower case", clip(strings.Join(segments, "/")), s.ID).
			About(s.ID).WithFix("send the path as the documentation of %s writes it", s.ID)
	case h.length < 0:
		return nil, fault.New(fault.Denied, "no capability of %s covers /%s", s.ID, clip(strings.Join(segments, "/"))).
			About(s.ID).WithFix("tacit service describe %s", s.ID)
	case h.allowed < 0:
		c := &s.Capabilities[h.other]
		return nil, fault.New(fault.Denied, "%s allows %s, not %s", c.ID, strings.Join(c.Methods, ", "), clip(method)).
			About(c.ID).WithFix("tacit capability describe %s", c.ID)
	}
	return &s.Capabilities[h.allowed], nil
}
