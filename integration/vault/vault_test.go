package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/hashivault/vaultfake"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

// documented returns the policy that the documentation says is enough, for another mount and prefix.
func documented(t *testing.T, mount, prefix string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/providers/vault.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/providers/vault.md has no policy")
	}
	return strings.NewReplacer("secret/data/app", mount+"/data/"+prefix, "secret/metadata/app", mount+"/metadata/"+prefix).Replace(string(found[1]))
}

// TestConformance runs the suite against one Vault; each case has a mount of its own and a token that may do what the documentation
// says and no more.
func TestConformance(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	var count atomic.Int32
	for _, version := range []string{"1", "2"} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Store{
				New: func(t *testing.T, w provider.World) providertest.Subject {
					mount := fmt.Sprintf("kv%d", count.Add(1))
					vault.mount(t, mount, version)
					faulty := &vaultfake.Faulty{Vault: vault.http}
					url, ca := vault.listen(t, faulty)
					rules := documented(t, mount, "app")
					if version == "1" {
						rules = fmt.Sprintf("path %q {\n  capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\"]\n}", mount+"/app/*")
					}
					token := vault.policy(t, mount, rules, time.Hour)
					return providertest.Subject{
						Provider: open(t, url, ca, w, "path", mount, "kv", version, "prefix", "app", "token", token),
						Break:    faulty.Break, Secrets: []string{token},
						Foreign: func() {
							_, err := vault.api.Logical().Write(mount+map[string]string{"1": "", "2": "/data"}[version]+"/app/no name", map[string]any{"data": map[string]any{"a": "b"}})
							if err != nil {
								t.Error(err)
							}
						},
					}
				},
				HoldsName: func(name string) bool { return version != "1" || !strings.Contains(name, "..") },
				Lacks:     map[providertest.Fault]string{providertest.WrongName: "an answer does not say whose it is"},
			})
		})
	}
}

func read(t *testing.T, p provider.Provider, name, version string) string {
	t.Helper()
	it, err := p.Read(t.Context(), name, version)
	if err != nil {
		t.Errorf("read %s@%s: %v", name, version, err)
	}
	return string(it.Value.Reveal())
}

func write(t *testing.T, p provider.Provider, name, value string) {
	t.Helper()
	if _, err := p.Write(t.Context(), name, secret.New([]byte(value))); err != nil {
		t.Errorf("write %s: %v", name, err)
	}
}

// TestTheOfficialClientAgrees: what tacit writes, HashiCorp's client reads, and the other way round; deleting and destroying as it does.
func TestTheOfficialClientAgrees(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	vault.mount(t, "v1", "1")
	vault.mount(t, "v2", "2")
	ctx := t.Context()
	one, two := vault.open(t, "path", "v1", "kv", "1", "token", vault.root), vault.open(t, "path", "v2", "token", vault.root)

	write(t, one, "team/key", "first")
	if s, err := vault.api.KVv1("v1").Get(ctx, "team/key"); err != nil || s.Data["value"] != "first" {
		t.Errorf("%v %v", s, err)
	}
	if err := vault.api.KVv1("v1").Put(ctx, "theirs", map[string]any{"user": "u", "password": "p"}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, one, "theirs", ""); got != `{"password":"p","user":"u"}` {
		t.Error(got)
	}

	kv := vault.api.KVv2("v2")
	for _, s := range []string{"one", "two", "three"} {
		write(t, two, "team/key", s)
	}
	if s, err := kv.Get(ctx, "team/key"); err != nil || s.Data["value"] != "three" || s.VersionMetadata.Version != 3 {
		t.Errorf("%v %v", s, err)
	}
	if err := kv.DeleteVersions(ctx, "team/key", []int{3}); err != nil {
		t.Fatal(err)
	}
	if err := kv.Destroy(ctx, "team/key", []int{1}); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]string{"": "version 3 of team/key was deleted", "3": "version 3 of team/key was deleted", "1": "version 1 of team/key was destroyed"} {
		if _, err := two.Read(ctx, "team/key", version); !errors.Is(err, fault.Expired) || !strings.Contains(err.Error(), want) {
			t.Errorf("version %q: %v", version, err)
		}
	}
	if all, err := two.(provider.Versioner).Versions(ctx, "team/key"); err != nil || len(all) != 1 || all[0].Version != "2" || all[0].CreatedAt.IsZero() {
		t.Errorf("%v %v", all, err)
	}
	if got := read(t, two, "team/key", provider.Previous); got != "two" {
		t.Error(got)
	}
	write(t, two, "team/key", "four") // over a deleted version, which check-and-set counts
	if err := kv.Undelete(ctx, "team/key", []int{3}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, two, "team/key", "3") + read(t, two, "team/key", ""); got != "threefour" {
		t.Error(got)
	}
	if n, err := two.Delete(ctx, "team/key"); n != 4 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if s, err := kv.GetMetadata(ctx, "team/key"); err == nil {
		t.Errorf("still there: %v", s)
	}
}

// TestExpiryOfAVersion: a version that deletes itself says when.
func TestExpiryOfAVersion(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	vault.mount(t, "v2", "2")
	if _, err := vault.api.Logical().Write("v2/config", map[string]any{"delete_version_after": "1h", "cas_required": true}); err != nil {
		t.Fatal(err)
	}
	p := vault.open(t, "path", "v2", "token", vault.root)
	write(t, p, "key", "x")
	write(t, p, "key", "y") // though the engine asks for check-and-set
	it, err := p.Read(t.Context(), "key", "")
	if left := time.Until(it.ExpiresAt); err != nil || left < 50*time.Minute || left > time.Hour {
		t.Errorf("%v %v", it.ExpiresAt, err)
	}
}

// TestI19WrongPlaceIsNotMissing asks a real Vault in the wrong places.
func TestI19WrongPlaceIsNotMissing(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	vault.mount(t, "v1", "1")
	vault.mount(t, "v2", "2")
	narrow := vault.policy(t, "narrow", `path "v2/data/app/*" { capabilities = ["read"] }`, time.Hour)
	for _, test := range []struct {
		name  string
		pairs []any
		want  fault.Code
	}{
		{"no such mount", []any{"path", "nowhere", "token", vault.root}, fault.Usage},
		{"version 2 of an engine of version 1", []any{"path", "v1", "token", vault.root}, fault.Usage},
		{"version 1 of an engine of version 2", []any{"path", "v2", "kv", "1", "token", vault.root}, fault.Usage},
		{"below a mount", []any{"path", "v1/team", "kv", "1", "token", vault.root}, fault.Usage},
		{"what is no key-value engine", []any{"path", "cubbyhole", "kv", "1", "token", vault.root}, fault.Usage},
		{"outside of the policy", []any{"path", "v2", "prefix", "other", "token", narrow}, fault.Denied},
		{"a mount that the policy does not name", []any{"path", "v1", "kv", "1", "token", narrow}, fault.Denied},
		{"no good token", []any{"path", "v2", "token", "hvs.other"}, fault.Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := vault.open(t, test.pairs...)
			_, err := p.Read(t.Context(), "db.password", "")
			if !errors.Is(err, test.want) {
				t.Errorf("read: %v, want %s", err, test.want)
			}
			if _, err = p.Write(t.Context(), "db.password", secret.New([]byte("x"))); !errors.Is(err, test.want) {
				t.Errorf("write: %v, want %s", err, test.want)
			}
			if err = p.List(t.Context(), func(provider.Item) error { return nil }); err == nil || errors.Is(err, fault.NotFound) {
				t.Errorf("list: %v", err)
			}
		})
	}
	if p := vault.open(t, "path", "v2", "prefix", "app", "token", narrow); p.Health(t.Context()) != nil {
		t.Error("a token that may read only is not well")
	}
}

// TestTokenExpires: a token of a short life works, and then is denied, without a word of its own.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	vault.mount(t, "v2", "2")
	token := vault.policy(t, "all", documented(t, "v2", "app"), time.Hour)
	p := vault.open(t, "path", "v2", "prefix", "app", "token", token)
	write(t, p, "key", "x")
	if err := vault.api.Auth().Token().RevokeTree(token); err != nil { // what the end of its life does
		t.Fatal(err)
	}
	_, err := p.Read(t.Context(), "key", "")
	var e *fault.Error
	if !errors.Is(err, fault.Denied) || !errors.As(err, &e) || !strings.Contains(e.Fix, "token lookup") || strings.Contains(fmt.Sprint(err, e.Fix), token) {
		t.Error(err)
	}
	if err := p.Health(t.Context()); !errors.Is(err, fault.Denied) {
		t.Error(err)
	}
}

// TestAppRole logs in with a role and a secret id, again before the token ends and after it was revoked, and fails once the secret id
// is used up.
func TestAppRole(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	vault.mount(t, "v2", "2")
	ctx := t.Context()
	vault.policy(t, "app", documented(t, "v2", "app"), time.Hour)
	must := func(path string, body map[string]any) map[string]any {
		t.Helper()
		s, err := vault.api.Logical().WriteWithContext(ctx, path, body)
		if err != nil {
			t.Fatal(err)
		}
		if s == nil {
			return nil
		}
		return s.Data
	}
	must("sys/auth/machines", map[string]any{"type": "approle"})
	must("auth/machines/role/app", map[string]any{"token_policies": "app", "token_ttl": "1h", "secret_id_num_uses": 3})
	role, err := vault.api.Logical().Read("auth/machines/role/app/role-id")
	if err != nil {
		t.Fatal(err)
	}
	id := must("auth/machines/role/app/secret-id", nil)["secret_id"].(string)
	w := world()
	var later atomic.Int64
	w.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	var said strings.Builder
	w.Debug = func(message string, args ...any) { fmt.Fprintln(&said, append([]any{message}, args...)...) }
	faulty := &vaultfake.Faulty{Vault: vault.http}
	url, ca := vault.listen(t, faulty)
	p := open(t, url, ca, w, "path", "v2", "prefix", "app", "auth", table("approle", table("mount", "machines", "role_id", role.Data["role_id"].(string), "secret_id", id)))

	logins := func(want int) {
		t.Helper()
		n := 0
		for _, asked := range faulty.Asked() {
			if strings.HasSuffix(asked, "/login") {
				n++
			}
		}
		if n != want {
			t.Errorf("%d logins, want %d", n, want)
		}
	}
	write(t, p, "key", "x")
	read(t, p, "key", "")
	logins(1)
	later.Store(int64(59 * time.Minute)) // the token would live for another minute
	read(t, p, "key", "")
	read(t, p, "key", "")
	logins(1)
	accessors, err := vault.api.Logical().List("auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	for _, accessor := range accessors.Data["keys"].([]any) {
		if s, err := vault.api.Auth().Token().LookupAccessor(accessor.(string)); err == nil && strings.HasPrefix(s.Data["path"].(string), "auth/machines") {
			if err := vault.api.Auth().Token().RevokeAccessor(accessor.(string)); err != nil {
				t.Fatal(err)
			}
		}
	}
	read(t, p, "key", "")
	logins(1)
	later.Store(int64(3 * time.Hour))
	_, err = p.Read(ctx, "key", "")
	if !errors.Is(err, fault.Denied) || strings.Contains(err.Error(), id) {
		t.Errorf("with a secret id that is used up: %v", err)
	}
	if strings.Contains(said.String(), id) || strings.Contains(said.String(), "hvs.") {
		t.Error("a token was said")
	}
}

// TestSealed: a Vault that was sealed says so.
func TestSealed(t *testing.T) {
	t.Parallel()
	vault := newPeer(t)
	vault.mount(t, "v2", "2")
	p := vault.open(t, "path", "v2", "token", vault.root)
	write(t, p, "key", "x")
	if err := p.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if err := vault.core.Seal(vault.root); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"health": p.Health(t.Context()),
		"read":   func() error { _, err := p.Read(context.WithoutCancel(t.Context()), "key", ""); return err }(),
	} {
		var e *fault.Error
		if !errors.Is(err, fault.Unavailable) || !errors.As(err, &e) || !strings.Contains(e.Fix, "unseal") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
