package strategies_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

const redirect = "http://127.0.0.1:7777/callback"

func secretOf(client string) string { return "the s3cret/+: of " + client }

// serviceAt is a service of the user's own whose tokens come from a server of the tests.
func serviceAt(issuer, grant string) *registry.Service {
	return &registry.Service{
		ID: "demo", Origin: registry.Own, Network: registry.Network{PlainHTTP: true, AllowPrivate: true},
		Secrets: []registry.Secret{{Name: "DEMO_OAUTH", Placeholder: "secret"}},
		Auth: registry.Auth{Kind: registry.KindOAuth2, OAuth2: registry.OAuth2{
			Grant: grant, TokenURL: issuer + "/token", AuthURL: issuer + "/auth?prompt=consent", Scopes: []string{"things", "openid", "offline_access"},
		}},
	}
}

// active asks the server about a token (RFC 7662).
func active(t *testing.T, issuer, client string, header http.Header) bool {
	t.Helper()
	token := strings.TrimPrefix(header.Get("Authorization"), "Bearer ")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/token/introspection", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secretOf(client)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct{ Active bool }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said.Active
}

// letIn is a person at a browser who signs in and agrees. It returns what the browser brings to the loopback address.
func letIn(t *testing.T, address string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back url.Values
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			back = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	form := regexp.MustCompile(`action="([^"]*/interaction/[^"/]+)"`)
	prompt := regexp.MustCompile(`name="prompt" value="([a-z]+)"`)
	answer, err := browser.Get(address)
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if back != nil {
			return back
		}
		action, kind := form.FindSubmatch(page), prompt.FindSubmatch(page)
		if err != nil || action == nil || kind == nil {
			t.Fatalf("the page says %d %s", answer.StatusCode, page)
		}
		answer, err = browser.PostForm(string(action[1]), url.Values{"prompt": {string(kind[1])}, "login": {"ana"}, "password": {"x"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the login does not end")
	return nil
}

// A store is a broker.TokenStore for two strategies in one process.
type store struct {
	lease sync.Mutex
	mu    sync.Mutex
	value []byte
}

func (s *store) Lease(context.Context) (func(), error) {
	s.lease.Lock()
	return s.lease.Unlock, nil
}

func (s *store) Load(context.Context) (secret.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return secret.New([]byte(string(s.value))), nil
}

func (s *store) Save(_ context.Context, v secret.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = []byte(string(v.Reveal()))
	return nil
}

// A login by code and PKCE, then refreshes of two processes at once, at a certified server that rotates refresh tokens and revokes
// the grant when one is used twice.
func TestOIDCProvider(t *testing.T) {
	t.Parallel()
	issuer := authorisationServer(t)
	for _, client := range []string{"basic", "post"} {
		service := serviceAt(issuer, "authorization_code")
		stored := secret.New(fmt.Appendf(nil, `{"client_id":%q,"client_secret":%q}`, client, secretOf(client)))
		now := time.Now()
		var clock sync.Mutex
		deps := broker.StrategyDeps{Random: rand.Reader, TokenEndpoint: http.DefaultTransport, Now: func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			return now
		}}

		login, err := broker.NewLogin(service, stored, redirect, deps)
		if err != nil {
			t.Fatal(err)
		}
		got, err := login.Finish(t.Context(), letIn(t, login.URL()))
		if err != nil {
			t.Fatalf("%s: %v", client, err)
		}
		kept := &store{value: got.Reveal()}
		deps.Tokens = kept
		first := string(kept.value)
		var processes []broker.Strategy
		for range 2 {
			s, err := broker.NewStrategy(service, broker.Values{"secret": got}, deps)
			if err != nil {
				t.Fatalf("%s: %v", client, err)
			}
			processes = append(processes, s)
		}
		for round := range 3 {
			var wait sync.WaitGroup
			for i := range 20 {
				wait.Go(func() {
					out := &broker.Outgoing{Header: http.Header{}}
					if _, err := processes[i%2].Apply(t.Context(), out); err != nil {
						t.Errorf("%s, round %d: %v", client, round, err)
					} else if i < 2 && !active(t, issuer, "basic", out.Header) && !active(t, issuer, client, out.Header) {
						t.Errorf("%s, round %d: the server does not know the token", client, round)
					}
				})
			}
			wait.Wait()
			clock.Lock()
			now = now.Add(time.Hour)
			clock.Unlock()
		}
		if string(kept.value) == first {
			t.Errorf("%s: no refresh token was rotated: the test is none", client)
		}

		// A thief spends the first refresh token again: the server ends the login, and we say how to begin another.
		thief, err := broker.NewStrategy(serviceAt(issuer, "refresh_token"), broker.Values{"secret": secret.New([]byte(first))}, broker.StrategyDeps{
			Now: time.Now, Random: rand.Reader, TokenEndpoint: http.DefaultTransport, Tokens: &store{value: []byte(first)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []broker.Strategy{thief, processes[0]} {
			if _, err := s.Apply(t.Context(), &broker.Outgoing{Header: http.Header{}}); fault.CodeOf(err) != fault.Expired {
				t.Errorf("%s, after the theft: %v", client, err)
			}
		}
	}
}

// A token without a person, from clients that say who they are in either way, without being told which.
func TestOIDCProviderClientCredentials(t *testing.T) {
	t.Parallel()
	issuer := authorisationServer(t)
	for _, client := range []string{"basic", "post"} {
		service := serviceAt(issuer, "client_credentials")
		service.Auth.OAuth2.Scopes = []string{"things"}
		s, err := broker.NewStrategy(service, values("secret", fmt.Sprintf(`{"client_id":%q,"client_secret":%q}`, client, secretOf(client))),
			broker.StrategyDeps{Now: time.Now, Random: rand.Reader, TokenEndpoint: http.DefaultTransport})
		if err != nil {
			t.Fatal(err)
		}
		out := &broker.Outgoing{Header: http.Header{}}
		if _, err := s.Apply(t.Context(), out); err != nil {
			t.Fatalf("%s: %v", client, err)
		}
		if !active(t, issuer, "basic", out.Header) {
			t.Errorf("%s: the server does not know the token", client)
		}
	}
}
