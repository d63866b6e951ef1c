package broker

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

const redirect = "http://127.0.0.1:7777/callback"

func newLogin(t testing.TB, a *authServer) *Login {
	t.Helper()
	stored := secret.New([]byte(`{"client_id":"` + clientID + `","client_secret":"` + clientSecret + `","access_token":"of the last login","team":7}`))
	l, err := NewLogin(a.service("authorization_code"), stored, redirect, StrategyDeps{Random: rand.Reader, TokenEndpoint: a.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// approve is the person at the browser: what the authorisation endpoint does with the address, and where it sends them back to.
func (a *authServer) approve(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(address, a.URL+"/authorize?") || q.Get("response_type") != "code" || q.Get("client_id") != clientID ||
		q.Get("redirect_uri") != redirect || q.Get("scope") != "things.read things.write" || q.Get("access_type") != "offline" ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) != 43 {
		t.Errorf("asked %s", address)
	}
	code := random()
	a.set(func(a *authServer) { a.codes[code] = q.Get("code_challenge") })
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

func TestOAuthLogin(t *testing.T) {
	t.Parallel()
	a, c := newAuthServer(t), newClock()
	l := newLogin(t, a)
	stored, err := l.Finish(context.Background(), a.approve(t, l.URL()))
	if err != nil {
		t.Fatal(err)
	}
	store := newStore(string(stored.Reveal()))
	if store.member(t, "refresh_token") != a.refresh || store.member(t, "client_secret") != clientSecret || store.member(t, "access_token") != "" ||
		!strings.Contains(store.value, `"team":7`) {
		t.Errorf("it stores %s", store.value)
	}
	if got := a.asked[0].Get("redirect_uri"); got != redirect {
		t.Errorf("redirect_uri %s", got)
	}
	// What was stored is what requests are made with.
	out := outgoing()
	apply(t, oauthStrategy(t, a, "authorization_code", c, store, store.value), out)
	if !a.accepts(out.Header) {
		t.Errorf("sent %v", out.Header)
	}
	if _, err := l.Finish(context.Background(), url.Values{"state": {l.state}, "code": {"x"}}); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a second time: %v", err)
	}
}

// Some page in the browser, or somebody with a code of their own, finishes no login.
func TestOAuthLoginIsOurs(t *testing.T) {
	t.Parallel()
	a := newAuthServer(t)
	for name, change := range map[string]func(q url.Values){
		"no state": func(q url.Values) { q.Del("state") },
		"another state": func(q url.Values) {
			state := []byte(q.Get("state"))
			state[0] ^= 1
			q.Set("state", string(state))
		},
		"an error": func(q url.Values) { q.Set("error", "access_denied") },
		"no code":  func(q url.Values) { q.Del("code") },
	} {
		l := newLogin(t, a)
		q := a.approve(t, l.URL())
		change(q)
		if _, err := l.Finish(context.Background(), q); err == nil || a.hits() != 0 {
			t.Errorf("%s: %v, after %d requests", name, err, a.hits())
		}
	}
	// A code that was given to another login: its challenge is another (RFC 7636).
	mine, theirs := newLogin(t, a), newLogin(t, a)
	q := a.approve(t, theirs.URL())
	q.Set("state", mine.state)
	if _, err := mine.Finish(context.Background(), q); fault.CodeOf(err) != fault.Expired {
		t.Errorf("a code of another login: %v", err)
	}
	if mine.state == theirs.state || mine.verifier == theirs.verifier || mine.state == mine.verifier {
		t.Error("two logins are alike")
	}
	for _, address := range []string{"https://evil.example/", "http://localhost:1/", "http://0.0.0.0:1/", "%zz", "/callback"} {
		if _, err := NewLogin(a.service("authorization_code"), secret.New([]byte(login("x"))), address,
			StrategyDeps{Random: rand.Reader, TokenEndpoint: a.Client().Transport}); err == nil {
			t.Errorf("it would return to %s", address)
		}
	}
	if _, err := NewLogin(a.service("client_credentials"), secret.New([]byte(login("x"))), redirect, StrategyDeps{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a service without a login: %v", err)
	}
}

// A service that gives no refresh tokens: its access token is kept when it does not end, and is no login when it does.
func TestOAuthLoginWithoutARefreshToken(t *testing.T) {
	t.Parallel()
	for lifetime, kept := range map[string]bool{"": true, `,"expires_in":3600`: false} {
		a, c := newAuthServer(t), newClock()
		l := newLogin(t, a)
		q := a.approve(t, l.URL())
		a.set(func(a *authServer) {
			a.answer = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"access_token":"for-ever-0123456789","token_type":"bearer"` + lifetime + `}`))
				return true
			}
		})
		stored, err := l.Finish(context.Background(), q)
		if (err == nil) != kept {
			t.Fatalf("%q: %v", lifetime, err)
		}
		if !kept {
			continue
		}
		s := oauthStrategy(t, a, "authorization_code", c, newStore(""), string(stored.Reveal()))
		out := outgoing()
		more, err := s.Apply(context.Background(), out)
		if err != nil || out.Header.Get("Authorization") != "Bearer for-ever-0123456789" || !injects(s, "for-ever-0123456789") {
			t.Errorf("sent %v: %v", out.Header, err)
		}
		if s.Invalidate(more) {
			t.Error("there is no other token to be had")
		}
	}
}
