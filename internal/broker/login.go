package broker

import (
	"context"
	"net/http"
	"time"

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

// Held returns when the access token ends that this credential has in memory, zero when it has none or the service did not say, and why the
// last one could not be fetched.
func (p *Prepared) Held() (ends time.Time, failure error) {
	if o, ok := p.strategy.(*oauth); ok {
		return o.held()
	}
	return time.Time{}, nil
}
