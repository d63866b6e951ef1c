package demo_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"tacit/internal/broker"
	"tacit/internal/demo"
	"tacit/internal/demo/golden"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// Every example of every built-in service arrives as the service's documentation wants it: the method, the path, the key in its place
// and in no other, the content type. The service is moved to an upstream on this machine the only way there is: as another service, of
// the user's own.
func TestExamplesArriveAsDocumented(t *testing.T) {
	t.Parallel()
	documented, err := golden.Read()
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := registry.NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range catalog.Services() {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			d := documented[s.ID]
			if d == nil {
				t.Fatalf("internal/demo/golden/%s.txt is missing: write down what the documentation says", s.ID)
			}
			checkCapabilities(t, s, d)
			play(t, s, d)
		})
	}
	for id := range documented {
		if _, found := catalog.Service(id); !found {
			t.Errorf("golden/%s.txt is of no service", id)
		}
	}
}

// checkCapabilities compares the capabilities that the service has with those that have an operation, and the first host of each.
func checkCapabilities(t *testing.T, s *registry.Service, d *golden.Service) {
	t.Helper()
	for i := range s.Capabilities {
		c := &s.Capabilities[i]
		at := slices.IndexFunc(d.Operations, func(o golden.Operation) bool { return o.Capability == c.ID })
		if at < 0 {
			t.Errorf("golden/%s.txt has no operation of %s", s.ID, c.ID)
		} else if host := s.HostsOf(c)[0]; host != d.Operations[at].Host {
			t.Errorf("%s is at %s, documented at %s", c.ID, host, d.Operations[at].Host)
		}
	}
	for _, o := range d.Operations {
		if !slices.ContainsFunc(s.Capabilities, func(c registry.Capability) bool { return c.ID == o.Capability }) {
			t.Errorf("golden/%s.txt: there is no capability %s", s.ID, o.Capability)
		}
	}
}

// play sends each example of s to an upstream that knows the documentation.
func play(t *testing.T, s *registry.Service, d *golden.Service) {
	t.Helper()
	secrets, values := map[string]string{}, broker.Values{}
	oauth, _ := json.Marshal(map[string]string{
		"client_id": golden.ClientID, "client_secret": golden.ClientSecret, "refresh_token": golden.RefreshToken,
	})
	for _, x := range s.Secrets {
		value := "value-of-" + x.Name
		if s.Auth.Kind == registry.KindOAuth2 {
			value = string(oauth)
		}
		secrets[x.Name], values[x.Placeholder] = value, secret.New([]byte(value))
	}
	if want := d.TokenURL(); want != nil && s.Auth.OAuth2.TokenURL != want.String() {
		t.Errorf("tokens come from %s, documented is %s", s.Auth.OAuth2.TokenURL, want)
	}
	u := start(t, demo.Options{Handler: d.Handler(secrets)})
	var tokens broker.TokenStore
	if s.Auth.Kind == registry.KindOAuth2 {
		tokens = &tokenStore{value: values["secret"]}
	}
	a := newAccount(t, moved(t, s, u), values, tokens, true)
	for i := range s.Capabilities {
		want := s.Capabilities[i].ID
		o := a.do(t, example(s.Capabilities[i].Example))
		var v golden.Verdict
		if err := json.Unmarshal(o.body, &v); err != nil {
			t.Errorf("%s: %v: %s", want, err, o.body)
			continue
		}
		switch {
		case v.Problem != "" || o.status != http.StatusOK:
			t.Errorf("%s: %s", want, v.Problem)
		case v.Capability != want:
			t.Errorf("the example of %s is %s, according to the documentation", want, v.Capability)
		case a.service.Capabilities[i].ID != o.capability.ID:
			t.Errorf("the example of %s is judged by %s", want, o.capability.ID)
		}
	}
}

// moved is the service under another name, as if its user had copied the definition for an upstream of his own.
func moved(t *testing.T, s *registry.Service, u *demo.Upstream) *registry.Service {
	t.Helper()
	own := *s
	own.ID, own.Origin = "moved-"+s.ID, registry.Own
	own.Hosts = []string{u.Address()}
	own.Network = registry.Network{AllowPrivate: true, CAPEM: u.Authority()}
	own.Capabilities = slices.Clone(s.Capabilities)
	for i := range own.Capabilities {
		own.Capabilities[i].Hosts = nil
	}
	if own.Auth.Kind == registry.KindOAuth2 {
		_, path, _ := strings.Cut(strings.TrimPrefix(own.Auth.OAuth2.TokenURL, "https://"), "/")
		own.Auth.OAuth2.TokenURL = "https://" + u.Address() + "/" + path
	}
	if own.Auth.Kind == registry.KindSigV4 {
		own.Auth.SigV4.Region = "us-east-1" // which the host says otherwise
	}
	return &own
}

// tokenStore keeps the secret of OAuth.
type tokenStore struct {
	mu    sync.Mutex
	value secret.Value
}

func (s *tokenStore) Lease(context.Context) (func(), error) { return func() {}, nil }

func (s *tokenStore) Load(context.Context) (secret.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, nil
}

func (s *tokenStore) Save(_ context.Context, v secret.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = v
	return nil
}
