package keeper

import (
	"strings"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// A pin says where a sealed secret may be sent (I23). It is bound into the ciphertext of every version:
//
//	builtin/openai                          a service that comes with tacit
//	own/acme#HASH                           one of the user's own, as it was defined
//	builtin/shopify@shop.myshopify.com      and the one host of a service with tenant hosts
func pinOf(s *registry.Service, host string) string {
	p := s.Pin()
	if host != "" {
		p += "@" + host
	}
	return p
}

// pinned splits a pin into the part about the service and the host.
func pinned(pin string) (service, host string) {
	service, host, _ = strings.Cut(pin, "@")
	return service, host
}

// pinnedService returns the id of the service in a pin, whichever definition of it.
func pinnedService(pin string) string {
	pin, _ = pinned(pin)
	_, id, _ := strings.Cut(pin, "/")
	id, _, _ = strings.Cut(id, "#")
	return id
}

// expose decides exposure and pin of a new secret: as it is asked for, else as the registry knows its name.
func expose(c *registry.Catalog, s *vault.Secret, sealed *bool, service string) error {
	known, which, ok := c.BySecret(s.Name)
	switch {
	case service != "":
		asked, there := c.Service(service)
		if !there {
			return noService(service)
		}
		if ok && known.ID != asked.ID {
			return fault.New(fault.Conflict, "%s is a secret of %s", s.Name, known.ID).About(s.Name).WithFix("store it under another name")
		}
		if sealed == nil || !*sealed {
			return fault.New(fault.Usage, "only a sealed secret has a service").About(s.Name).WithFix("add --sealed")
		}
		s.Sealed, s.Pin = true, pinOf(asked, "")
	case ok:
		s.Sealed, s.Pin = !known.IsPublic(which.Placeholder), pinOf(known, "")
		if sealed != nil {
			s.Sealed = *sealed
		}
	case sealed != nil && *sealed:
		return fault.New(fault.Usage, "a sealed secret needs the service it may be sent to").About(s.Name).WithFix("add --service NAME")
	}
	return nil
}

// keepsExposure refuses to change exposure and pin of a secret that is there: they are fixed when it is made.
func keepsExposure(c *registry.Catalog, old *vault.Secret, sealed *bool, service string) error {
	if sealed != nil && *sealed != old.Sealed {
		how := "--readable"
		if *sealed {
			how = "--sealed"
			if old.Pin == "" {
				how += " --service SERVICE"
			}
		}
		return fault.New(fault.Conflict, "%s is %s", old.Name, old.Exposure()).About(old.Name).WithFix("change that with: tacit update %s %s", old.Name, how)
	}
	if service == "" {
		return nil
	}
	s, ok := c.Service(service)
	if !ok {
		return noService(service)
	}
	if now, _ := pinned(old.Pin); now != pinOf(s, "") {
		return fault.New(fault.Conflict, "%s is pinned to %s; a pin cannot change", old.Name, orNone(old.Pin)).About(old.Name).
			WithFix("store it under another name")
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "no service"
	}
	return s
}

// noService is for the owner; see [asker.noSuch].
func noService(id string) error {
	return fault.New(fault.NotFound, "no such service: %.64s", id).About(id).WithFix("tacit service list")
}
