package hashivault_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/provider"
	"tacit/internal/provider/hashivault"
	"tacit/internal/provider/hashivault/vaultfake"
	"tacit/internal/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	root     = "hvs.root-token-of-tests"
	secretID = "secretID-id-of-tests"
)

// A peer is a fake Vault that listens.
type peer struct {
	*vaultfake.Vault
	*vaultfake.Faulty
	url string
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	v := vaultfake.New(root, secretID)
	f := &vaultfake.Faulty{Vault: v}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return &peer{v, f, s.URL}
}

// world is a process without anything, whose clock stands still.
func world(t *testing.T, env map[string]string) provider.World {
	return provider.World{
		Getenv: func(key string) string { return env[key] },
		Now:    func() time.Time { return time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC) },
		Home:   t.TempDir(),
		Debug:  func(string, ...any) {},
	}
}

// open makes a provider of the peer, with more settings after its address.
func (p *peer) open(t *testing.T, w provider.World, pairs ...any) (provider.Provider, error) {
	t.Helper()
	made, err := hashivault.Make(provider.Spec{
		Name: providertest.Name, Settings: providertest.Table(append([]any{"address", p.url}, pairs...)...),
	}, w)
	if err == nil {
		t.Cleanup(func() { _ = made.Close() })
	}
	return made, err
}

func (p *peer) mustOpen(t *testing.T, w provider.World, pairs ...any) provider.Provider {
	t.Helper()
	made, err := p.open(t, w, pairs...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestConformance(t *testing.T) {
	t.Parallel()
	// A table remembers what was asked of it, so each provider has its own.
	for name, settings := range map[string]func() []any{
		"version 1":            func() []any { return []any{"path", "kv1", "kv", "1", "token", root} },
		"version 2":            func() []any { return []any{"path", "kv2", "token", root} },
		"below a prefix":       func() []any { return []any{"path", "/kv2/", "prefix", "team/app/", "token", root} },
		"version 1 and prefix": func() []any { return []any{"path", "kv1", "kv", "1", "prefix", "team", "token", root} },
		"logged in": func() []any {
			return []any{"path", "kv2", "auth", providertest.Table("approle", providertest.Table("role_id", "role", "secret_id", secretID))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Store{
				New: func(t *testing.T, w provider.World) providertest.Subject {
					p := newPeer(t)
					return providertest.Subject{
						Provider: p.mustOpen(t, w, settings()...), Break: p.Break, Secrets: []string{root, secretID},
						Foreign: func() { p.Put("no name/of ours", nil); p.Put("9", nil) },
					}
				},
				HoldsName: func(name string) bool { return settings()[1] != "kv1" || !strings.Contains(name, "..") },
				Lacks:     map[providertest.Fault]string{providertest.WrongName: "an answer does not say whose it is"},
			})
		})
	}
}
