package broker

import (
	"bytes"
	"crypto/tls"
	"slices"
	"sync"

	"tacit/internal/registry"
	"tacit/internal/roundtrip"
)

// A Prepared is a credential of a service, ready for many requests at once: its strategy, what must not come back, and its connections.
// It holds secrets, so whoever keeps one drops it when it was not used for a while, with [Prepared.Close].
type Prepared struct {
	broker    *Broker
	service   *registry.Service
	strategy  Strategy
	transport *roundtrip.Transport
	injected  *patterns // what the strategy injects whatever the request

	mu      sync.Mutex
	last    *patterns // the same and the tokens that were fetched last
	fetched [][]byte
}

// Prepare returns a credential of s with these values. Errors are of class Invalid for values that cannot be used. tokens is for
// OAuth 2.0, nil for all else.
func (b *Broker) Prepare(s *registry.Service, v Values, tokens TokenStore) (*Prepared, error) {
	endpoint, err := b.transports.of(s, nil)
	if err != nil {
		return nil, err
	}
	strategy, err := NewStrategy(s, v, StrategyDeps{Now: b.now, Random: b.random, TokenEndpoint: endpoint, Tokens: tokens})
	if err != nil {
		return nil, err
	}
	return b.prepare(s, strategy)
}

func (b *Broker) prepare(s *registry.Service, strategy Strategy) (*Prepared, error) {
	var certificate *tls.Certificate
	if c, ok := strategy.(Certifier); ok {
		certificate = c.Certificate()
	}
	transport, err := b.transports.of(s, certificate)
	if err != nil {
		return nil, err
	}
	return &Prepared{
		broker: b, service: s, strategy: strategy, transport: transport, injected: newPatterns(strategy.Injected()),
	}, nil
}

// Reserved reports what the strategy keeps callers from setting. See [Strategy].
func (p *Prepared) Reserved() Reserved { return p.strategy.Reserved() }

// Close gives back the connections that nobody else may use. Requests that are under way go on.
func (p *Prepared) Close() { p.broker.transports.drop(p.transport) }

// patternsWith returns the patterns of what is injected and of the tokens that were fetched for a request. Those of the last tokens are
// kept: they are the same for an hour, and dear to compile.
func (p *Prepared) patternsWith(fetched [][]byte) *patterns {
	if len(fetched) == 0 {
		return p.injected
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || !slices.EqualFunc(p.fetched, fetched, bytes.Equal) {
		p.last = newPatterns(append(slices.Clone(p.strategy.Injected()), fetched...))
		p.fetched = nil
		for _, f := range fetched {
			p.fetched = append(p.fetched, bytes.Clone(f))
		}
	}
	return p.last
}
