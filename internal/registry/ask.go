package registry

import "slices"

// IsPublic reports whether the secret of a placeholder identifies but does not authenticate.
func (s *Service) IsPublic(placeholder string) bool { return slices.Contains(s.Public, placeholder) }

// NeedsSecret reports whether a capability cannot do without one of its service's secrets.
func (c *Capability) NeedsSecret(name string) bool {
	return len(c.Needs) == 0 || slices.Contains(c.Needs, name)
}
