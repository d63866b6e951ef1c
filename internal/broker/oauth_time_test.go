package broker

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// A lease that somebody else keeps, an endpoint that never answers: both end, and the lease is given back while it is still ours.
// The clock is that of the bubble: no second of this passes.
func TestOAuthWaitsAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		taken bool // the lease, by another process
		why   string
		most  time.Duration
	}{
		{"a lease that never comes", true, "another process", leaseWithin},
		{"an endpoint that never answers", false, "in time", refreshWithin},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newStore(login("refresh-0"))
				if c.taken {
					<-store.lease
				}
				service := serviceOf(registry.Auth{Kind: registry.KindOAuth2, OAuth2: registry.OAuth2{
					Grant: "refresh_token", TokenURL: "https://auth.acme.example/token",
				}}, "secret")
				s, err := NewStrategy(service, valuesOf("secret", store.value), StrategyDeps{
					Now: time.Now, Random: rand.Reader, Tokens: store,
					TokenEndpoint: roundTripper(func(r *http.Request) (*http.Response, error) {
						<-r.Context().Done()
						return nil, context.Cause(r.Context())
					}),
				})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				_, err = s.Apply(t.Context(), outgoing())
				if took := time.Since(began); took > c.most {
					t.Errorf("it waited for %s", took)
				}
				if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%v", err)
				}
				if !c.taken && len(store.lease) != 1 {
					t.Error("the lease was not given back")
				}
			})
		})
	}
}

// What a store says when it fails is what the caller hears, and nothing is asked of the endpoint then.
func TestOAuthStoreThatFails(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"no object":        `canary-0123456789`,
		"no refresh token": `{"client_id":"` + clientID + `","client_secret":"canary-0123456789"}`,
		"another object":   `{"refresh_token":"canary-0123456789"}`,
	} {
		a, c := newAuthServer(t), newClock()
		store := newStore(login("refresh-0"))
		s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
		store.value = value // somebody stored something else meanwhile
		_, err := s.Apply(context.Background(), outgoing())
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ACME_SECRET") || strings.Contains(err.Error(), "canary") || a.hits() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
