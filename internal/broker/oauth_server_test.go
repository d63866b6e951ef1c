package broker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"tacit/internal/registry"
	"tacit/internal/secret"
)

const (
	clientID     = "client-of-the-tests"
	clientSecret = "s3cret/+:of the client" //nolint:gosec // of the server below
)

// An authServer is an authorisation server as RFC 6749 and RFC 9700 have it: it authenticates clients, rotates refresh tokens, and
// revokes all when one is used twice. It shares no code with the package.
type authServer struct {
	*httptest.Server

	mu       sync.Mutex
	refresh  string
	spent    map[string]bool
	access   map[string]bool
	codes    map[string]string // code to challenge
	revoked  bool
	asked    []url.Values // of every request
	basic    []bool       // whether it came with basic authentication
	lifetime int          // of access tokens, seconds; 0: not said
	post     bool         // it knows clients in the body only, as Google does
	answer   func(w http.ResponseWriter, r *http.Request) bool
}

func newAuthServer(t testing.TB) *authServer {
	t.Helper()
	a := &authServer{refresh: "refresh-0", spent: map[string]bool{}, access: map[string]bool{}, codes: map[string]string{}, lifetime: 3600}
	a.Server = httptest.NewUnstartedServer(a)
	a.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

// ServeHTTP is the token endpoint.
func (a *authServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.Path != "/token" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	user, password, isBasic := r.BasicAuth()
	a.mu.Lock()
	a.asked, a.basic = append(a.asked, r.PostForm), append(a.basic, isBasic)
	answer := a.answer
	a.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	refuse := func(status int, code string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "you sent " + r.PostForm.Encode() + " " + password})
	}
	if isBasic { // section 2.3.1: both are form-encoded first
		user, _ = url.QueryUnescape(user)
		password, _ = url.QueryUnescape(password)
	} else {
		user, password = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if user != clientID || password != clientSecret || isBasic && a.post {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	out := map[string]any{"token_type": "Bearer", "access_token": random()}
	if a.lifetime > 0 {
		out["expires_in"] = a.lifetime
	}
	switch r.PostForm.Get("grant_type") {
	case "refresh_token":
		given := r.PostForm.Get("refresh_token")
		if a.spent[given] { // RFC 9700, section 4.14.2
			a.revoked = true
		}
		if a.revoked || given != a.refresh {
			refuse(http.StatusBadRequest, "invalid_grant")
			return
		}
		a.spent[given] = true
		a.refresh = random()
		out["refresh_token"] = a.refresh
	case "client_credentials":
	case "authorization_code":
		challenge, ok := a.codes[r.PostForm.Get("code")]
		delete(a.codes, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier"))) // RFC 7636, section 4.6
		if !ok || challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			refuse(http.StatusBadRequest, "invalid_grant")
			return
		}
		a.refresh = random()
		out["refresh_token"] = a.refresh
	default:
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	a.access[out["access_token"].(string)] = true //nolint:errorlint // it is one
	_ = json.NewEncoder(w).Encode(out)
}

func random() string { return rand.Text() }

// accepts reports whether the header that was sent holds a token of this server.
func (a *authServer) accepts(header http.Header) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	token, ok := bearer(header)
	return ok && a.access[token] && !a.revoked
}

func bearer(header http.Header) (string, bool) {
	const prefix = "Bearer "
	h := header.Get("Authorization")
	if len(h) < len(prefix) || h[:len(prefix)] != prefix {
		return "", false
	}
	return h[len(prefix):], true
}

func (a *authServer) hits() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func (a *authServer) set(f func(a *authServer)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a)
}

// hold makes requests wait; each sends on arrived, and release lets them all go on.
func (a *authServer) hold() (arrived chan struct{}, release func()) {
	arrived, gate := make(chan struct{}, 100), make(chan struct{})
	a.set(func(a *authServer) {
		a.answer = func(http.ResponseWriter, *http.Request) bool {
			arrived <- struct{}{}
			<-gate
			return false
		}
	})
	return arrived, sync.OnceFunc(func() {
		a.set(func(a *authServer) { a.answer = nil })
		close(gate)
	})
}

func (a *authServer) service(grant string) *registry.Service {
	return serviceOf(registry.Auth{Kind: registry.KindOAuth2, OAuth2: registry.OAuth2{
		Grant: grant, TokenURL: a.URL + "/token", AuthURL: a.URL + "/authorize?access_type=offline", Scopes: []string{"things.read", "things.write"},
	}}, "secret")
}

// A memoryStore is a [TokenStore] that two strategies share, as two processes do.
type memoryStore struct {
	lease chan struct{} // holds the one lease

	mu     sync.Mutex
	value  string
	saved  int
	broken bool
}

func newStore(value string) *memoryStore {
	s := &memoryStore{lease: make(chan struct{}, 1), value: value}
	s.lease <- struct{}{}
	return s
}

func (s *memoryStore) Lease(ctx context.Context) (func(), error) {
	select {
	case <-s.lease:
		return sync.OnceFunc(func() { s.lease <- struct{}{} }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *memoryStore) Load(context.Context) (secret.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return secret.New([]byte(s.value)), nil
}

func (s *memoryStore) Save(ctx context.Context, v secret.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lease) != 0 {
		return errors.New("saved without the lease")
	}
	if s.broken || ctx.Err() != nil {
		return errors.New("the disk is full")
	}
	s.value, s.saved = string(v.Reveal()), s.saved+1
	return nil
}

func (s *memoryStore) member(t testing.TB, name string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var object map[string]any
	if err := json.Unmarshal([]byte(s.value), &object); err != nil {
		t.Fatal(err)
	}
	text, _ := object[name].(string)
	return text
}

// login is the secret of a credential with a refresh token.
func login(refresh string) string {
	b, _ := json.Marshal(map[string]any{
		"client_id": clientID, "client_secret": clientSecret, "refresh_token": refresh,
		"kept": 12345678901234567, "token_uri": "https://evil.example/token",
	})
	return string(b)
}

// A clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// oauthStrategy returns a strategy that refreshes at a, with its tokens in store.
func oauthStrategy(t testing.TB, a *authServer, grant string, c *clock, store TokenStore, value string) *oauth {
	t.Helper()
	s, err := NewStrategy(a.service(grant), valuesOf("secret", value),
		StrategyDeps{Now: c.now, Random: rand.Reader, TokenEndpoint: a.Client().Transport, Tokens: store})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*oauth) //nolint:errorlint // no error
}

// wait waits for the refresh that runs, if there is one.
func (o *oauth) wait() {
	o.mu.Lock()
	r := o.running
	o.mu.Unlock()
	if r != nil {
		<-r.done
	}
}
