package registry

import (
	"slices"
	"strings"
)

//go:generate go run -tags registry_bootstrap ./gen services

// What the generator writes beside the services: tables that are laid out in the program, sorted, so that nothing is made at the start.

// A secretPlace is a name, or an alias, of a secret, and where it is.
type secretPlace struct {
	name            string
	service, secret uint16 // places in builtinServices and in its Secrets
}

// A capabilityPlace is where a capability is; the table is sorted by the capability's id.
type capabilityPlace struct {
	service, capability uint16
}

func builtinService(id string) (*Service, bool) {
	at, found := slices.BinarySearchFunc(builtinServices[:], id, func(s *Service, id string) int { return strings.Compare(s.ID, id) })
	if !found {
		return nil, false
	}
	return builtinServices[at], true
}

func builtinSecret(name string) (*Service, *Secret, bool) {
	at, found := slices.BinarySearchFunc(builtinSecrets[:], name, func(p secretPlace, name string) int { return strings.Compare(p.name, name) })
	if !found {
		return nil, nil, false
	}
	p := builtinSecrets[at]
	s := builtinServices[p.service]
	return s, &s.Secrets[p.secret], true
}

func builtinCapability(id string) (*Service, *Capability, bool) {
	at, found := slices.BinarySearchFunc(builtinCapabilities[:], id, func(p capabilityPlace, id string) int {
		return strings.Compare(builtinServices[p.service].Capabilities[p.capability].ID, id)
	})
	if !found {
		return nil, nil, false
	}
	p := builtinCapabilities[at]
	s := builtinServices[p.service]
	return s, &s.Capabilities[p.capability], true
}
