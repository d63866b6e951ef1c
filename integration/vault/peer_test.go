// Package vault_test runs the provider of HashiCorp Vault against Vault itself, 1.14.1, in this process. It is a module of its own,
// since Vault and all that it needs are large; docs/decisions says why this version.
package vault_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/builtin/credential/approle"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault"

	"tacit/internal/provider"
	"tacit/internal/provider/hashivault"
	"tacit/internal/provider/providertest"
	"tacit/internal/settings"
)

// A peer is a Vault, unsealed, that listens with TLS.
type peer struct {
	t    *testing.T
	core *vault.Core
	http http.Handler
	url  string
	ca   string // PEM
	root string // a token that may do everything
	api  *api.Client
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	core, _, root := vault.TestCoreUnsealedWithConfig(t, &vault.CoreConfig{
		LogicalBackends:    map[string]logical.Factory{"kv": kv.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory},
		Logger:             hclog.NewNullLogger(),
	})
	p := &peer{t: t, core: core, root: root, http: vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core})}
	p.url, p.ca = p.listen(t, p.http)
	config := api.DefaultConfig()
	config.Address = p.url
	if err := config.ConfigureTLS(&api.TLSConfig{CACertBytes: []byte(p.ca)}); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.api, err = api.NewClient(config); err != nil {
		t.Fatal(err)
	}
	p.api.SetToken(root)
	return p
}

// listen serves handler with TLS, and returns where and the authority that it is signed by.
func (*peer) listen(t *testing.T, handler http.Handler) (url, ca string) {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	return s.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// mount mounts an engine of a version and waits until it answers: version 2 prepares itself for a moment.
func (p *peer) mount(t *testing.T, path, version string) {
	t.Helper()
	if err := p.api.Sys().Mount(path, &api.MountInput{Type: "kv", Options: map[string]string{"version": version}}); err != nil {
		t.Fatal(err)
	}
	if version == "1" {
		return
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, err := p.api.Logical().List(path + "/metadata")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// policy makes a policy and returns a token that has nothing else.
func (p *peer) policy(t *testing.T, name, rules string, lease time.Duration) string {
	t.Helper()
	if err := p.api.Sys().PutPolicy(name, rules); err != nil {
		t.Fatal(err)
	}
	made, err := p.api.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{name}, TTL: lease.String(), NoDefaultPolicy: true})
	if err != nil {
		t.Fatal(err)
	}
	return made.Auth.ClientToken
}

// open makes a provider with these settings beside address and ca_pem.
func open(t *testing.T, url, ca string, w provider.World, pairs ...any) provider.Provider {
	t.Helper()
	table := providertest.Table(append([]any{"address", url, "ca_pem", ca}, pairs...)...)
	p, err := hashivault.Make(provider.Spec{Name: providertest.Name, Settings: table}, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func (p *peer) open(t *testing.T, pairs ...any) provider.Provider {
	t.Helper()
	return open(t, p.url, p.ca, world(), pairs...)
}

func world() provider.World {
	return provider.World{Getenv: func(string) string { return "" }, Now: time.Now, Debug: func(string, ...any) {}}
}

func table(pairs ...any) *settings.Table { return providertest.Table(pairs...) }
