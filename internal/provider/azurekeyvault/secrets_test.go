package azurekeyvault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/azurekeyvault/azurefake"
	"tacit/internal/secret"
)

func TestStates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, key string
		value     any
		want      error
		says      string
	}{
		{"disabled", "enabled", false, fault.Denied, "SecretDisabled"},
		{"expired", "exp", start.Unix(), fault.Expired, "expired on 2026-03-02"},
		{"not yet", "nbf", start.Unix() + 1, fault.Denied, "not to be used yet"},
		{"not expired", "exp", start.Unix() + 1, nil, ""},
		{"used already", "nbf", start.Unix(), nil, ""},
		{"of another type", "contentType", "text/plain", nil, ""},
		{"of bytes that are none", "contentType", "application/octet-stream;encoding=base64", fault.Invalid, "no base64"},
		{"of another name", "id", azurefake.Vault + "/secrets/other/0123", fault.Invalid, ""},
		{"of no name", "id", "::", fault.Invalid, ""},
		{"without a value", "value", nil, fault.Invalid, ""},
		{"empty", "value", "", fault.Invalid, "empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			open := p.mustOpen(t, world(env()))
			p.Put("key", "a value")
			p.Change("key", test.key, test.value)
			it, err := open.Read(t.Context(), "key", "")
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.says) || err != nil && it.Value.Len() > 0 {
				t.Errorf("%v, want %v %s", err, test.want, test.says)
			}
			if err == nil && string(it.Value.Reveal()) != "a value" {
				t.Error("another value")
			}
		})
	}
}

// TestWriteKeepsTags: Key Vault gives a new version no tags of the old one's.
func TestWriteKeepsTags(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(env()))
	p.Put("key", "one")
	p.Change("key", "tags", map[string]any{"team": "app", "prod": ""})
	p.Change("key", "contentType", "text/plain")
	if _, err := open.Write(t.Context(), "key", secret.New([]byte("\x00"))); err != nil {
		t.Fatal(err)
	}
	it, err := open.Read(t.Context(), "key", "")
	if err != nil || !slices.Equal(it.Tags, []string{"prod", "team=app"}) || string(it.Value.Reveal()) != "\x00" || it.CreatedAt.IsZero() {
		t.Errorf("%+v %v", it, err)
	}
	if it, err = open.Read(t.Context(), "key", provider.Previous); err != nil || string(it.Value.Reveal()) != "one" {
		t.Errorf("%+v %v", it, err)
	}
}

// TestNamesThatDifferInCase: for Key Vault they are one secret. What is there under the other name is not read, written over or deleted,
// and is not "not found".
func TestNamesThatDifferInCase(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(env()))
	p.Put("Token", "theirs")
	p.Put("Token", "theirs too")
	all := map[string]func() error{
		"Read":             func() error { _, err := open.Read(t.Context(), "token", ""); return err },
		"Read of previous": func() error { _, err := open.Read(t.Context(), "token", provider.Previous); return err },
		"Write":            func() error { _, err := open.Write(t.Context(), "token", secret.New([]byte("mine"))); return err },
		"Delete":           func() error { _, err := open.Delete(t.Context(), "token"); return err },
		"Versions":         func() error { _, err := open.(provider.Versioner).Versions(t.Context(), "token"); return err },
	}
	for what, do := range all {
		if err := do(); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "there as Token") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if it, err := open.Read(t.Context(), "Token", ""); err != nil || string(it.Value.Reveal()) != "theirs too" {
		t.Errorf("%s, %v", it.Value.Reveal(), err)
	}
	p.Change("Token", "enabled", false)
	if _, err := open.Delete(t.Context(), "Token"); err != nil {
		t.Errorf("delete of a disabled secret: %v", err)
	}
}

// TestDisabledVersions are no previous ones.
func TestDisabledVersions(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(env()))
	p.Put("key", "one")
	p.Put("key", "two")
	p.Change("key", "enabled", false)
	p.Put("key", "three")
	if it, err := open.Read(t.Context(), "key", provider.Previous); err != nil || string(it.Value.Reveal()) != "one" {
		t.Errorf("%+v %v", it, err)
	}
}

// TestPreviousOfOneSecond: the current version is never taken for the previous one, and where either of two may be it, neither is.
func TestPreviousOfOneSecond(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(env()))
	put := func(value string, created int64) {
		p.Put("key", value)
		p.Change("key", "created", created)
	}
	read := func() (string, error) {
		it, err := open.Read(t.Context(), "key", provider.Previous)
		return string(it.Value.Reveal()), err
	}
	put("one", 100)
	if got, err := read(); !errors.Is(err, fault.NotFound) {
		t.Errorf("of one version: %s, %v", got, err)
	}
	put("two", 100)
	if got, err := read(); got != "one" {
		t.Errorf("two of one second: %s, %v", got, err)
	}
	put("three", 100)
	if got, err := read(); !errors.Is(err, fault.Conflict) {
		t.Errorf("three of one second: %s, %v", got, err)
	}
	put("four", 101)
	put("five", 101)
	if got, err := read(); got != "four" {
		t.Errorf("two of the next second: %s, %v", got, err)
	}
}

// TestHostilePages: a next page that is elsewhere is not asked for, and a list without end ends.
func TestHostilePages(t *testing.T) {
	t.Parallel()
	for _, next := range []string{
		"https://evil.example.com/secrets?api-version=7.4&$skiptoken=3", "https://evil.test/secrets", "http://shop.example.com/secrets?$skiptoken=3",
		"https://shop.example.com:444/secrets", "https://shop.example.com/deletedsecrets", "https://x@shop.example.com/secrets/../secrets", "/secrets", "::", "secrets?$skiptoken=3",
	} {
		p := newPeer(t)
		p.Next = next
		open := p.mustOpen(t, world(env()))
		for _, n := range []string{"a", "b", "c", "d"} {
			p.Put(n, "x")
			p.Put("key", n)
		}
		if err := open.List(t.Context(), func(provider.Item) error { return nil }); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", next, err)
		}
		if _, err := open.(provider.Versioner).Versions(t.Context(), "key"); !errors.Is(err, fault.Invalid) {
			t.Errorf("versions, %s: %v", next, err)
		}
	}
}

// TestChallenge: the token is good for the vault's own domain, whatever the vault says.
func TestChallenge(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.Resource = "https://management.evil.test"
	open := p.mustOpen(t, world(env()))
	if err := works(t, open); err != nil {
		t.Errorf("the challenge of a vault that takes our token: %v", err)
	}
	p.Revoke()
	p.Life = time.Hour
	p.Secret = "changed meanwhile"
	var e *fault.Error
	if err := works(t, open); !errors.Is(err, fault.Denied) || !errors.As(err, &e) || !strings.Contains(e.Message, "AADSTS7000215") {
		t.Errorf("%v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	for _, test := range []struct {
		pairs []any
		want  string // of the error; empty: there is none
	}{
		{[]any{"cache_ttl", "300s", "max_retries", "3", "credential", "cli", "tenant_id", "a-b", "client_id", "c.d"}, ""},
		{[]any{"vault_url", "http://my-vault.vault.azure.net"}, "vault_url is not of the form"},
		{[]any{"vault_url", "https://my-vault"}, "vault_url is not of the form"},
		{[]any{"vault_url", "https://vault.net"}, "vault_url is not of the form"},
		{[]any{"vault_url", "https://10.0.0.1"}, "vault_url is not of the form"},
		{[]any{"vault_url", "https://[::1]:8200"}, "vault_url is not of the form"},
		{[]any{"vault_url", "https://my-vault.vault.azure.net/secrets"}, "vault_url is not of the form"},
		{[]any{"vault_url", "https://user:" + secretOfClient + "@my-vault.vault.azure.net"}, "more than host and path"},
		{[]any{"vault_url", ""}, "vault_url is missing"},
		{[]any{"credential", "default"}, "credential is one of"},
		{[]any{"tenant_id", "../x"}, "tenant_id holds characters"},
		{[]any{"client_id", "a&b"}, "client_id holds characters"},
		{[]any{"ca_pems", "x"}, `unknown key "ca_pems"`},
	} {
		_, err := p.open(t, world(env()), test.pairs...)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test.pairs, err)
		case test.want != "" && (!errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%v: %v, want %s", test.pairs, err, test.want)
		case err != nil && strings.Contains(err.Error(), secretOfClient):
			t.Errorf("%v says the secret", err)
		}
	}
}
