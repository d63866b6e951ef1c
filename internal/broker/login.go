package broker

import (
	"context"
	"net/http"

	"tacit/internal/registry"
	"tacit/internal/secret"
)

// Login begins a login to s, over the same guarded connections as everything else. See [NewLogin].
func (b *Broker) Login(s *registry.Service, stored secret.Value, redirect string) (*Login, error) {
	endpoint, err := b.transports.of(s, nil)
	if err != nil {
		return nil, err
	}
	return NewLogin(s, stored, redirect, StrategyDeps{Now: b.now, Random: b.random, TokenEndpoint: endpoint})
}

// Fetch makes sure that the credential has a token, where it is of the kind that has: a request would wait for it.
func (p *Prepared) Fetch(ctx context.Context) error {
	_, err := p.strategy.Apply(ctx, &Outgoing{
		Method: http.MethodGet, Scheme: "https", Host: p.service.Hosts[0], Path: "/", Header: http.Header{},
	})
	return err
}
