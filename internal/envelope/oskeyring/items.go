package oskeyring

import (
	"time"

	"tacit/internal/fault"
)

// Items are the items of one service in the keyring, each under a user name: what other programs also call a password of a service.
// With secret-tool: secret-tool lookup service SERVICE username NAME. The keys of slots are none of them.
//
// Errors have the class fault.NotFound for an item that is not there, fault.Invalid for a value that the keyring cannot hold and for a
// name that several items have, fault.Usage for what this keyring cannot do, and else fault.Unavailable.
type Items struct {
	keyring *Keyring
	service string
}

// Items returns those of a service.
func (k *Keyring) Items(service string) *Items { return &Items{k, service} }

// probeTime bounds the wait for a keyring where there is no display: it is there at once, or not at all.
const probeTime = 200 * time.Millisecond

var errNoItem = fault.New(fault.NotFound, "the keyring has no such item")
