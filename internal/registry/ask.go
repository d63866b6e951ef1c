package registry

import (
	"slices"
	"strings"
)

// IsPublic reports whether the secret of a placeholder identifies but does not authenticate.
func (s *Service) IsPublic(placeholder string) bool { return slices.Contains(s.Public, placeholder) }

// Placeholder returns the placeholder of the secret that the registry knows as name; empty when it is none of the service's.
func (s *Service) Placeholder(name string) string {
	for i := range s.Secrets {
		if s.Secrets[i].Name == name {
			return s.Secrets[i].Placeholder
		}
	}
	return ""
}

// NeedsSecret reports whether a capability cannot do without one of its service's secrets.
func (c *Capability) NeedsSecret(name string) bool {
	return len(c.Needs) == 0 || slices.Contains(c.Needs, name)
}

// HostMatches reports whether a host is the one of a service file, or one that its pattern "*.acme.example" stands for: one label, as
// in certificates (RFC 6125, section 6.4.3).
func HostMatches(pattern, host string) bool {
	rest, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return pattern == host
	}
	label, after, ok := strings.Cut(host, ".")
	return ok && label != "" && label != "*" && after == rest
}
