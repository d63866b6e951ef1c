package rest

import (
	"context"
	"net"
	"sync/atomic"
)

// A Dialer makes connections; nil stands for one of package net.
type Dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Connecting returns dial with a note that a connection was made: of an address that is there on some machines only, silence means another
// thing before that than after.
func Connecting(dial Dialer, connected *atomic.Bool) Dialer {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			connected.Store(true)
		}
		return conn, err
	}
}
