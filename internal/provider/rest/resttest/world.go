package resttest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Clock is one that a test moves.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at the time at.
func NewClock(at time.Time) *Clock { return &Clock{at: at} }

// Now is for provider.World.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Later moves the clock on.
func (c *Clock) Later(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// Guard is a dialer that knows a few addresses and refuses all others, so that no test reaches a cloud.
type Guard struct {
	mu      sync.Mutex
	open    []string
	dialled []string
}

// NewGuard returns one that knows the addresses of these URLs, or these addresses: "127.0.0.1:1234".
func NewGuard(urls ...string) *Guard {
	g := &Guard{}
	for _, url := range urls {
		g.Open(url)
	}
	return g
}

// Open lets one more be dialled.
func (g *Guard) Open(url string) {
	if _, address, ok := strings.Cut(url, "://"); ok {
		url = address
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = append(g.open, url)
}

// Dial is for net/http.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	g.mu.Lock()
	g.dialled = append(g.dialled, address)
	known := slices.Contains(g.open, address)
	g.mu.Unlock()
	if !known {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("the test wants no connection to %s", address)}
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// Dialled returns the addresses that somebody wanted.
func (g *Guard) Dialled() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.dialled)
}

// Silent returns an address where connections are made and nobody answers: "127.0.0.1:1234".
func Silent(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
