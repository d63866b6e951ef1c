package chain_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/internal/chain"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
	"tacit/internal/settings"
)

func TestWritesGoWhereTheyAreSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kv := w.store("kv", 100)
	w.store("ro", 90).traits.Writable = false
	c := w.chain()
	put := func(r keeper.SetRequest) (keeper.Written, error) {
		r.Value, r.Via = val("a longer value"), "set"
		return c.Set(t.Context(), owner, r)
	}
	if out, err := put(keeper.SetRequest{Ref: keeper.Ref{Name: "a"}}); err != nil || out.Secret.Provider != "local" {
		t.Errorf("by default: %+v, %v", out.Secret, err)
	}
	out, err := put(keeper.SetRequest{Ref: keeper.Ref{Name: "b", Provider: "kv"}})
	if err != nil || out.Secret.Provider != "kv" || !out.Created || out.Secret.Version != 1 {
		t.Errorf("to kv: %+v, %v", out, err)
	}
	if out, err = put(keeper.SetRequest{Ref: keeper.Ref{Name: "b", Provider: "kv"}}); err != nil || out.Created || out.Secret.Version != 2 {
		t.Errorf("to kv again: %+v, %v", out, err)
	}
	if _, err = put(keeper.SetRequest{Ref: keeper.Ref{Name: "b", Provider: "kv"}, MustBeNew: true}); !errors.Is(err, fault.Exists) {
		t.Errorf("a new one that is there: %v", err)
	}
	_, err = put(keeper.SetRequest{Ref: keeper.Ref{Name: "c", Provider: "ro"}})
	var f *fault.Error
	if !errors.Is(err, fault.Invalid) || !errors.As(err, &f) || !strings.Contains(f.Fix, "local, kv can be written to") {
		t.Errorf("to what is read-only: %v", err)
	}
	made, err := c.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "made", Provider: "kv"}, Generate: &keeper.Generate{Length: 20, Kind: "hex"}, Reveal: true})
	if err != nil || made.Value.Len() != 20 || kv.values["made"][0] != string(made.Value.Reveal()) {
		t.Errorf("generated: %v", err)
	}
	w.o.Default = "kv"
	c = w.chain()
	if out, err := put(keeper.SetRequest{Ref: keeper.Ref{Name: "d"}}); err != nil || out.Secret.Provider != "kv" {
		t.Errorf("to the default provider: %+v, %v", out.Secret, err)
	}
	yes := true
	if out, err := put(keeper.SetRequest{Ref: keeper.Ref{Name: "e"}, Sealed: &yes, Service: "openai"}); err != nil || out.Secret.Provider != "local" {
		t.Errorf("sealed: %+v, %v", out.Secret, err)
	}
}

// TestDefaultProviderGetsNothingSealed: what the vault would seal is not written to another store because that is the default.
func TestDefaultProviderGetsNothingSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kv := w.store("kv", 100)
	yes, no := true, false
	for _, r := range []keeper.SetRequest{
		{Ref: keeper.Ref{Name: "mine"}, Sealed: &yes, Service: "openai"}, {Ref: keeper.Ref{Name: "STRIPE_API_KEY"}, Sealed: &no}, {Ref: keeper.Ref{Name: "readable"}},
	} {
		r.Value, r.Via = val("an old value of 24 bytes"), "set"
		if _, err := w.k.Set(t.Context(), owner, r); err != nil {
			t.Fatal(err)
		}
	}
	definition := `service: acme
title: Acme
hosts: [api.acme.example]
secrets: {ACME_KEY: secret}
auth:
  header: {name: x-acme-key, value: "{{secret}}"}
capabilities:
  - {id: acme/all, title: All, methods: [GET], paths: [/v1], risk: read, example: {method: GET, path: /v1/things}}
`
	if _, err := w.k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: []byte(definition)}); err != nil {
		t.Fatal(err)
	}
	w.o.Default = "kv"
	c := w.chain()
	for _, x := range []struct {
		name   string
		sealed *bool
		to     string
	}{
		{"OPENAI_API_KEY", nil, "local"},
		{"mine", nil, "local"},
		{"ACME_KEY", nil, "local"},
		{"ANTHROPIC_API_KEY", &no, "kv"},
		{"STRIPE_API_KEY", nil, "kv"},
		{"readable", nil, "kv"},
		{"other", nil, "kv"},
	} {
		for _, generated := range []bool{false, true} {
			r := keeper.SetRequest{Ref: keeper.Ref{Name: x.name}, Sealed: x.sealed, Via: "set", Value: val("a longer value of 32 bytes long!")}
			if generated {
				r.Generate = &keeper.Generate{Length: 32, Kind: "hex"}
			}
			out, err := c.Set(t.Context(), owner, r)
			if err != nil || out.Secret.Provider != x.to || (out.Secret.Exposure == "sealed") != (x.to == "local") {
				t.Errorf("%s, generated %v: %s in %s, %v", x.name, generated, out.Secret.Exposure, out.Secret.Provider, err)
			}
		}
	}
	for name, to := range map[string]string{"mine": "local", "OPENAI_API_KEY": "local", "other": "kv"} {
		out, err := c.Rotate(t.Context(), owner, keeper.RotateRequest{Ref: keeper.Ref{Name: name}, Generate: &keeper.Generate{Length: 32, Kind: "hex"}})
		if err != nil || out.Secret.Provider != to {
			t.Errorf("rotate %s: in %s, %v", name, out.Secret.Provider, err)
		}
	}
	for _, n := range []string{"OPENAI_API_KEY", "mine", "ACME_KEY"} {
		if len(kv.values[n]) != 0 {
			t.Errorf("%s is in the store", n)
		}
	}
}

func TestWhatAStoreCannotHoldIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store("kv", 100)
	c := w.chain()
	soon, day, text, yes := w.now.Add(time.Hour), 24*time.Hour, "x", true
	for what, r := range map[string]keeper.SetRequest{
		"tags": {Tags: []string{"a"}}, "aliases": {Aliases: []string{"a"}}, "an expiry": {ExpiresAt: &soon}, "a rotation": {RotateEvery: &day},
		"a note": {Note: &text}, "an owner": {OwnedBy: &text}, "sealed secrets": {Sealed: &yes},
		"no scopes": {Ref: keeper.Ref{Scope: "workspace/w"}},
	} {
		r.Name, r.Provider, r.Value = "a", "kv", val("x")
		if _, err := c.Set(t.Context(), owner, r); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ref := keeper.Ref{Name: "a", Provider: "kv"}
	for what, err := range map[string]error{
		"update":   func() error { _, err := c.Update(t.Context(), owner, keeper.UpdateRequest{Ref: ref}); return err }(),
		"move":     func() error { _, err := c.Move(t.Context(), owner, ref, "b"); return err }(),
		"rollback": func() error { _, err := c.Rollback(t.Context(), owner, ref); return err }(),
		"purge":    func() error { _, err := c.Purge(t.Context(), owner, ref, []int{1}); return err }(),
		"who":      func() error { _, err := c.AuditWho(t.Context(), owner, ref); return err }(),
	} {
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
}

// TestWritesAreNotRepeated: a write that failed may have happened.
func TestWritesAreNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store("kv", 100)
	s.broken = func(op, _ string) error {
		if op == "write" {
			return provider.Errorf(fault.Unavailable, "kv", "connection reset")
		}
		return nil
	}
	c := w.chain()
	if _, err := c.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "a", Provider: "kv"}, Value: val("x")}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if n := s.written.Load(); n != 1 {
		t.Errorf("written %d times", n)
	}
	if got := w.records(); !slices.Equal(got, []string{"write kv a failed unavailable"}) {
		t.Errorf("%q", got)
	}
}

func TestRotateInAStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("kv", 100).put("a", "1")
	w.store("flat", 90).put("a", "1").traits.Versions = false
	c := w.chain()
	r, err := c.Rotate(t.Context(), owner, keeper.RotateRequest{Ref: keeper.Ref{Name: "a", Provider: "kv"}, Value: val("2"), Overlap: time.Hour})
	if err != nil || r.OldVersion != 1 || r.Secret.Version != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "a", Provider: "kv", Version: keeper.Previous}); err != nil || got != "1" {
		t.Errorf("previous: %q, %v", got, err)
	}
	for why, r := range map[string]keeper.RotateRequest{
		"an old version that ends":       {Ref: keeper.Ref{Name: "a", Provider: "kv"}, ExpireOld: true},
		"an overlap of what is not kept": {Ref: keeper.Ref{Name: "a", Provider: "flat"}, Overlap: time.Hour},
		"something that is not there":    {Ref: keeper.Ref{Name: "zz", Provider: "kv"}},
	} {
		r.Value = val("3")
		if _, err := c.Rotate(t.Context(), owner, r); err == nil {
			t.Errorf("%s", why)
		}
	}
	h, err := c.History(t.Context(), owner, keeper.Ref{Name: "a"})
	if err != nil || h.Total != 2 || h.Versions[0].State != "current" || *h.Versions[1].StoreVersion != "1" {
		t.Errorf("%+v, %v", h, err)
	}
	d, err := c.Diff(t.Context(), owner, keeper.Ref{Name: "a"}, 1, 2)
	if err != nil || d.SameValue {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestRemoveFromAllThatCanWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("kv", 100).put("a", "1", "a", "2", "only-kv", "1")
	w.store("ro", 90).put("a", "1").traits.Writable = false
	w.set("a", "of the vault")
	c := w.chain()
	out, err := c.Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"a", "only-kv"}})
	if err != nil || out.Total != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	var where []string
	for _, r := range out.Removed {
		where = append(where, r.Provider+":"+r.Name)
	}
	if !slices.Equal(where, []string{"kv:a", "kv:only-kv", "local:a"}) || out.Removed[0].Versions != 2 {
		t.Errorf("%+v", out.Removed)
	}
	if got, s, err := get(t, c, owner, keeper.Ref{Name: "a"}); err != nil || s.Provider != "ro" {
		t.Errorf("%q of %s, %v", got, s.Provider, err)
	}
	if _, err := c.Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"a"}}); !errors.Is(err, fault.NotFound) {
		t.Errorf("what is nowhere that can be written to: %v", err)
	}
	if _, err := c.Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"a"}, Provider: "ro"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("from what is read-only: %v", err)
	}
	// An outage in the middle says what is gone.
	w.set("b", "of the vault")
	w.stores["kv"].put("b", "1")
	w.store("down", 10).breaks(provider.Errorf(fault.Unavailable, "down", "refused"))
	_, err = w.chain().Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"b"}})
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "removed kv:b, but: down: unavailable") {
		t.Errorf("%v", err)
	}
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "b"}); err != nil || got != "of the vault" {
		t.Errorf("the vault's: %q, %v", got, err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("good", 100)
	w.store("down", 90).breaks(provider.Errorf(fault.Unavailable, "down", "refused").WithFix("start it"))
	w.store("no", 80).breaks(provider.Errorf(fault.Denied, "no", "403"))
	w.store("hangs", 70).hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	w.specs[3].Timeout = 20 * time.Millisecond
	w.specs = append(w.specs, provider.Spec{Name: "wrong", Type: "nothing"})
	c := w.chain()
	h, err := c.Health(t.Context(), owner)
	if err != nil || !h.OK {
		t.Fatalf("%+v, %v", h, err)
	}
	got := map[string]string{}
	for _, p := range h.Providers {
		got[p.Name] = p.Status
	}
	for name, want := range map[string]string{"good": "ok", "down": "unavailable", "no": "denied", "hangs": "unavailable", "wrong": "misconfigured", "local": "ok"} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	w.specs[1].Required = true
	if h, err := w.chain().Health(t.Context(), owner); err != nil || h.OK || *h.Providers[1].Fix != "start it" {
		t.Errorf("%+v, %v", h, err)
	}
	if len(w.records()) != 0 {
		t.Errorf("recorded: %q", w.records())
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("high", 100)
	w.store("mid", 60).put("a", "1")
	w.set("a", "of the vault")
	c := w.chain()
	e, err := c.Explain(t.Context(), owner, keeper.Ref{Name: "a"})
	var got []string
	for _, a := range e.Asked {
		got = append(got, a.Provider+" "+a.Answer)
	}
	if err != nil || e.Result != "found" || *e.Provider != "mid" || !slices.Equal(got, []string{"high not_found", "mid found", "local skipped"}) {
		t.Errorf("%+v %q, %v", e, got, err)
	}
	w.now = w.now.Add(5 * time.Second)
	if e, err = c.Explain(t.Context(), owner, keeper.Ref{Name: "a"}); err != nil || e.Asked[1].CachedAgeS == nil || *e.Asked[1].CachedAgeS != 5 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err = c.Explain(t.Context(), owner, keeper.Ref{Name: "zz"}); err != nil || e.Result != "not_found" || e.Provider != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestSettingsAreOfTheVault: a secret in the settings of a provider comes from the vault, whatever other providers have.
func TestSettingsAreOfTheVault(t *testing.T) {
	t.Parallel()
	table := func(text string) *settings.Table {
		return &settings.Table{Members: []settings.Member{{Key: "token", Value: settings.Value{Text: text}}}}
	}
	for text, want := range map[string]string{
		"${secret:kv-token}": "of the vault", "a${secret:json#x}b": "a1b", "plain \\ $x": "plain \\ $x", "${secret:evil:kv-token}": "", "${secret:missing}": "",
		"${secret:hostile}": "${secret:kv-token}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			evil := w.store("evil", 100).put("kv-token", "of another", "missing", "of another")
			w.set("kv-token", "of the vault")
			w.set("json", `{"x":1}`)
			w.set("hostile", "${secret:kv-token}")
			w.specs = append(w.specs, provider.Spec{Name: "kv", Type: "fake", Settings: table(text)})
			w.stores["kv"] = w.stores["evil"]
			got := ""
			w.made = func(s provider.Spec) { got += s.Settings.Text("token", "") }
			_, _, err := get(t, w.chain(), owner, keeper.Ref{Name: "nowhere", Provider: "kv"})
			if got != want || errors.Is(err, fault.NotFound) == (want == "") {
				t.Errorf("the token is %q, %v", got, err)
			}
			if evil.asked.Load() > 1 {
				t.Error("another store was asked for the settings")
			}
		})
	}
}

func TestDeclarations(t *testing.T) {
	t.Parallel()
	for why, specs := range map[string][]provider.Spec{
		"twice":                   {{Name: "kv", Type: "fake"}, {Name: "kv", Type: "fake"}},
		"another local":           {{Name: "kv", Type: "local"}},
		"local is no env":         {{Name: "local", Type: "env"}},
		"no name":                 {{Name: "a b", Type: "fake"}},
		"a secret in an argument": {{Name: "op", Type: "onepassword", Settings: &settings.Table{Members: []settings.Member{{Key: "vault", Value: settings.Value{Text: "x${secret:db}"}}}}}},
		"a bad cache_ttl":         {{Name: "kv", Type: "fake", Settings: &settings.Table{Members: []settings.Member{{Key: "cache_ttl", Value: settings.Value{Text: "soon"}}}}}},
	} {
		if err := declare(specs, ""); !errors.Is(err, fault.Usage) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := declare(nil, "nothing"); !errors.Is(err, fault.Usage) {
		t.Errorf("an unknown default: %v", err)
	}
	for _, kind := range chain.Undeclared() { // that may be named, and are not asked in the chain
		if err := declare(nil, kind); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "not declared") {
			t.Errorf("%s by default: %v", kind, err)
		}
	}
	if err := declare([]provider.Spec{{Name: "local", Type: "local", Priority: 1}, {Name: "env", Type: "env"}}, "env"); err != nil {
		t.Error(err)
	}
}
