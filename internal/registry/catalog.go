package registry

import (
	"cmp"
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/order"
)

// A Catalog is all services that are known: the built-in ones and those of one vault. It never changes, so it may be shared; when the
// vault's services change, another one is made.
//
// The built-in part is laid out in the program and costs nothing to start; lookups in it and in the other part are binary searches.
type Catalog struct {
	own          []*Service // sorted by id
	secrets      []ownSecret
	capabilities []ownCapability
}

// An ownSecret is a name, or an alias, of a secret of a service of the user's own.
type ownSecret struct {
	name    string
	service *Service
	secret  *Secret
}

type ownCapability struct {
	id      string
	service *Service
	place   int
}

// NewCatalog returns a catalog of the built-in services and of own. An own service that claims the id of another service, or the name
// or alias of a secret of another, is refused (I23). Errors are of class fault.Conflict and name what is claimed.
func NewCatalog(own ...*Service) (*Catalog, error) {
	c := &Catalog{own: slices.Clone(own)}
	order.By(c.own, func(a, b *Service) int { return strings.Compare(a.ID, b.ID) })
	for i, s := range c.own {
		if i > 0 && c.own[i-1].ID == s.ID {
			return nil, claimed("service", s.ID, s.ID)
		}
		if _, found := builtinService(s.ID); found {
			return nil, claimed("service", s.ID, s.ID).WithFix("give your service another id: %s is built in", s.ID)
		}
		for name, secret := range s.Names() {
			if of, _, found := builtinSecret(name); found {
				return nil, claimed("secret", name, of.ID).WithFix("name it differently in %s: %s belongs to the built-in service %s", s.ID, name, of.ID)
			}
			c.secrets = append(c.secrets, ownSecret{name, s, secret})
		}
		for place := range s.Capabilities {
			id := s.Capabilities[place].ID
			if of, _, found := builtinCapability(id); found {
				return nil, claimed("capability", id, of.ID)
			}
			c.capabilities = append(c.capabilities, ownCapability{id, s, place})
		}
	}
	order.By(c.secrets, func(a, b ownSecret) int { return strings.Compare(a.name, b.name) })
	for i := range c.secrets {
		if i > 0 && c.secrets[i-1].name == c.secrets[i].name {
			return nil, claimed("secret", c.secrets[i].name, c.secrets[i-1].service.ID)
		}
	}
	order.By(c.capabilities, func(a, b ownCapability) int { return strings.Compare(a.id, b.id) })
	return c, nil
}

func claimed(what, name, by string) *fault.Error {
	return fault.New(fault.Conflict, "the %s %s belongs to the service %s", what, name, by).About(name)
}

// Names yields each name that a secret of the service may have in the vault, aliases too, and the secret.
func (s *Service) Names() func(yield func(string, *Secret) bool) {
	return func(yield func(string, *Secret) bool) {
		for i := range s.Secrets {
			if !yield(s.Secrets[i].Name, &s.Secrets[i]) {
				return
			}
		}
		for _, a := range s.Aliases {
			if !yield(a.Name, s.secret(a.Secret)) {
				return
			}
		}
	}
}

// secret returns the secret of that name.
func (s *Service) secret(name string) *Secret {
	for i := range s.Secrets {
		if s.Secrets[i].Name == name {
			return &s.Secrets[i]
		}
	}
	return nil
}

// Service returns the service with that id.
func (c *Catalog) Service(id string) (*Service, bool) {
	if s, found := builtinService(id); found {
		return s, true
	}
	at, found := slices.BinarySearchFunc(c.own, id, func(s *Service, id string) int { return strings.Compare(s.ID, id) })
	if !found {
		return nil, false
	}
	return c.own[at], true
}

// Services returns all services, sorted by id.
func (c *Catalog) Services() []*Service {
	all := slices.Concat(builtinServices[:], c.own)
	order.By(all, func(a, b *Service) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Own returns the services that are not built in, sorted by id.
func (c *Catalog) Own() []*Service { return slices.Clone(c.own) }

// BySecret returns the service that a secret of that name belongs to, and which of its secrets it is. Aliases are names too.
func (c *Catalog) BySecret(name string) (*Service, *Secret, bool) {
	if s, secret, found := builtinSecret(name); found {
		return s, secret, true
	}
	at, found := slices.BinarySearchFunc(c.secrets, name, func(s ownSecret, name string) int { return strings.Compare(s.name, name) })
	if !found {
		return nil, nil, false
	}
	return c.secrets[at].service, c.secrets[at].secret, true
}

// Capability returns the capability with that id, and its service.
func (c *Catalog) Capability(id string) (*Service, *Capability, bool) {
	if s, capability, found := builtinCapability(id); found {
		return s, capability, true
	}
	at, found := slices.BinarySearchFunc(c.capabilities, id, func(c ownCapability, id string) int { return strings.Compare(c.id, id) })
	if !found {
		return nil, nil, false
	}
	own := c.capabilities[at]
	return own.service, &own.service.Capabilities[own.place], true
}

// Match finds the service and returns which of its capabilities a request is judged by; see [Service.Match]. The error for a service
// that is not known is of class fault.NotFound.
func (c *Catalog) Match(service, method string, segments []string) (*Capability, error) {
	s, found := c.Service(service)
	if !found {
		return nil, fault.New(fault.NotFound, "no such service: %s", clip(service)).About(clip(service)).WithFix("tacit service list")
	}
	return s.Match(method, segments)
}
