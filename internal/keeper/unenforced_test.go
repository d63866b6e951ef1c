package keeper_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// openWith is [home.open] with what the user's configuration says.
func (h *home) openWith(config func() (keeper.Config, error)) *keeper.Keeper {
	h.t.Helper()
	k := keeper.New(keeper.Options{
		Layout: h.layout(), Engine: bolt.Open(h.layout().Vault, bolt.Options{}), Random: rand.Reader, Now: func() time.Time { return h.now },
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": passphrase}[k] },
			Random: rand.Reader, Now: func() time.Time { return h.now }, WorkFactor: 10,
		},
		Config: config,
	})
	h.t.Cleanup(func() { _ = k.Close() })
	return k
}

func unenforced() (keeper.Config, error) { return keeper.Config{Unenforced: true}, nil }

// TestUnenforcedIsRecorded: what policy denies is done, and on the record as denied; who saw a value that way saw it.
func TestUnenforcedIsRecorded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.openWith(unenforced)
	set(t, k, "ci/one", "first")
	set(t, k, "prod/db", "second")
	demo, id := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	recorded := func(what, result, reason string) {
		t.Helper()
		r := last(t, k)
		got := ""
		if r.Reason != nil {
			got = *r.Reason
		}
		if r.Result != result || got != reason || r.Principal != "agent/demo" {
			t.Errorf("%s: the record says %s (%s), %+v", what, r.Result, got, r)
		}
	}
	if v, err := getAs(t, k, demo, "ci/one"); err != nil || v != "first" {
		t.Errorf("permitted: %q, %v", v, err)
	}
	recorded("permitted", "allowed", "")
	if v, err := getAs(t, k, demo, "prod/db"); err != nil || v != "second" {
		t.Errorf("not permitted: %q, %v", v, err)
	}
	recorded("not permitted", "denied", "no rule matched; not enforced")
	if r := last(t, k); r.Policy != nil && *r.Policy == id {
		t.Errorf("the token did not permit it: %+v", r)
	}
	if _, err := k.Set(t.Context(), demo, keeper.SetRequest{Ref: keeper.Ref{Name: "new"}, Value: val("third")}); err != nil {
		t.Errorf("write: %v", err)
	}
	recorded("write", "denied", "no rule matched; not enforced")
	if _, err := k.Rotate(t.Context(), demo, keeper.RotateRequest{Ref: keeper.Ref{Name: "prod/db"}, Generate: &keeper.Generate{Kind: "hex", Length: 9}}); err != nil {
		t.Errorf("rotate: %v", err)
	}
	recorded("rotate", "denied", "no rule matched; not enforced")
	if _, err := k.Remove(t.Context(), demo, keeper.RemoveRequest{Names: []string{"ci/one", "new"}}); err != nil {
		t.Errorf("remove: %v", err)
	}
	for _, r := range lines(t, k, keeper.AuditRequest{Failed: true}) {
		if r.Action == "delete" && (r.Result != "denied" || r.Reason == nil || !strings.HasSuffix(*r.Reason, "not enforced")) {
			t.Errorf("remove: %+v", r)
		}
	}
	l, err := k.List(t.Context(), demo, keeper.ListRequest{})
	if err != nil || l.Total != 1 {
		t.Errorf("list: %+v, %v", l, err)
	}
	recorded("list", "denied", "no rule lets some of them be listed; not enforced")
	if out, err := k.Import(t.Context(), demo, keeper.ImportRequest{Format: "env"}, entries(keeper.ImportEntry{Name: "i/one", Value: val("1")})); err != nil || out.Counts.Create != 1 {
		t.Errorf("import: %+v, %v", out, err)
	}
	recorded("import", "denied", "import of 1 secrets; no rule matched; not enforced")

	who, err := k.AuditWho(t.Context(), owner, keeper.Ref{Name: "prod/db"})
	if err != nil || !slices.ContainsFunc(who.Versions, func(v client.AuditWhoVersion) bool {
		return v.Version == 1 && slices.ContainsFunc(v.Principals, func(p client.AuditWhoPrincipal) bool { return p.Principal == "agent/demo" && p.Count == 1 })
	}) {
		t.Errorf("audit who: %+v, %v", who, err)
	}
	if a, err := k.Audit(t.Context(), owner, keeper.AuditRequest{Failed: true}); err != nil || a.Summary.LastRotationAt == nil || a.Summary.Failed < 5 {
		t.Errorf("the summary: %+v, %v", a.Summary, err)
	}
	if s, err := k.Status(t.Context(), owner); err != nil || s.Enforced == nil || *s.Enforced {
		t.Errorf("status: %+v, %v", s.Enforced, err)
	}
	if s, err := k.Status(t.Context(), demo); err != nil || s.Enforced != nil {
		t.Errorf("status tells a token's bearer: %v, %v", s.Enforced, err)
	}
	if e, err := k.PolicyExplain(t.Context(), owner, keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "prod/db"}); err != nil || e.Decision != "deny" || !strings.HasSuffix(e.Reason, "not enforced") {
		t.Errorf("explain: %+v, %v", e, err)
	}
	d, err := k.Doctor(t.Context(), owner, keeper.DoctorRequest{})
	if err != nil || !slices.ContainsFunc(d.Checks, func(c client.DoctorCheck) bool { return c.Check == "access.enforce" && c.Status == "warn" }) {
		t.Errorf("doctor: %+v, %v", d, err)
	}
	if v, err := k.AuditVerify(t.Context(), owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("the log: %+v, %v", v, err)
	}

	// A forbid is policy's answer too.
	if _, err := k.PolicySet(t.Context(), owner, `@id("never") forbid (principal, action == Action::"read", resource is Secret in Glob::"prod/**");`); err != nil {
		t.Fatal(err)
	}
	if _, err := getAs(t, k, demo, "prod/db"); err != nil {
		t.Errorf("forbidden: %v", err)
	}
	if r := last(t, k); r.Result != "denied" || r.Policy == nil || *r.Policy != "never" {
		t.Errorf("forbidden: %+v", r)
	}
}

func entries(all ...keeper.ImportEntry) func() (keeper.ImportEntry, error) {
	return func() (keeper.ImportEntry, error) {
		if len(all) == 0 {
			return keeper.ImportEntry{}, io.EOF
		}
		e := all[0]
		all = all[1:]
		return e, nil
	}
}

// TestI15UnenforcedIsNotEverything: only policy's own answer is not enforced. Nobody becomes somebody by it, and nothing that a
// principal does meanwhile gives it more than it has when denials are refused again.
func TestI15UnenforcedIsNotEverything(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	enforce := false
	k := h.openWith(func() (keeper.Config, error) { return keeper.Config{Unenforced: !enforce}, nil })
	set(t, k, "ci/one", "first")
	set(t, k, "prod/db", "second")
	mine := val("of the owner")
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "mine", Scope: "user/ana"}, Value: mine}); err != nil {
		t.Fatal(err)
	}
	sealed := true
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "sealed"}, Value: val("a sealed value"), Sealed: &sealed, Service: "openai"}); err != nil {
		t.Fatal(err)
	}
	soon := h.now.Add(time.Minute)
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	expired, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read **"}, ExpiresAt: &soon})
	revoked, id := token(t, k, keeper.TokenRequest{Allow: []string{"read **"}})
	once, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}, Uses: 1})
	if _, err := k.TokenRevoke(t.Context(), owner, id); err != nil {
		t.Fatal(err)
	}
	if _, err := getAs(t, k, once, "prod/db"); err != nil {
		t.Errorf("its one use: %v", err)
	}
	other, _ := token(t, newHome(t).open(), keeper.TokenRequest{Allow: []string{"read **"}})
	h.now = h.now.Add(time.Hour)

	for name, c := range map[string]keeper.Caller{
		"expired": expired, "revoked": revoked, "used up": once, "of another vault": other, "cut": bearer(string(demo.Token.Reveal()[:20])),
		"nobody": {Principal: "user/eve", Door: "socket", UID: 1001},
	} {
		if v, err := getAs(t, k, c, "ci/one"); !errors.Is(err, fault.Denied) || v != "" {
			t.Errorf("a token that is %s: %q, %v", name, v, err)
		}
	}
	if v, err := getAs(t, k, demo, "sealed"); !errors.Is(err, fault.Sealed) || v != "" {
		t.Errorf("a sealed value: %q, %v", v, err)
	}
	if r := last(t, k); r.Result != "denied" || r.Reason == nil || *r.Reason != "sealed" {
		t.Errorf("the record of it: %+v", r)
	}
	ref := keeper.Ref{Name: "prod/db"}
	for name, try := range map[string]func() error{
		// What takes presence.
		"slot add":    func() error { _, err := k.SlotAdd(t.Context(), demo, keeper.NewSlot{Kind: "recovery"}); return err },
		"rotate-root": func() error { _, err := k.RotateRoot(t.Context(), demo, keeper.RotateRootRequest{}); return err },
		"export": func() error {
			_, err := k.Export(t.Context(), demo, keeper.ExportRequest{Values: true}, func(keeper.Exported) error { t.Error("exported"); return nil })
			return err
		},
		"backup":      func() error { _, err := k.Backup(t.Context(), demo, keeper.BackupRequest{}, io.Discard); return err },
		"unseal":      func() error { _, err := k.Unseal(t.Context(), demo, keeper.Ref{Name: "sealed"}); return err },
		"audit prune": func() error { _, err := k.AuditPrune(t.Context(), demo, h.now.AddDate(-1, 0, 0)); return err },
		// What policies are, and what they look at.
		"grant":   func() error { _, err := k.Grant(t.Context(), demo, "agent/demo", "read **"); return err },
		"ungrant": func() error { _, err := k.GrantRemove(t.Context(), demo, "grant-1"); return err },
		"policy set": func() error {
			_, err := k.PolicySet(t.Context(), demo, `permit (principal, action, resource);`)
			return err
		},
		"tag": func() error {
			_, err := k.Update(t.Context(), demo, keeper.UpdateRequest{Ref: ref, AddTags: []string{"public"}})
			return err
		},
		"alias": func() error {
			_, err := k.Update(t.Context(), demo, keeper.UpdateRequest{Ref: ref, AddAliases: []string{"ci/two"}})
			return err
		},
		"move": func() error { _, err := k.Move(t.Context(), demo, ref, "ci/two"); return err },
		"set with an alias": func() error {
			_, err := k.Set(t.Context(), demo, keeper.SetRequest{Ref: ref, Value: val("x"), Aliases: []string{"ci/two"}})
			return err
		},
		"import with tags": func() error {
			_, err := k.Import(t.Context(), demo, keeper.ImportRequest{Format: "json"}, entries(keeper.ImportEntry{Name: "x", Value: val("1"), Tags: []string{"public"}}))
			return denied(err)
		},
		// Tokens.
		"a token with more": func() error {
			_, err := k.TokenCreate(t.Context(), demo, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read **"}})
			return err
		},
		"a token of another": func() error {
			_, err := k.TokenCreate(t.Context(), demo, keeper.TokenRequest{Principal: "user/ana", Allow: []string{"read ci/*"}})
			return err
		},
		"revoke what is not it": func() error { _, err := k.TokenRevoke(t.Context(), demo, "t_other"); return err },
		// Scopes of others.
		"another's scope": func() error {
			_, err := k.Get(t.Context(), demo, keeper.GetRequest{Ref: keeper.Ref{Name: "mine", Scope: "user/ana"}})
			return err
		},
		"another's name": func() error { _, err := getAs(t, k, demo, "mine"); return err },
	} {
		if err := try(); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l, err := k.List(t.Context(), demo, keeper.ListRequest{AllScopes: true}); err != nil || slices.ContainsFunc(l.Secrets, func(s client.Secret) bool { return s.Scope == "user/ana" }) {
		t.Errorf("another's scope is listed: %+v, %v", l, err)
	}

	// Enforced again, nothing of it is left.
	enforce = true
	k.Reconfigure()
	if v, err := getAs(t, k, demo, "prod/db"); !errors.Is(err, fault.Denied) || v != "" {
		t.Errorf("enforced again: %q, %v", v, err)
	}
	if r := last(t, k); r.Reason == nil || *r.Reason != "no rule matched" {
		t.Errorf("enforced again: %+v", r)
	}
}

// denied gives the class Denied to an import that ended because of an entry that was denied.
func denied(err error) error {
	if err != nil && strings.Contains(err.Error(), "not permitted") {
		return fault.New(fault.Denied, "%v", err)
	}
	return err
}

// TestI15UnenforcedNeedsPolicies: a configuration or policies that cannot be read leave only the owner, whatever else is said.
func TestI15UnenforcedNeedsPolicies(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	set(t, h.open(), "a", "one")
	demo, _ := token(t, h.open(), keeper.TokenRequest{Allow: []string{"read a"}})
	k := h.openWith(func() (keeper.Config, error) {
		return keeper.Config{Unenforced: true}, fault.New(fault.Usage, "config.yaml: line 3: nonsense")
	})
	if v, err := getAs(t, k, demo, "a"); !errors.Is(err, fault.Denied) || v != "" {
		t.Errorf("%q, %v", v, err)
	}
	if s, err := k.Status(t.Context(), owner); err != nil || s.Enforced == nil || !*s.Enforced {
		t.Errorf("status: %v, %v", s.Enforced, err)
	}
}

// TestI18EnforcedDuringAnImport: an import that only was let through is not committed when denials are refused again.
func TestI18EnforcedDuringAnImport(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	enforce := false
	k := h.openWith(func() (keeper.Config, error) { return keeper.Config{Unenforced: !enforce}, nil })
	set(t, k, "a", "one")
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a"}})
	more := entries(keeper.ImportEntry{Name: "i/one", Value: val("1")})
	_, err := k.Import(context.Background(), demo, keeper.ImportRequest{Format: "env"}, func() (keeper.ImportEntry, error) {
		e, err := more()
		if err != nil {
			enforce = true
			k.Reconfigure()
		}
		return e, err
	})
	if !errors.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	if _, err := getAs(t, k, owner, "i/one"); !errors.Is(err, fault.NotFound) {
		t.Errorf("it was imported all the same: %v", err)
	}
}

// TestUnenforcedBesideAllowed: changes that are committed together have one outcome, and each its own result.
func TestUnenforcedBesideAllowed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.openWith(unenforced)
	set(t, k, "a", "one")
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a"}})
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			c := owner
			if i%2 == 1 {
				c = demo
			}
			for range 5 {
				if _, err := k.Set(context.Background(), c, keeper.SetRequest{Ref: keeper.Ref{Name: "a"}, Value: val("x")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	n := map[string]int{}
	for _, r := range lines(t, k, keeper.AuditRequest{}) {
		if r.Action == "write" {
			n[r.Principal+" "+r.Result]++
		}
	}
	if n["agent/demo denied"] != 20 || n["user/ana allowed"] != 21 || len(n) != 2 {
		t.Errorf("%v", n)
	}
}
