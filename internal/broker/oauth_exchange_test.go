package broker

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tacit/internal/registry"
)

// An upstream that is an authorisation server too: it lets in who has a token of its own, and echoes all that it gets.
func newOAuthUpstream(t *testing.T, b *Broker) (*authServer, Use) {
	t.Helper()
	a := &authServer{refresh: "refresh-0123456789", spent: map[string]bool{}, access: map[string]bool{}, codes: map[string]string{}, lifetime: 3600}
	var mux http.ServeMux
	mux.Handle("/token", a)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !a.accepts(r.Header) || r.URL.Path == "/never" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body := make([]byte, 100)
		n, _ := r.Body.Read(body)
		a.mu.Lock()
		defer a.mu.Unlock()
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		_, _ = fmt.Fprintf(w, "got %s, with %s; the next is %s, after %v", body[:n], r.Header.Get("Authorization"), a.refresh, a.asked)
	})
	u := newUpstream(t, &mux)
	u.service.Auth = registry.Auth{Kind: registry.KindOAuth2, OAuth2: registry.OAuth2{Grant: "refresh_token", TokenURL: "https://" + u.host + "/token"}}
	store := newStore(login("refresh-0123456789"))
	p, err := b.Prepare(u.service, valuesOf("secret", store.value), store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	use := Use{
		Request: &CanonicalRequest{method: "GET", path: "/things", header: http.Header{}, admitted: &u.service.Capabilities[0]},
		Service: u.service, Capability: &u.service.Capabilities[0], Host: u.host, Credential: p, Principal: "agent/test",
	}
	return a, use
}

// A token that the upstream forgot costs the caller nothing: one refresh, and the same request once more, body and all. And none of the
// tokens, old or new, comes back.
func TestOAuthRetriesOnceAfter401(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newTestBroker(t, Options{Now: c.now, Random: rand.Reader})
	a, use := newOAuthUpstream(t, b)
	const text = "the body"
	for round := range 3 {
		got := do(t, b, post(use, strings.NewReader(text), int64(len(text))))
		if got.status != http.StatusOK || !strings.Contains(string(got.body), "got the body, with ***") {
			t.Fatalf("round %d: %d %s %v", round, got.status, got.body, got.err)
		}
		a.mu.Lock()
		hidden := []string{a.refresh, clientSecret, "refresh-0123456789"}
		for token := range a.access {
			hidden = append(hidden, token)
		}
		clear(a.access) // it forgets them all
		hits := len(a.asked)
		a.mu.Unlock()
		noForm(t, got, hidden...)
		if hits != round+1 {
			t.Errorf("round %d: %d refreshes", round, hits)
		}
		c.move(time.Minute)
	}
	// One that never lets anybody in is asked twice, and its 401 is the answer.
	never := *use.Request
	never.path = "/never"
	use.Request = &never
	if got := do(t, b, use); got.status != http.StatusUnauthorized {
		t.Errorf("%d %s %v", got.status, got.body, got.err)
	}
	hits := a.hits()
	if got := do(t, b, use); got.status != http.StatusUnauthorized || a.hits() != hits {
		t.Errorf("%d, after %d refreshes more", got.status, a.hits()-hits)
	}
}
