package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/fault"
)

func TestOAuthRefreshToken(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)

	out := outgoing()
	more, err := s.Apply(context.Background(), out)
	if err != nil || !a.accepts(out.Header) {
		t.Fatalf("sent %v: %v", out.Header, err)
	}
	if got := a.asked[0].Get("grant_type") + " " + a.asked[0].Get("refresh_token"); got != "refresh_token refresh-0" || !a.basic[0] {
		t.Errorf("asked %s, basic: %v", got, a.basic[0])
	}
	// The new refresh token is kept, and the rest of the secret is as it was.
	if store.member(t, "refresh_token") != a.refresh || store.member(t, "client_secret") != clientSecret || !strings.Contains(store.value, "12345678901234567") {
		t.Errorf("the store holds %s", store.value)
	}
	// What travelled must not come back: the tokens, old and new, and the header.
	token, _ := bearer(out.Header)
	for _, hidden := range []string{token, "Bearer " + token, a.refresh, "refresh-0", clientSecret} {
		if !injects(s, hidden) && !slices.ContainsFunc(more, func(b []byte) bool { return string(b) == hidden }) {
			t.Errorf("%q may come back", hidden)
		}
	}
	if !s.OnWire() || !slices.Equal(s.Reserved().Headers, []string{"authorization"}) {
		t.Errorf("reserved %+v", s.Reserved())
	}
	// It is used as long as it lasts.
	c.move(30 * time.Minute)
	again := outgoing()
	apply(t, s, again)
	if again.Header.Get("Authorization") != out.Header.Get("Authorization") || a.hits() != 1 {
		t.Errorf("asked %d times", a.hits())
	}
	c.move(30 * time.Minute)
	apply(t, s, again)
	if again.Header.Get("Authorization") == out.Header.Get("Authorization") || a.hits() != 2 || !a.accepts(again.Header) {
		t.Errorf("asked %d times", a.hits())
	}
}

// Attack: a refresh raced and burned a rotated refresh token. Many callers, of two processes, and a server that takes a second use of
// a refresh token for theft.
func TestAttackOAuthRefreshRace(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	processes := []*oauth{
		oauthStrategy(t, a, "refresh_token", c, store, store.value),
		oauthStrategy(t, a, "refresh_token", c, store, store.value),
	}
	const rounds, callers = 5, 50
	for round := range rounds {
		var wait sync.WaitGroup
		for i := range callers {
			wait.Go(func() {
				out := outgoing()
				if _, err := processes[i%2].Apply(context.Background(), out); err != nil || !a.accepts(out.Header) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wait.Wait()
		if got, most := a.hits(), 2*(round+1); got > most {
			t.Errorf("round %d: %d refreshes of two processes, at most %d", round, got, most)
		}
		c.move(2 * time.Hour)
	}
	if a.revoked || store.member(t, "refresh_token") != a.refresh {
		t.Errorf("revoked: %v; the store has %s, the server %s", a.revoked, store.member(t, "refresh_token"), a.refresh)
	}
}

// Attack: a cancelled caller failed everyone's refresh.
func TestAttackCancelledCallerFailsTheOthers(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
	arrived, release := a.hold()
	defer release()

	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() {
		_, err := s.Apply(ctx, outgoing())
		first <- err
	}()
	<-arrived // the refresh is the first caller's doing
	others := make(chan error, 20)
	for range cap(others) {
		go func() {
			out := outgoing()
			_, err := s.Apply(context.Background(), out)
			if err == nil && !a.accepts(out.Header) {
				err = errors.New("a token that is none")
			}
			others <- err
		}()
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) { // it does not wait for what it no longer wants
		t.Errorf("the cancelled caller got %v", err)
	}
	release()
	for range cap(others) {
		if err := <-others; err != nil {
			t.Error(err)
		}
	}
	if a.hits() != 1 {
		t.Errorf("%d refreshes", a.hits())
	}
}

// A token that could not be kept is not used, and is not lost either: the old one is spent.
func TestOAuthTokenIsKeptBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)

	store.mu.Lock()
	store.broken = true
	store.mu.Unlock()
	for range 2 { // the second time it only tries to keep what it has
		out := outgoing()
		if _, err := s.Apply(context.Background(), out); err == nil || out.Header.Get("Authorization") != "" {
			t.Fatalf("sent %v: %v", out.Header, err)
		}
		c.move(time.Minute)
	}
	if a.hits() != 1 {
		t.Errorf("%d refreshes", a.hits())
	}
	store.mu.Lock()
	store.broken = false
	store.mu.Unlock()
	out := outgoing()
	apply(t, s, out)
	if !a.accepts(out.Header) || store.member(t, "refresh_token") != a.refresh || a.hits() != 2 {
		t.Errorf("after %d refreshes the store has %s", a.hits(), store.value)
	}
}

// When somebody logged in anew meanwhile, what could not be kept is forgotten.
func TestOAuthNewLoginWinsOverAnUnsavedToken(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
	store.mu.Lock()
	store.broken = true
	store.mu.Unlock()
	if _, err := s.Apply(context.Background(), outgoing()); err == nil {
		t.Fatal("it was kept nowhere")
	}
	a.set(func(a *authServer) { a.refresh = "refresh-of-a-new-login" })
	store.mu.Lock()
	store.broken, store.value = false, login("refresh-of-a-new-login")
	store.mu.Unlock()
	c.move(time.Minute)
	out := outgoing()
	apply(t, s, out)
	if !a.accepts(out.Header) || a.revoked || store.member(t, "refresh_token") != a.refresh {
		t.Errorf("the store has %s", store.value)
	}
}

// Shortly before its end a token is renewed beside the requests, which go on with it.
func TestOAuthRenewsAhead(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
	before := outgoing()
	apply(t, s, before)

	arrived, release := a.hold()
	c.move(time.Hour - 11*time.Second) // past every time that jitter may choose, and before the end
	for range 3 {
		out := outgoing()
		apply(t, s, out) // does not wait: the server holds the refresh
		if out.Header.Get("Authorization") != before.Header.Get("Authorization") {
			t.Error("another token")
		}
	}
	<-arrived
	release()
	s.wait()
	after := outgoing()
	apply(t, s, after)
	if after.Header.Get("Authorization") == before.Header.Get("Authorization") || !a.accepts(after.Header) || a.hits() != 2 {
		t.Errorf("%d refreshes", a.hits())
	}
}

// A renewal ahead of time that fails costs no request anything while the token lasts.
func TestOAuthFailedRenewalIsNoFailedRequest(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
	apply(t, s, outgoing())
	a.set(func(a *authServer) {
		a.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	})
	c.move(time.Hour - 30*time.Second)
	for range 10 {
		apply(t, s, outgoing())
		s.wait()
	}
	if a.hits() != 2 { // the first, and one that failed
		t.Errorf("%d requests within %s", a.hits(), refreshPause)
	}
	c.move(refreshPause)
	apply(t, s, outgoing())
	s.wait()
	if a.hits() != 3 {
		t.Errorf("%d requests", a.hits())
	}
	c.move(time.Minute) // now it has ended
	if _, err := s.Apply(context.Background(), outgoing()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a token that ended: %v", err)
	}
	hits := a.hits()
	for range 10 { // and nobody hammers the endpoint
		if _, err := s.Apply(context.Background(), outgoing()); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%v", err)
		}
	}
	if a.hits() != hits {
		t.Errorf("%d requests more", a.hits()-hits)
	}
}

// The time to renew is spread, and never after the end.
func TestOAuthRenewalIsSpread(t *testing.T) {
	t.Parallel()
	c := newClock()
	seen := map[time.Time]bool{}
	for range 200 {
		o := &oauth{now: c.now, random: rand.Reader}
		token := o.made(&fetchedToken{access: "a-0123456789", lifetime: time.Hour})
		before := token.ends.Sub(token.renew)
		if before < expirySkew || before > expirySkew+maxLead || token.renew.Before(c.now()) {
			t.Fatalf("renewed %s before the end", before)
		}
		seen[token.renew] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d different times of 200", len(seen))
	}
	short := (&oauth{now: c.now, random: rand.Reader}).made(&fetchedToken{access: "a", lifetime: time.Second})
	if short.good(c.now()) {
		t.Error("a token of one second is good for nothing")
	}
	for_ever := (&oauth{now: c.now, random: rand.Reader}).made(&fetchedToken{access: "a"})
	if c.move(1000 * time.Hour); !for_ever.good(c.now()) || for_ever.tired(c.now()) {
		t.Error("a token whose end nobody said")
	}
}

// After a 401 the token is dropped once; an upstream that always says 401 does not spend one refresh token a request.
func TestOAuthInvalidate(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
	old, err := s.Apply(context.Background(), outgoing())
	if err != nil {
		t.Fatal(err)
	}
	if !s.Invalidate(old) {
		t.Fatal("there is no other token to be had")
	}
	current, err := s.Apply(context.Background(), outgoing())
	if err != nil || a.hits() != 2 {
		t.Fatalf("%d refreshes: %v", a.hits(), err)
	}
	if !s.Invalidate(old) { // a request that was under way with the old one: the new one is there already
		t.Error("the new token is there")
	}
	if s.Invalidate(current) || s.Invalidate(nil) {
		t.Error("a second refresh at once")
	}
	if more, err := s.Apply(context.Background(), outgoing()); err != nil || a.hits() != 2 || string(more[0]) != string(current[0]) {
		t.Errorf("%d refreshes: %v", a.hits(), err)
	}
	c.move(revokePause)
	if !s.Invalidate(current) {
		t.Error("much later it may be asked for again")
	}
}

func TestOAuthClientCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method string
		post         bool
		hits         int
		basic        bool // of the last request
	}{
		{"basic", "", false, 1, true},
		{"basic, as said", "client_secret_basic", false, 1, true},
		{"in the body, found out", "", true, 2, false},
		{"in the body, as said", "client_secret_post", true, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, clock := newAuthServer(t), newClock()
			a.post = c.post
			value := fmt.Sprintf(`{"client_id":%q,"client_secret":%q,"token_endpoint_auth_method":%q}`, clientID, clientSecret, c.method)
			s := oauthStrategy(t, a, "client_credentials", clock, nil, value)
			out := outgoing()
			apply(t, s, out)
			if !a.accepts(out.Header) || a.hits() != c.hits || a.basic[len(a.basic)-1] != c.basic {
				t.Errorf("%d requests, basic: %v", a.hits(), a.basic)
			}
			if got := a.asked[0].Get("scope"); got != "things.read things.write" {
				t.Errorf("asked for %q", got)
			}
			clock.move(2 * time.Hour) // what was found out is remembered
			apply(t, s, out)
			if a.hits() != c.hits+1 || a.basic[len(a.basic)-1] != c.basic {
				t.Errorf("%d requests, basic: %v", a.hits(), a.basic)
			}
		})
	}
}

// The endpoint is the service's, over TLS; what a secret says moves it nowhere.
func TestI23TokensComeFromTheServicesEndpoint(t *testing.T) {
	t.Parallel()
	a := newAuthServer(t)
	for _, address := range []string{
		"http://" + a.Listener.Addr().String() + "/token", "https://user:pw@auth.acme.example/token", "ftp://auth.acme.example/", "/token", "", "https:///token", "%zz",
	} {
		service := a.service("client_credentials")
		service.Auth.OAuth2.TokenURL = address
		if _, err := NewStrategy(service, valuesOf("secret", login("refresh-0")),
			StrategyDeps{Now: time.Now, Random: rand.Reader, TokenEndpoint: a.Client().Transport}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", address, err)
		}
	}
	// Its certificate is verified: here with the roots of the system, which do not know the server of the tests.
	service := a.service("client_credentials")
	untrusting := &http.Transport{}
	defer untrusting.CloseIdleConnections()
	s, err := NewStrategy(service, valuesOf("secret", login("x")), StrategyDeps{Now: time.Now, Random: rand.Reader, TokenEndpoint: untrusting})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(context.Background(), outgoing()); fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "certificate") || a.hits() != 0 {
		t.Errorf("%v, after %d requests", err, a.hits())
	}
}

// I30: whatever an endpoint does, no error holds a secret; I27: and no redirect takes one elsewhere.
func TestI30TokenEndpointThatSendsSecretsBack(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the secrets went to %s", r.Host)
	}))
	t.Cleanup(elsewhere.Close)
	echo := func(r *http.Request) string {
		_, password, _ := r.BasicAuth()
		return password + " " + clientSecret + " " + r.PostForm.Encode() + " refresh-canary"
	}
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"as its error code": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":%q,"error_uri":%q}`, echo(r), echo(r), echo(r))
		},
		"as a form": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(url.Values{"error": {echo(r)}}.Encode()))
		},
		"as no JSON": func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(echo(r))) },
		"as JSON of another kind": func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"access_token":{"x":%q}}`, echo(r))
		},
		"in a failure": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(echo(r)))
		},
		"as a token that is a header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"token_type":"bearer","access_token":%q}`, "x\r\nx-evil: "+echo(r))
		},
		"as a token of another type": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"token_type":%q,"access_token":"x"}`, echo(r))
		},
		"as an endless answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token":"`))
			for range 100 {
				if _, err := w.Write([]byte(strings.Repeat("refresh-canary", 8<<10))); err != nil {
					return // it stopped reading
				}
			}
			_, _ = w.Write([]byte(`","token_type":"bearer"}`))
		},
		"in a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/?"+echo(r), http.StatusTemporaryRedirect)
		},
		"in a broken answer": func(w http.ResponseWriter, r *http.Request) {
			conn, buffer, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = buffer.WriteString("HTTP/1.1 " + echo(r) + "\r\n\r\n")
				_ = buffer.Flush()
				_ = conn.Close()
			}
		},
		"nothing": func(w http.ResponseWriter, _ *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, c := newAuthServer(t), newClock()
			a.answer = func(w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
			store := newStore(login("refresh-canary"))
			s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
			out := outgoing()
			_, err := s.Apply(context.Background(), out)
			if fault.CodeOf(err) != fault.Unavailable || out.Header.Get("Authorization") != "" {
				t.Fatalf("%v, sent %v", err, out.Header)
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
			for _, canary := range []string{clientSecret, "refresh-canary", url.QueryEscape(clientSecret)} {
				if strings.Contains(text, canary) {
					t.Errorf("it says %s", text)
				}
			}
			if store.saved != 0 {
				t.Error("something was saved")
			}
		})
	}
}

// I26: tokens come through the guard too. What it says reaches the caller.
func TestI26TokenEndpointIsGuarded(t *testing.T) {
	t.Parallel()
	a := newAuthServer(t) // on 127.0.0.1
	b := New(Options{})
	t.Cleanup(b.Close)
	p, err := b.Prepare(a.service("client_credentials"), valuesOf("secret", login("x")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.strategy.Apply(context.Background(), outgoing())
	var got *fault.Error
	if !errors.As(err, &got) || got.Code != fault.Denied || !strings.Contains(got.Fix, "allow_private") || a.hits() != 0 {
		t.Errorf("%v after %d requests", err, a.hits())
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A login that ended says how to begin another.
func TestOAuthLoginThatEnded(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	a.revoked = true
	store := newStore(login("refresh-0"))
	s := oauthStrategy(t, a, "refresh_token", c, store, store.value)
	_, err := s.Apply(context.Background(), outgoing())
	var got *fault.Error
	if !errors.As(err, &got) || got.Code != fault.Expired || got.Fix != "tacit oauth login acme" || a.hits() != 1 {
		t.Errorf("%v after %d requests", err, a.hits())
	}
	for _, value := range []string{`{"client_id":"x"}`, `{"client_secret":"canary-012"}`, `"canary-012"`, `canary-012`, `null`} {
		_, err := NewStrategy(a.service("refresh_token"), valuesOf("secret", value),
			StrategyDeps{Now: c.now, Random: rand.Reader, TokenEndpoint: a.Client().Transport, Tokens: store})
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ACME_SECRET") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", value, err)
		}
	}
}
