package registry

import "slices"

// DoesWithout reports whether requests are authenticated without the value of a placeholder too: with one, it is part of them.
func (s *Service) DoesWithout(placeholder string) bool {
	return s.Auth.Kind == KindSigV4 && placeholder == "session_token"
}

// IsPublic reports whether the secret of a placeholder identifies but does not authenticate.
func (s *Service) IsPublic(placeholder string) bool { return slices.Contains(s.Public, placeholder) }

// NeedsSecret reports whether a capability cannot do without one of its service's secrets.
func (c *Capability) NeedsSecret(name string) bool {
	return len(c.Needs) == 0 || slices.Contains(c.Needs, name)
}
