package azurekeyvault

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/settings"
)

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// Make makes the provider: see docs/providers/azure-keyvault.md for the keys.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	return makeWith(spec, w, nil)
}

// makeWith is Make with connections of the caller's; nil: those of the machine.
func makeWith(spec provider.Spec, w provider.World, dial dialer) (provider.Provider, error) {
	keys := spec.Settings
	if keys == nil {
		keys = &settings.Table{}
	}
	address := keys.Text("vault_url", w.Getenv("AZURE_VAULT_URL"))
	if address == "" {
		keys.Wrong("vault_url", "vault_url is missing, and AZURE_VAULT_URL is not set")
	}
	ca := keys.Text("ca_pem", "")
	i := identity{
		name: spec.Name, world: w, ca: ca, dial: dial,
		tenant: keys.Text("tenant_id", w.Getenv("AZURE_TENANT_ID")),
		client: keys.Text("client_id", w.Getenv("AZURE_CLIENT_ID")),
	}
	i.kind = keys.Text("credential", i.present())
	switch i.kind {
	case kindCLI, kindSecret, kindManaged, kindWorkload:
	default:
		keys.Wrong("credential", "credential is one of cli, client_secret, managed, workload")
	}
	for key, id := range map[string]string{"tenant_id": i.tenant, "client_id": i.client} {
		if strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.") != "" {
			keys.Wrong(key, "%s holds characters that no id has", key)
		}
	}
	_, _ = keys.Has("cache_ttl"), keys.Has("max_retries") // keys of the chain
	if err := keys.Done(); err != nil {
		return nil, err
	}
	domain, err := domainOf(spec.Name, address)
	if err != nil {
		return nil, err
	}
	i.resource = "https://" + domain
	client, err := rest.New(rest.Config{Name: spec.Name, Base: strings.TrimSuffix(address, "/"), CAPEM: ca, Debug: w.Debug, Getenv: w.Getenv, Now: w.Now, Dial: dial})
	if err != nil {
		return nil, err
	}
	return &vault{name: spec.Name, client: client, domain: domain, now: w.Now, session: &session{identity: i, turn: provider.NewTurn()}}, nil
}

// domainOf returns what follows the vault's own name in its host: "vault.azure.net". It is what a token has to be good for.
func domainOf(provider_, address string) (string, error) {
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "https" && strings.Trim(u.Path, "/") == "" && net.ParseIP(u.Hostname()) == nil {
		if _, domain, ok := strings.Cut(strings.ToLower(u.Hostname()), "."); ok && strings.Contains(domain, ".") {
			return domain, nil
		}
	}
	return "", provider.Errorf(fault.Usage, provider_, "vault_url is not of the form https://NAME.vault.azure.net").WithFix("copy the vault URI from the overview of the vault in the Azure portal")
}

// present returns the kind of credential that the environment is made for; without any, whoever is logged in at `az`.
func (i *identity) present() string {
	has := i.world.Getenv
	switch {
	case has("AZURE_CLIENT_SECRET") != "":
		return kindSecret
	case has("AZURE_FEDERATED_TOKEN_FILE") != "":
		return kindWorkload
	case cmp.Or(has("IDENTITY_ENDPOINT"), has("AZURE_POD_IDENTITY_AUTHORITY_HOST")) != "":
		return kindManaged
	}
	return kindCLI
}
