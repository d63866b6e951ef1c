package keeper_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

// token makes one and returns its bearer, and its id.
func token(t testing.TB, k *keeper.Keeper, r keeper.TokenRequest) (keeper.Caller, string) {
	t.Helper()
	if r.Principal == "" {
		r.Principal = "agent/demo"
	}
	made, err := k.TokenCreate(t.Context(), owner, r)
	if err != nil {
		t.Fatal(err)
	}
	return bearer(made.Token), made.ID
}

// bearer is a caller with a token. That it claims to be the owner, from the owner's uid, must not help it.
func bearer(text string) keeper.Caller {
	return keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket", UID: 1000, PID: 78, Token: secret.New([]byte(text))}
}

func getAs(t testing.TB, k *keeper.Keeper, c keeper.Caller, n string) (string, error) {
	t.Helper()
	r, err := k.Get(t.Context(), c, keeper.GetRequest{Ref: keeper.Ref{Name: n}})
	return string(r.Value.Reveal()), err
}

// last returns the newest audit record that is not about looking at the log.
func last(t testing.TB, k *keeper.Keeper) client.AuditRecord {
	t.Helper()
	a, err := k.Audit(t.Context(), owner, keeper.AuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Backward(a.Records) {
		if r.Action != "audit" {
			return r
		}
	}
	t.Fatal("no records")
	return client.AuditRecord{}
}

func TestI15DefaultDeny(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "ci/one", "first")
	set(t, k, "prod/db", "second")
	demo, id := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})

	if got, err := getAs(t, k, demo, "ci/one"); err != nil || got != "first" {
		t.Fatalf("what it may read: %q, %v", got, err)
	}
	if r := last(t, k); r.Principal != "agent/demo" || r.Result != "allowed" || r.Policy == nil || *r.Policy != id {
		t.Errorf("the record of it: %+v", r)
	}
	// Denied and missing are one answer.
	_, denied := getAs(t, k, demo, "prod/db")
	if r := last(t, k); r.Result != "denied" || r.Reason == nil || *r.Reason != "no rule matched" || r.Object.Name == nil || *r.Object.Name != "prod/db" {
		t.Errorf("the record of a denial: %+v", r)
	}
	_, missing := getAs(t, k, demo, "prod/xx")
	if r := last(t, k); r.Result != "denied" || r.Reason == nil || *r.Reason != "not_found" {
		t.Errorf("the record of a miss: %+v", r)
	}
	if !errors.Is(denied, fault.Denied) || !errors.Is(missing, fault.Denied) ||
		strings.ReplaceAll(denied.Error(), "prod/db", "NAME") != strings.ReplaceAll(missing.Error(), "prod/xx", "NAME") {
		t.Errorf("they differ:\n%v\n%v", denied, missing)
	}
	var a, b *fault.Error
	if errors.As(denied, &a); errors.As(missing, &b) && a.Fix != b.Fix {
		t.Errorf("the way out differs: %q, %q", a.Fix, b.Fix)
	}

	// It reaches nothing else by any method.
	ref := keeper.Ref{Name: "ci/one"}
	note := "x"
	for name, try := range map[string]func() error{
		"set": func() error {
			_, err := k.Set(t.Context(), demo, keeper.SetRequest{Ref: ref, Value: val("x")})
			return err
		},
		"set new": func() error {
			_, err := k.Set(t.Context(), demo, keeper.SetRequest{Ref: keeper.Ref{Name: "ci/new"}, Value: val("x")})
			return err
		},
		"rotate": func() error {
			_, err := k.Rotate(t.Context(), demo, keeper.RotateRequest{Ref: ref, Value: val("x")})
			return err
		},
		"generate": func() error {
			_, err := k.Rotate(t.Context(), demo, keeper.RotateRequest{Ref: ref, Generate: &keeper.Generate{Kind: "hex", Length: 9}})
			return err
		},
		"update": func() error {
			_, err := k.Update(t.Context(), demo, keeper.UpdateRequest{Ref: ref, Note: &note})
			return err
		},
		"tag": func() error {
			_, err := k.Update(t.Context(), demo, keeper.UpdateRequest{Ref: ref, AddTags: []string{"x"}})
			return err
		},
		"move": func() error { _, err := k.Move(t.Context(), demo, ref, "ci/two"); return err },
		"rollback": func() error {
			_, err := k.Rollback(t.Context(), demo, keeper.Ref{Name: "ci/one", Version: 1})
			return err
		},
		"remove": func() error {
			_, err := k.Remove(t.Context(), demo, keeper.RemoveRequest{Names: []string{"ci/one"}})
			return err
		},
		"purge":      func() error { _, err := k.Purge(t.Context(), demo, ref, []int{1}); return err },
		"show":       func() error { _, err := k.Show(t.Context(), demo, keeper.Ref{Name: "prod/db"}); return err },
		"history":    func() error { _, err := k.History(t.Context(), demo, keeper.Ref{Name: "prod/db"}); return err },
		"diff":       func() error { _, err := k.Diff(t.Context(), demo, keeper.Ref{Name: "prod/db"}, 1, 1); return err },
		"audit":      func() error { _, err := k.Audit(t.Context(), demo, keeper.AuditRequest{}); return err },
		"who":        func() error { _, err := k.AuditWho(t.Context(), demo, ref); return err },
		"verify":     func() error { _, err := k.AuditVerify(t.Context(), demo, keeper.AuditVerifyRequest{}); return err },
		"checkpoint": func() error { _, err := k.AuditCheckpoint(t.Context(), demo); return err },
		"export log": func() error {
			return k.AuditExport(t.Context(), demo, keeper.AuditRequest{}, func(client.AuditRecord) error { return nil })
		},
		"follow": func() error {
			return k.AuditFollow(t.Context(), demo, keeper.AuditRequest{}, func(client.AuditRecord) error { return nil })
		},
		"grant":      func() error { _, err := k.Grant(t.Context(), demo, "agent/demo", "read **"); return err },
		"grants":     func() error { _, err := k.GrantList(t.Context(), demo); return err },
		"ungrant":    func() error { _, err := k.GrantRemove(t.Context(), demo, "grant-1"); return err },
		"policies":   func() error { _, err := k.PolicyShow(t.Context(), demo); return err },
		"policy set": func() error { _, err := k.PolicySet(t.Context(), demo, ""); return err },
		"test": func() error {
			_, err := k.PolicyTest(t.Context(), demo, []byte("- {principal: agent/demo, action: read, object: a, expect: deny}"))
			return err
		},
		"explain": func() error {
			_, err := k.PolicyExplain(t.Context(), demo, keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "prod/db"})
			return err
		},
		"a token with more": func() error {
			_, err := k.TokenCreate(t.Context(), demo, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read **"}})
			return err
		},
		"a token of another": func() error {
			_, err := k.TokenCreate(t.Context(), demo, keeper.TokenRequest{Principal: "user/ana", Allow: []string{"read ci/*"}})
			return err
		},
		"another scope": func() error {
			_, err := k.Get(t.Context(), demo, keeper.GetRequest{Ref: keeper.Ref{Name: "ci/one", Scope: "user/ana"}})
			return err
		},
		"revoke what is not it": func() error { _, err := k.TokenRevoke(t.Context(), demo, "t_other"); return err },
	} {
		if err := try(); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := getAs(t, k, demo, "ci/one"); err != nil || got != "first" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
	// It sees what it may read, and nothing else.
	list, err := k.List(t.Context(), demo, keeper.ListRequest{AllScopes: true})
	if err != nil || list.Total != 1 || list.Secrets[0].Name != "ci/one" {
		t.Errorf("list: %+v, %v", list, err)
	}
	if s, err := k.Status(t.Context(), demo); err != nil || s.Principal != "agent/demo" || len(s.Slots) != 0 || s.Vault.Path != "" || s.Vault.ID != nil {
		t.Errorf("status: %+v, %v", s, err)
	}
	if w, err := k.Whoami(t.Context(), demo); err != nil || w.Principal != "agent/demo" || w.Token == nil || !slices.Equal(w.Rules, []string{"read ci/*"}) {
		t.Errorf("whoami: %+v, %v", w, err)
	}
}

// TestI15BadTokens: what is no good token is no principal, and above all not the owner.
func TestI15BadTokens(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "one")
	soon := h.now.Add(time.Hour)
	good, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read **"}, ExpiresAt: &soon})
	text := string(good.Token.Reveal())
	revoked, id := token(t, k, keeper.TokenRequest{Allow: []string{"read **"}})
	if out, err := k.TokenRevoke(t.Context(), owner, id); err != nil || !slices.Equal(out.Revoked, []string{id}) {
		t.Fatal(out, err)
	}
	forged := newHome(t)
	other, _ := token(t, forged.open(), keeper.TokenRequest{Allow: []string{"read **"}})
	for name, c := range map[string]keeper.Caller{
		"of another vault": other, "truncated": bearer(text[:len(text)-1]), "longer": bearer(text + "a"), "upper case": bearer(strings.ToUpper(text)),
		"nonsense": bearer("x"), "a line break": bearer(text + "\n"), "revoked": revoked, "none, and not the owner": {Principal: "user/eve", UID: 1001},
	} {
		if v, err := getAs(t, k, c, "a"); !errors.Is(err, fault.Denied) || v != "" {
			t.Errorf("%s: %q, %v", name, v, err)
		}
	}
	if _, err := getAs(t, k, good, "a"); err != nil {
		t.Error(err)
	}
	h.now = h.now.Add(time.Hour)
	if _, err := getAs(t, k, good, "a"); !errors.Is(err, fault.Denied) {
		t.Errorf("expired: %v", err)
	}
	list, err := k.TokenList(t.Context(), owner)
	states := map[string]int{}
	for _, s := range list.Tokens {
		states[s.State]++
	}
	if err != nil || states["revoked"] != 1 || states["expired"] != 1 || list.Total != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestI18RevokedAtOnce: also for what was made from the token, through another process, and for a stream that is open.
func TestI18RevokedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, elsewhere := h.open(), h.open()
	set(t, k, "a", "one")
	parent, id := token(t, k, keeper.TokenRequest{Allow: []string{"read **", "audit **"}})
	made, err := k.TokenCreate(t.Context(), parent, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read a"}})
	if err != nil {
		t.Fatal(err)
	}
	child := bearer(made.Token)
	if _, err := getAs(t, k, child, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Audit(t.Context(), child, keeper.AuditRequest{}); !errors.Is(err, fault.Denied) {
		t.Errorf("the child has what it was not given: %v", err)
	}
	following := make(chan error)
	seen := make(chan struct{}, 100)
	go func() {
		following <- k.AuditFollow(t.Context(), parent, keeper.AuditRequest{}, func(client.AuditRecord) error {
			select {
			case seen <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	<-seen
	if _, err := elsewhere.TokenRevoke(t.Context(), owner, id); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for name, c := range map[string]keeper.Caller{"parent": parent, "child": child} {
		if _, err := getAs(t, k, c, "a"); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := <-following; !errors.Is(err, fault.Denied) || time.Since(began) > time.Second {
		t.Errorf("the stream ended after %v with %v", time.Since(began), err)
	}
}

// TestUsesAreCounted: also when they come at once, from two processes.
func TestUsesAreCounted(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, elsewhere := h.open(), h.open()
	set(t, k, "a", "one")
	c, id := token(t, k, keeper.TokenRequest{Allow: []string{"read *", "write *"}, Uses: 5})
	if _, err := getAs(t, k, c, "b"); !errors.Is(err, fault.Denied) {
		t.Error(err)
	}
	if _, err := getAs(t, elsewhere, c, "a"); err != nil { // a refusal is no use
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := 0
	for i := range 10 {
		wg.Go(func() {
			v, err := getAs(t, []*keeper.Keeper{k, elsewhere}[i%2], c, "a")
			mu.Lock()
			defer mu.Unlock()
			if err == nil && v == "one" {
				got++
			} else if !errors.Is(err, fault.Denied) || v != "" {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
	wg.Wait()
	if got != 4 {
		t.Errorf("%d reads were answered, 4 were left", got)
	}
	if _, err := k.Set(t.Context(), c, keeper.SetRequest{Ref: keeper.Ref{Name: "a"}, Value: val("x")}); !errors.Is(err, fault.Denied) {
		t.Errorf("a write with none left: %v", err)
	}
	list, err := k.TokenList(t.Context(), owner)
	if err != nil || list.Tokens[0].ID != id || list.Tokens[0].State != "used_up" || *list.Tokens[0].UsesLeft != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if v, err := k.AuditVerify(t.Context(), owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("the log: %+v, %v", v, err)
	}
}

// TestExplainedGrant: what policy explain prints turns the same request into an allow.
func TestExplainedGrant(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "prod/db", "one")
	set(t, k, "prod/web", "two")
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	ask := keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "prod/db"}
	e, err := k.PolicyExplain(t.Context(), owner, ask)
	if err != nil || e.Decision != "deny" || e.Reason != "no rule matched" || e.Grant == nil || *e.Grant != "tacit grant agent/demo read prod/db" {
		t.Fatalf("%+v, %v", e, err)
	}
	g, err := k.Grant(t.Context(), owner, "agent/demo", strings.TrimPrefix(*e.Grant, "tacit grant agent/demo "))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := getAs(t, k, demo, "prod/db"); err != nil || got != "one" {
		t.Errorf("after the grant: %q, %v", got, err)
	}
	if _, err := getAs(t, k, demo, "prod/web"); !errors.Is(err, fault.Denied) {
		t.Errorf("another: %v", err)
	}
	if e, err := k.PolicyExplain(t.Context(), owner, ask); err != nil || e.Decision != "allow" || !slices.Equal(e.Rules, []string{g.ID}) {
		t.Errorf("%+v, %v", e, err)
	}
	// A forbid beats it, and text that does not compile changes nothing.
	if _, err := k.PolicySet(t.Context(), owner, `forbid (principal, action, resource is Secret) when { resource.tags.contains("prod") };`); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Update(t.Context(), owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "prod/db"}, AddTags: []string{"prod"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := getAs(t, k, demo, "prod/db"); !errors.Is(err, fault.Denied) {
		t.Errorf("forbidden: %v", err)
	}
	if _, err := k.PolicySet(t.Context(), owner, "permit (principal, action"); !errors.Is(err, fault.Invalid) {
		t.Errorf("half a policy: %v", err)
	}
	if p, err := k.PolicyShow(t.Context(), owner); err != nil || !strings.Contains(p.Text, "forbid") || !strings.Contains(p.Text, g.ID) {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := k.GrantRemove(t.Context(), owner, g.ID); err != nil {
		t.Fatal(err)
	}
	if g2, err := k.Grant(t.Context(), owner, "agent/demo", "read prod/db"); err != nil || g2.ID == g.ID {
		t.Errorf("a number was used again: %+v, %v", g2, err)
	}
}

// TestScopesOfTokens: a bearer is in the workspace and group that its token was made with. When it says that it is elsewhere it gets
// nothing, not what is there under the same name.
func TestScopesOfTokens(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	in := func(scope, value string) {
		t.Helper()
		if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "k", Scope: scope}, Value: val(value)}); err != nil {
			t.Fatal(err)
		}
	}
	in("", "global")
	in("workspace/W", "of W")
	in("workspace/W/group/G", "of G")
	in("agent/demo", "of demo")
	plain, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read k"}, Principal: "agent/other"})
	inW, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read k"}, Principal: "agent/other", Workspace: "W"})
	inG, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read k"}, Principal: "agent/other", Workspace: "W", Group: "G"})
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read k"}, Workspace: "W", Group: "G"})
	for _, c := range []struct {
		who              keeper.Caller
		workspace, group string
		want             string
	}{{plain, "", "", "global"}, {inW, "W", "", "of W"}, {inG, "W", "G", "of G"}, {demo, "W", "G", "of demo"}} {
		if got, err := getAs(t, k, c.who, "k"); err != nil || got != c.want {
			t.Errorf("%q, %v; want %q", got, err, c.want)
		}
		for _, in := range [][2]string{{"W", ""}, {"W", "G"}, {"V", ""}, {"W", "H"}, {"V", "G"}} {
			c.who.Workspace, c.who.Group = in[0], in[1]
			got, err := getAs(t, k, c.who, "k")
			switch ours := in[0] == c.workspace && (in[1] == "" || in[1] == c.group); {
			case ours && (err != nil || got != c.want):
				t.Errorf("in %q: %q, %v; want %q", in, got, err, c.want)
			case !ours && !errors.Is(err, fault.Denied):
				t.Errorf("in %q, where the token was not made for: %q, %v", in, got, err)
			}
		}
	}
	for _, scope := range []string{"workspace/W", "workspace/W/group/G", "agent/demo"} {
		if _, err := k.Get(t.Context(), plain, keeper.GetRequest{Ref: keeper.Ref{Name: "k", Scope: scope}}); !errors.Is(err, fault.Denied) {
			t.Errorf("%s from outside: %v", scope, err)
		}
	}
}

// TestAccessSurvives: policies, grants and tokens live through a root rotation and a restart, and damage to them leaves only the owner.
func TestAccessSurvives(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "one")
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read b"}})
	if _, err := k.Grant(t.Context(), owner, "agent/demo", "read a"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.RotateRoot(t.Context(), owner, keeper.RotateRootRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*keeper.Keeper{k, h.open()} {
		if got, err := getAs(t, k, demo, "a"); err != nil || got != "one" {
			t.Errorf("%q, %v", got, err)
		}
	}
	d, err := h.open().Doctor(t.Context(), owner, keeper.DoctorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Checks {
		if c.Status == "fail" {
			t.Errorf("doctor: %+v", c)
		}
	}
}

// TestDeniedAndMissingTakeEquallyLong compares medians of many of each, in turns.
func TestDeniedAndMissingTakeEquallyLong(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	for range 30 {
		set(t, k, "prod/db", strings.Repeat("x", 9000))
	}
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	took := map[string][]time.Duration{}
	for range 40 {
		for _, n := range []string{"prod/db", "prod/xx"} {
			began := time.Now()
			_, _ = getAs(t, k, demo, n)
			took[n] = append(took[n], time.Since(began))
			if d := time.Since(began); d < 10*time.Millisecond { // the quantum
				t.Errorf("%s was refused after %v", n, d)
			}
		}
	}
	median := func(n string) time.Duration { slices.Sort(took[n]); return took[n][len(took[n])/2] }
	a, b := median("prod/db"), median("prod/xx")
	if d := (a - b).Abs(); d > 2*time.Millisecond && d < 9*time.Millisecond { // a whole quantum is the machine's, not the answer's
		t.Errorf("denied %v, missing %v", a, b)
	}
}
