package hashivault

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// confirm makes sure, once, that the mount exists and is of the version that the configuration names: what is missing in the wrong
// place is not missing (I19), and a write to the wrong version would put our protocol into somebody's entry. It asks what the vault
// command asks, which every token may that may do anything below the mount.
func (v *conn) confirm(ctx context.Context) error {
	if v.confirmed.Load() {
		return nil
	}
	const what = "look at the mount"
	answer, err := v.call(ctx, what, http.MethodGet, "sys/internal/ui/mounts/"+v.mount+"/"+strings.TrimSuffix(v.prefix, "/"), nil, nil)
	if errors.Is(err, fault.Denied) {
		return advise(err, "either nothing is mounted at %s, or the token may do nothing below it: check path, namespace and the token's policy", v.mount)
	}
	if err != nil {
		return err
	}
	var mount struct {
		Path    string            `json:"path"`
		Type    string            `json:"type"`
		Options map[string]string `json:"options"`
	}
	if answer.missing || json.Unmarshal(answer.Data, &mount) != nil || mount.Path == "" {
		return provider.Errorf(fault.Unavailable, v.name, "%s: the answer is not what Vault answers", what).WithFix("check the address")
	}
	version := mount.Options["version"]
	if version == "" {
		version = "1"
	}
	switch {
	case mount.Type != "kv" && mount.Type != "generic": // generic is what version 1 was called
		return provider.Errorf(fault.Usage, v.name, "what is mounted at %s is no key-value engine", v.mount).WithFix("set path to the mount of one: `vault secrets list`")
	case strings.Trim(mount.Path, "/") != v.mount:
		return provider.Errorf(fault.Usage, v.name, "%s is no mount, but below one", v.mount).WithFix("set path to the mount, and prefix to what follows")
	case version != strconv.Itoa(v.version):
		return provider.Errorf(fault.Usage, v.name, "%s is not version %d of the key-value engine", v.mount, v.version).WithFix("set kv: %d", 3-v.version)
	}
	v.confirmed.Store(true)
	return nil
}

// Health asks whether Vault is up, whether it takes our token, and whether the mount is what we take it for.
func (v *conn) Health(ctx context.Context) error {
	// Asked outside of any namespace and without a token. Nodes that only stand by pass requests on: they are well.
	r, err := v.request("ask for its health", http.MethodGet, "sys/health", url.Values{"standbyok": {"true"}, "perfstandbyok": {"true"}}, nil)
	if err != nil {
		return err
	}
	delete(r.Header, "X-Vault-Namespace")
	a, err := v.client.Do(ctx, r)
	if err != nil {
		return err
	}
	switch a.Status {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		return advise(v.client.Error(fault.Unavailable, r, a, wordSealed), "unseal Vault: `vault operator unseal`")
	case http.StatusNotImplemented:
		return advise(v.client.Error(fault.Unavailable, r, a, "Vault is not initialised"), "initialise Vault: `vault operator init`")
	default:
		return v.refused(r, a)
	}
	v.confirmed.Store(false)
	return v.confirm(ctx)
}

// notFound is the error for what Vault says is not there.
func (v *conn) notFound(ctx context.Context, name string) error {
	if err := v.confirm(ctx); err != nil {
		return err
	}
	return provider.NotFound(v.name, name)
}

// vanished is the error for a 404 to what Vault never answers so.
func (v *conn) vanished(what string) error {
	return provider.Errorf(fault.Unavailable, v.name, "%s: the store answered 404, which Vault does not", what).WithFix("check the address and path")
}
