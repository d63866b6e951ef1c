package keeper_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// silent fails when a use is sent, or ends without an error.
func silent(t *testing.T, what string, u *upstream, k *keeper.Keeper, r keeper.UseRequest) {
	t.Helper()
	before := u.seen.Load()
	if _, err := use(t, k, owner, r); err == nil || u.seen.Load() != before {
		t.Errorf("%s: %v, and %d requests were sent", what, err, u.seen.Load()-before)
	}
}

// TestI23OtherService: what is sealed for one service goes to no other, whatever it is called by.
func TestI23OtherService(t *testing.T) {
	t.Parallel()
	_, k, _ := newDemo(t, nil)
	thief := newUpstream(t, nil)
	addService(t, k, thief.file("thief", "THIEF_KEY"))
	steal := things()
	steal.Capability = "thief/things"
	silent(t, "no secret", thief, k, steal)

	if _, err := k.CredentialCreate(t.Context(), owner, keeper.CredentialRequest{ID: "loot", Service: "thief", Secrets: map[string]string{"": "DEMO_KEY"}}); !errors.Is(err, fault.Conflict) {
		t.Errorf("a credential for another service: %v", err)
	}
	if _, err := k.Update(t.Context(), owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, AddAliases: []string{"THIEF_KEY"}}); err == nil {
		silent(t, "by an alias", thief, k, steal)
		if _, err := k.Update(t.Context(), owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, ClearAliases: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Move(t.Context(), owner, keeper.Ref{Name: "DEMO_KEY"}, "THIEF_KEY"); err == nil {
		silent(t, "by a new name", thief, k, steal)
		// Another value under the old name is another secret, and this one stays where it is sealed for.
		set(t, k, "DEMO_KEY", "another-key-of-the-demo")
		silent(t, "after its name was given away", thief, k, steal)
	}
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, Value: val(demoKey), Via: "set", Service: "thief"}); err == nil {
		t.Error("the pin of a secret was changed by set")
	}
}

// TestI23OtherDefinition: the same service by another definition is another service, until the owner says otherwise.
func TestI23OtherDefinition(t *testing.T) {
	t.Parallel()
	h, k, first := newDemo(t, nil)
	mustUse(t, k, owner, things())
	second := newUpstream(t, nil)
	file := second.file("demo", "DEMO_KEY")
	if _, err := k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: file}); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "DEMO_KEY") {
		t.Errorf("another definition: %v", err)
	}
	mustUse(t, k, owner, things()) // as before
	if _, err := k.ServiceRemove(t.Context(), owner, "demo"); err != nil {
		t.Fatal(err)
	}
	silent(t, "after the service was removed", first, k, things())
	if _, err := k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: file}); !errors.Is(err, fault.Conflict) {
		t.Errorf("another definition, after the first was removed: %v", err)
	}
	silent(t, "another definition", second, k, things())
	if _, err := get(k, "DEMO_KEY"); !errors.Is(err, fault.Sealed) {
		t.Errorf("a secret whose service was removed: %v", err)
	}
	added, err := k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: file, Repin: true})
	if err != nil || len(added.Repinned) != 1 || added.Repinned[0] != "DEMO_KEY" {
		t.Fatalf("repin: %+v, %v", added.Repinned, err)
	}
	mustUse(t, h.open(), owner, things())
	if first.seen.Load() != 2 || second.seen.Load() != 1 {
		t.Errorf("%d and %d requests", first.seen.Load(), second.seen.Load())
	}
}

// TestI23BuiltinNames: own services claim no id and no secret name of those that come with tacit.
func TestI23BuiltinNames(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	for name, file := range map[string][]byte{
		"an id": u.file("openai", "MINE"), "a secret": u.file("mine", "OPENAI_API_KEY"), "a secret of another own one": u.file("mine", "DEMO_KEY"),
		"a capability": bytes.ReplaceAll(u.file("mine", "MINE"), []byte("mine/things"), []byte("openai/things")),
	} {
		if _, err := k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: file}); err == nil {
			t.Errorf("%s was claimed", name)
		}
	}
}

// TestI23CredentialsByID: a credential has its secret and no other one, whatever has the name now.
func TestI23CredentialsByID(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	ctx := t.Context()
	if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "second"}, Value: val("the-second-key"), Via: "set", Sealed: ptr(true), Service: "demo"}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CredentialCreate(ctx, owner, keeper.CredentialRequest{ID: "demo-2", Service: "demo", Secrets: map[string]string{"": "second"}}); err != nil {
		t.Fatal(err)
	}
	r := things()
	r.Credential = "demo-2"
	mustUse(t, k, owner, r)
	// Its secret is renamed, and another one takes the name.
	if _, err := k.Move(ctx, owner, keeper.Ref{Name: "second"}, "renamed"); err != nil {
		t.Fatal(err)
	}
	set(t, k, "second", "a readable value that is not for it")
	mustUse(t, k, owner, r)
	if _, err := k.Purge(ctx, owner, keeper.Ref{Name: "renamed"}, []int{1}); err == nil {
		t.Error("the version in use was purged")
	}
	removed, err := k.Remove(ctx, owner, keeper.RemoveRequest{Names: []string{"renamed"}})
	if err != nil || len(removed.CredentialsRemoved) != 1 || removed.CredentialsRemoved[0] != "demo-2" {
		t.Fatalf("rm: %+v, %v", removed, err)
	}
	silent(t, "after its secret was removed", u, k, r)
	set(t, k, "renamed", "a readable value again")
	silent(t, "after another took its name", u, k, r)
}

// TestI23TenantHost: the key of one tenant goes to no other.
func TestI23TenantHost(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	ctx := t.Context()
	set(t, k, "SHOPIFY_ACCESS_TOKEN", demoKey)
	list, err := k.CredentialList(ctx, owner)
	if err != nil || len(list.Credentials) != 1 || list.Credentials[0].State != "waiting" {
		t.Fatalf("without a host: %+v, %v", list.Credentials, err)
	}
	create := func(id, host string) error {
		_, err := k.CredentialCreate(ctx, owner, keeper.CredentialRequest{ID: id, Service: "shopify", Secrets: map[string]string{"": "SHOPIFY_ACCESS_TOKEN"}, Host: host})
		return err
	}
	for _, bad := range []string{"", "evil.example", "shop.myshopify.com.evil.example", "*.myshopify.com", "myshopify.com", "evil@shop.myshopify.com", "shop.myshopify.com/x", ".myshopify.com"} {
		if err := create("shop", bad); err == nil {
			t.Errorf("the host %q", bad)
		}
	}
	if err := create("shop", "one.myshopify.com"); err != nil {
		t.Fatal(err)
	}
	if err := create("other", "two.myshopify.com"); !errors.Is(err, fault.Conflict) {
		t.Errorf("the same key for another tenant: %v", err)
	}
	s, err := k.Show(ctx, owner, keeper.Ref{Name: "SHOPIFY_ACCESS_TOKEN"})
	if err != nil || s.Secret.Pin == nil || *s.Secret.Pin != "builtin/shopify@one.myshopify.com" {
		t.Errorf("the pin: %v, %v", s.Secret.Pin, err)
	}
}

// TestI31ServicesNeedPresence: what decides where a key goes is not for tokens, nor for a keeper that was handed its key.
func TestI31ServicesNeedPresence(t *testing.T) {
	t.Parallel()
	h, k, u := newDemo(t, nil)
	all, _ := token(t, k, keeper.TokenRequest{Allow: []string{"admin **", "use **", "write **", "read **"}})
	adopted := adopt(t, h, k)
	for name, by := range map[string]struct {
		k *keeper.Keeper
		c keeper.Caller
	}{"a token": {k, all}, "an agent": {adopted, owner}, "nobody": {k, keeper.Caller{Principal: "user/eve"}}} {
		if _, err := by.k.ServiceAdd(t.Context(), by.c, keeper.ServiceAddRequest{File: u.file("more", "MORE_KEY")}); err == nil {
			t.Errorf("%s added a service", name)
		}
		if _, err := by.k.ServiceRemove(t.Context(), by.c, "demo"); err == nil {
			t.Errorf("%s removed a service", name)
		}
		if _, err := by.k.CredentialCreate(t.Context(), by.c, keeper.CredentialRequest{ID: "mine", Service: "demo", Secrets: map[string]string{"": "DEMO_KEY"}}); err == nil {
			t.Errorf("%s made a credential", name)
		}
	}
	mustUse(t, adopted, owner, things())
	if u.seen.Load() != 1 {
		t.Errorf("%d requests", u.seen.Load())
	}
}

// TestExpiredKey: an expired secret is not sent, and neither is one whose service is waiting.
func TestExpiredKey(t *testing.T) {
	t.Parallel()
	h, k, u := newDemo(t, nil)
	end := h.now.Add(60e9)
	if _, err := k.Update(t.Context(), owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, ExpiresAt: &end}); err != nil {
		t.Fatal(err)
	}
	mustUse(t, k, owner, things())
	h.now = end.Add(1)
	silent(t, "an expired key", u, k, things())
	if r := last(t, k); r.Result == "allowed" {
		t.Errorf("the record: %+v", r)
	}
	if _, err := k.Update(t.Context(), owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, NoExpiry: true}); err != nil {
		t.Fatal(err)
	}
	mustUse(t, k, owner, things())
	if _, err := k.Rotate(t.Context(), owner, keeper.RotateRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, Value: val("the-new-key-of-demo"), ExpireOld: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Purge(t.Context(), owner, keeper.Ref{Name: "DEMO_KEY"}, []int{1}); err != nil {
		t.Fatal(err)
	}
	if a := mustUse(t, k, owner, things()); a.Header.Get("X-Echo") != "***" {
		t.Errorf("the new key came back: %v", a.Header)
	}
}

// TestBackupHoldsServices: own services, credentials, bindings and limits come back as they were, also in another vault.
func TestBackupHoldsServices(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	ctx := t.Context()
	if _, err := k.CredentialCreate(ctx, owner, keeper.CredentialRequest{ID: "demo-2", Service: "demo", Secrets: map[string]string{"": "DEMO_KEY"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CapabilityBind(ctx, owner, keeper.BindRequest{Capability: "demo/things", Credential: "demo-2"}); err != nil {
		t.Fatal(err)
	}
	rate := 77
	if _, err := k.CapabilityLimit(ctx, owner, keeper.LimitRequest{ID: "demo/things", RatePerMinute: &rate, Redact: []string{"email"}}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := k.Backup(ctx, owner, keeper.BackupRequest{}, &file); err != nil {
		t.Fatal(err)
	}
	empty := newHome(t).open()
	set(t, empty, "a", "one")
	addService(t, empty, newUpstream(t, nil).file("gone", "GONE_KEY"))
	if _, err := k.ServiceRemove(ctx, owner, "demo"); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*keeper.Keeper{"the same": k, "another": empty} {
		if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes()), DryRun: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes())}); err != nil {
			t.Fatal(err)
		}
		if a := mustUse(t, k, owner, things()); a.Credential != "demo-2" {
			t.Errorf("%s vault: %s answers", name, a.Credential)
		}
		d, err := k.CapabilityDescribe(ctx, owner, "demo/things")
		if err != nil || d.Limits.RatePerMinute == nil || *d.Limits.RatePerMinute != rate || len(d.Redact) != 1 {
			t.Errorf("%s vault: limits %+v, %v", name, d.Limits, err)
		}
		if _, err := k.ServiceDescribe(ctx, owner, "gone"); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s vault: what was there before: %v", name, err)
		}
		if report, err := k.Doctor(ctx, owner, keeper.DoctorRequest{}); err != nil || !report.OK {
			t.Errorf("%s vault: %+v, %v", name, report, err)
		}
	}
	if u.seen.Load() != 2 {
		t.Errorf("%d requests", u.seen.Load())
	}
	beside := newHome(t).open()
	out, err := beside.ImportBackup(ctx, owner, keeper.ImportRequest{}, bytes.NewReader(file.Bytes()))
	if err != nil || len(out.Warnings) == 0 || !strings.Contains(out.Warnings[len(out.Warnings)-1].Text, "1 services") {
		t.Errorf("import beside: %+v, %v", out.Warnings, err)
	}
}

func ptr[T any](v T) *T { return &v }

// adopt returns a keeper as an unlocked agent has it.
func adopt(t *testing.T, h *home, k *keeper.Keeper) *keeper.Keeper {
	t.Helper()
	agent := h.adopter()
	if err := k.HandOver(t.Context(), func(key []byte, slot string) error { return agent.Adopt(t.Context(), key, slot) }); err != nil {
		t.Fatal(err)
	}
	return agent
}
