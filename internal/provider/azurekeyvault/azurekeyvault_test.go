package azurekeyvault_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/provider"
	"tacit/internal/provider/azurekeyvault"
	"tacit/internal/provider/azurekeyvault/azurefake"
	"tacit/internal/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secretOfClient = "client-secret-7Hq"

// A peer is a fake that listens with TLS, for the names below its domain.
type peer struct {
	*azurefake.Server
	*azurefake.Faulty
	tls, plain *httptest.Server
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	fake := azurefake.New(secretOfClient)
	fake.Now = func() time.Time { return start }
	faulty := &azurefake.Faulty{Azure: fake}
	p := &peer{fake, faulty, httptest.NewTLSServer(faulty), httptest.NewServer(faulty)}
	t.Cleanup(p.tls.Close)
	t.Cleanup(p.plain.Close)
	return p
}

// dial leads every name below the domain to the fake, and refuses all addresses but the fake's.
func (p *peer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch {
	case strings.HasSuffix(address, "example.com:443"):
		address = p.tls.Listener.Addr().String()
	case address != p.plain.Listener.Addr().String():
		return nil, fmt.Errorf("a test dialled %s", address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// env is that of an application with a secret, and more pairs of a name and a value.
func env(pairs ...string) map[string]string {
	all := map[string]string{
		"AZURE_AUTHORITY_HOST": "https://login.example.com/", "AZURE_TENANT_ID": azurefake.Tenant, "AZURE_CLIENT_ID": azurefake.Client, "AZURE_CLIENT_SECRET": secretOfClient,
		"AZURE_VAULT_URL": azurefake.Vault + "/",
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

var start = time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC)

func world(variables map[string]string) provider.World {
	return provider.World{Getenv: func(key string) string { return variables[key] }, Now: func() time.Time { return start }, Debug: func(string, ...any) {}}
}

func (p *peer) open(t *testing.T, w provider.World, pairs ...any) (provider.Provider, error) {
	t.Helper()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.tls.Certificate().Raw}))
	made, err := azurekeyvault.MakeWith(provider.Spec{Name: providertest.Name, Settings: providertest.Table(append([]any{"ca_pem", ca}, pairs...)...)}, w, p.dial)
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
	providertest.Run(t, providertest.Store{
		New: func(t *testing.T, w provider.World) providertest.Subject {
			p := newPeer(t)
			variables := env()
			w.Getenv = func(key string) string { return variables[key] }
			return providertest.Subject{
				Provider: p.mustOpen(t, w), Break: p.Break, SoftDelete: p.SoftDelete, Secrets: []string{secretOfClient},
				Foreign: func() {
					p.Put("certificate", "x")
					p.Change("certificate", "managed", true)
					p.Put("9to5", "x")
				},
			}
		},
		PageSize:  3,
		Holds:     func(value []byte) bool { return azurekeyvault.Stored(value) <= azurekeyvault.MaxStored },
		HoldsName: func(name string) bool { return !strings.ContainsAny(name, "._/") && len(name) <= 127 },
		Same:      strings.EqualFold,
	})
}
