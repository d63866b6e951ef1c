package broker

import (
	"tacit/internal/fault"
	"tacit/internal/registry"
)

// Match returns the one capability of s that c is judged by (I24), the longest match that [registry.Service.Match] finds, and settles
// the path: what only a capability with encoded_slash or opaque_path allows is refused by all others. Errors are of class Denied, and
// name the method, the service and the canonical path.
func Match(s *registry.Service, c *CanonicalRequest) (*registry.Capability, error) {
	c.admitted, c.path = nil, c.plain
	capability, err := s.Match(c.method, c.segments)
	switch {
	case err != nil && len(c.flaws) > 0: // it may match nothing for that
		return nil, c.flawed(s, c.flaws[0])
	case err != nil:
		return nil, fault.Wrap(fault.Denied, err, "%s", c.what(s))
	}
	if err := c.settle(s, capability); err != nil {
		return nil, err
	}
	c.admitted = capability
	return capability, nil
}

// settle refuses the flaws that the capability does not allow: an encoded slash is allowed in a segment that the pattern has as {x}, and
// anything in what follows the pattern of an opaque path.
func (c *CanonicalRequest) settle(s *registry.Service, capability *registry.Capability) error {
	if len(c.flaws) == 0 && !capability.OpaquePath {
		return nil
	}
	pattern := capability.Longest(c.segments).Segments
	for _, f := range c.flaws {
		switch {
		case f.segment >= len(pattern) && capability.OpaquePath:
		case f.segment < len(pattern) && pattern[f.segment] == "" && f.slash && capability.EncodedSlash:
		default:
			return c.flawed(s, f)
		}
	}
	if capability.OpaquePath {
		c.path = c.opaquePath(len(pattern))
	}
	if len(c.path) > 1 && c.path[1] == '/' { // HTTP would take what follows for a host (RFC 3986, section 3.3)
		return c.flawed(s, flaw{what: "is empty"})
	}
	return nil
}

// isFor reports whether the request was matched, and capability is the one that it is judged by.
func (c *CanonicalRequest) isFor(capability *registry.Capability) bool {
	return capability != nil && c.admitted == capability
}

func (c *CanonicalRequest) flawed(s *registry.Service, f flaw) error {
	return refuse("%s: segment %d of the path %s", c.what(s), f.segment+1, f.what).About(s.ID).
		WithFix("send the path as the documentation of %s writes it", s.ID)
}

// what names the request in errors.
func (c *CanonicalRequest) what(s *registry.Service) string {
	const most = 200 // bytes
	path := c.plain
	if len(path) > most {
		path = path[:most] + "…"
	}
	return c.method + " " + s.ID + path
}
