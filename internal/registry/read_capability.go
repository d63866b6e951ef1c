package registry

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tacit/internal/order"
)

// A where is a pattern of a capability and its place in the file.
type where struct {
	capability *Capability
	path       Path
	node       *yaml.Node
}

// capabilities reads the list into s, sorted by id. What compares them with each other comes last.
func (r *reader) capabilities(n *yaml.Node, s *Service) {
	items := r.list(n, maxCapabilities)
	if n != nil && len(items) == 0 {
		r.fail(n, "there is no capability")
	}
	s.Capabilities = make([]Capability, len(items))
	examples := make([]*yaml.Node, len(items))
	ids := make(map[string]bool, len(items))
	var paths []where
	for i, item := range items {
		c := &s.Capabilities[i]
		m := r.members(item, "id", "title", "hosts", "methods", "paths", "risk", "returns", "secrets", "encoded_slash", "opaque_path", "example")
		r.capability(m, s, c)
		if c.ID != "" && ids[c.ID] {
			r.fail(m.get("id"), "%q is there twice", c.ID)
		}
		ids[c.ID] = true
		paths = append(paths, r.paths(m, c)...)
		if examples[i] = m.get("example"); examples[i] != nil {
			c.Example = r.example(examples[i])
		} else if r.origin != Own {
			r.fail(item, "example is missing")
		}
	}
	if len(paths) > maxPaths {
		r.fail(n, "more than %d paths", maxPaths)
		return
	}
	r.overlaps(paths)
	r.inside(s, examples)
	order.By(s.Capabilities, func(a, b Capability) int { return strings.Compare(a.ID, b.ID) })
}

// capability reads all but paths and example.
func (r *reader) capability(m mapping, s *Service, c *Capability) {
	var ok bool
	if c.ID, ok = r.required(m, "id"); ok && !r.capabilityID(s.ID, c.ID) {
		r.fail(m.get("id"), "%q is no capability of the service: its id is %s/NAME", clip(c.ID), clip(s.ID))
	}
	c.Title, _ = r.text(m.get("title"))
	c.Hosts = r.texts(m.get("hosts"), maxHosts, func(n *yaml.Node, host string) {
		if !slices.Contains(s.Hosts, host) {
			r.fail(n, "%q is not one of the service's hosts", clip(host))
		}
	})
	allowed := r.needed(m, "methods")
	c.Methods = r.texts(allowed, maxFields, func(n *yaml.Node, method string) {
		if !slices.Contains(methods(), method) {
			r.fail(n, "%q is no method; known here: %s", clip(method), strings.Join(methods(), ", "))
		}
	})
	if allowed != nil && len(allowed.Content) == 0 {
		r.fail(allowed, "there is no method")
	}
	slices.Sort(c.Methods)
	risk, ok := r.required(m, "risk")
	if c.Risk = Risk(risk); ok && !slices.Contains([]Risk{Read, Write, Money, Destructive}, c.Risk) {
		r.fail(m.get("risk"), "risk is read, write, money or destructive")
	}
	c.Returns = r.texts(m.get("returns"), maxFields, func(n *yaml.Node, field string) {
		if !isField(field) {
			r.fail(n, "%q is no name of a field, such as access_token", clip(field))
		}
	})
	c.Needs = r.texts(m.get("secrets"), maxSecrets, func(n *yaml.Node, name string) {
		if !named(s.Secrets, name) {
			r.fail(n, "%q is not one of the service's secrets", clip(name))
		}
	})
	c.EncodedSlash, c.OpaquePath = r.flag(m.get("encoded_slash")), r.flag(m.get("opaque_path"))
	if c.OpaquePath && s.Auth.Kind != KindSigV4 {
		r.fail(m.get("opaque_path"), "opaque_path is for object keys under sigv4")
	}
}

// methods are what a capability may allow. The others steer a connection, or tell about a server rather than a service.
func methods() []string { return []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"} }

// capabilityID reports whether id is SERVICE/NAME. A built-in service that was split off another, openai-codex from openai, keeps the
// ids that its capabilities had.
func (r *reader) capabilityID(service, id string) bool {
	first, name, ok := strings.Cut(id, "/")
	return ok && isCapabilityName(name) && (first == service || r.origin != Own && strings.HasPrefix(service, first+"-"))
}

// paths reads the patterns.
func (r *reader) paths(m mapping, c *Capability) []where {
	n := r.needed(m, "paths")
	if n == nil {
		return nil
	}
	var all []where
	r.texts(n, maxPaths, func(n *yaml.Node, text string) {
		p, ok := parsePath(text)
		switch {
		case !ok:
			r.fail(n, "%q is no path: whole segments after '/', {x} for any one, $ at the end for no more", clip(text))
			return
		case len(p.Segments) > maxSegments:
			r.fail(n, "more than %d segments", maxSegments)
			return
		case c.OpaquePath && p.Exact:
			r.fail(n, "an exact path has nothing below it, so opaque_path means nothing")
		}
		c.Paths = append(c.Paths, p)
		all = append(all, where{c, p, n})
	})
	if len(all) == 0 && len(n.Content) == 0 {
		r.fail(n, "there is no path")
	}
	if c.EncodedSlash && !slices.ContainsFunc(c.Paths, func(p Path) bool { return slices.Contains(p.Segments, "") }) {
		r.fail(m.get("encoded_slash"), "encoded_slash is for paths with {x}")
	}
	return all
}

// overlaps refuses patterns of two capabilities that nothing would choose between: as long as each other, with a path that both match
// and a method that both allow. Hosts do not count: they are chosen by the capability, not the other way round (I22).
func (r *reader) overlaps(all []where) {
	for i, a := range all {
		if len(r.problems) >= maxProblems {
			return
		}
		for _, b := range all[:i] {
			if a.capability == b.capability || !a.path.sameLength(b.path) || !a.path.meets(b.path) {
				continue
			}
			if m := common(a.capability.Methods, b.capability.Methods); m != "" {
				r.fail(a.node, "%s: %s is also in %s as %s", clip(a.path.Text), m, b.capability.ID, clip(b.path.Text))
			}
		}
	}
}

// common returns a method that is in both; empty for none.
func common(a, b []string) string {
	for _, m := range a {
		if slices.Contains(b, m) {
			return m
		}
	}
	return ""
}
