package keeper_test

import (
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/policy"
)

// TestI31NoTokenIsPresent: a token takes away what only the owner may do, also from a process that opened a slot.
func TestI31NoTokenIsPresent(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "one")
	everything := []string{}
	for _, a := range policy.Actions() {
		everything = append(everything, string(a)+" **")
	}
	c, _ := token(t, k, keeper.TokenRequest{Allow: everything})
	for who, c := range map[string]keeper.Caller{"a token for everything": c, "nobody": {Principal: "user/ana"}} {
		for name, try := range map[string]func() error{
			"slot add": func() error {
				_, err := k.SlotAdd(t.Context(), c, keeper.NewSlot{Kind: "recovery"})
				return err
			},
			"slot rm":     func() error { return k.SlotRemove(t.Context(), c, "1") },
			"rotate-root": func() error { _, err := k.RotateRoot(t.Context(), c, keeper.RotateRootRequest{}); return err },
			"export": func() error {
				_, err := k.Export(t.Context(), c, keeper.ExportRequest{Values: true}, func(keeper.Exported) error { t.Error("exported"); return nil })
				return err
			},
			"backup": func() error { _, err := k.Backup(t.Context(), c, keeper.BackupRequest{}, io.Discard); return err },
			"import --replace": func() error {
				_, err := k.Restore(t.Context(), c, keeper.RestoreRequest{Backup: strings.NewReader("")})
				return err
			},
			"import a backup": func() error {
				_, err := k.ImportBackup(t.Context(), c, keeper.ImportRequest{}, strings.NewReader(""))
				return err
			},
			"update --readable": func() error { _, err := k.Unseal(t.Context(), c, keeper.Ref{Name: "a"}); return err },
			"audit prune":       func() error { _, err := k.AuditPrune(t.Context(), c, h.now.AddDate(-1, 0, 0)); return err },
		} {
			if err := try(); !errors.Is(err, fault.Denied) {
				t.Errorf("%s, as %s: %v", name, who, err)
			}
		}
	}
}

// TestI15NobodyLooksAtTheLog: neither the owner nor with a token, one is told nothing.
func TestI15NobodyLooksAtTheLog(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "a", "one")
	nobody := keeper.Caller{Principal: "user/eve", Door: "socket", UID: 1001}
	each := func(client.AuditRecord) error { t.Error("a record was shown"); return nil }
	for name, try := range map[string]func() error{
		"audit": func() error {
			a, err := k.Audit(t.Context(), nobody, keeper.AuditRequest{})
			if len(a.Records) > 0 {
				t.Error("records were returned")
			}
			return err
		},
		"status": func() error {
			s, err := k.Status(t.Context(), nobody)
			if s.Vault.Path != "" || s.Vault.ID != nil || len(s.Slots) > 0 {
				t.Errorf("status: %+v", s)
			}
			return err
		},
		"verify":     func() error { _, err := k.AuditVerify(t.Context(), nobody, keeper.AuditVerifyRequest{}); return err },
		"export":     func() error { return k.AuditExport(t.Context(), nobody, keeper.AuditRequest{}, each) },
		"follow":     func() error { return k.AuditFollow(t.Context(), nobody, keeper.AuditRequest{}, each) },
		"checkpoint": func() error { _, err := k.AuditCheckpoint(t.Context(), nobody); return err },
		"who":        func() error { _, err := k.AuditWho(t.Context(), nobody, keeper.Ref{Name: "a"}); return err },
	} {
		if err := try(); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestI18RevokedDuringAnImport: an import is decided when it begins and once more when it is committed, however long it is sent for.
func TestI18RevokedDuringAnImport(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, elsewhere := h.open(), h.open()
	for name, c := range map[string]struct {
		meanwhile func(id string) error
		want      fault.Code
	}{
		"revoked": {func(id string) error { _, err := elsewhere.TokenRevoke(t.Context(), owner, id); return err }, fault.Denied},
		"forbidden": {func(string) error {
			_, err := elsewhere.PolicySet(t.Context(), owner, `forbid (principal, action == Action::"write", resource is Secret in Glob::"i/*");`)
			return err
		}, fault.Conflict},
	} {
		bearer, id := token(t, k, keeper.TokenRequest{Allow: []string{"write i/*"}})
		sent := false
		_, err := k.Import(t.Context(), bearer, keeper.ImportRequest{Format: "env"}, func() (keeper.ImportEntry, error) {
			if sent {
				return keeper.ImportEntry{}, errors.Join(io.EOF, c.meanwhile(id))
			}
			sent = true
			return keeper.ImportEntry{Name: "i/one", Value: val("1")}, nil
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := getAs(t, k, owner, "i/one"); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s: it was imported all the same: %v", name, err)
		}
	}
}

// TestI18StreamsEnd: what is being sent ends within a second.
func TestI18StreamsEnd(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	for _, n := range []string{"a", "b", "c"} {
		set(t, k, n, "one")
	}
	for name, stream := range map[string]func(c keeper.Caller, each func() error) error{
		"names": func(c keeper.Caller, each func() error) error {
			return k.Names(t.Context(), c, keeper.ListRequest{}, func(string) error { return each() })
		},
		"audit export": func(c keeper.Caller, each func() error) error {
			return k.AuditExport(t.Context(), c, keeper.AuditRequest{}, func(client.AuditRecord) error { return each() })
		},
	} {
		bearer, id := token(t, k, keeper.TokenRequest{Allow: []string{"list **", "audit **"}})
		got := 0
		err := stream(bearer, func() error {
			if got++; got > 1 {
				return nil
			}
			if _, err := k.TokenRevoke(t.Context(), owner, id); err != nil {
				return err
			}
			for since := time.Now(); time.Since(since) < time.Second; { // a reader that takes its time
				_, _ = getAs(t, k, bearer, "a")
			}
			return nil
		})
		if !errors.Is(err, fault.Denied) || got != 1 {
			t.Errorf("%s: %d were sent, then %v", name, got, err)
		}
	}
}

// TestTokensAreBounded: a bearer cannot keep the owner from making tokens, and dead ones do not add up for ever.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	soon := h.now.Add(time.Hour)
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read **"}, ExpiresAt: &soon})
	var err error
	n := 0
	for ; err == nil && n < 200; n++ {
		var made client.TokenCreated
		made, err = k.TokenCreate(t.Context(), c, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read a"}})
		if n == 0 {
			c = bearer(made.Token) // what it makes counts for the first one too
		}
	}
	if !errors.Is(err, fault.Denied) || n != 101 {
		t.Errorf("%d were made, then %v", n, err)
	}
	total := func() int {
		list, err := k.TokenList(t.Context(), owner)
		if err != nil {
			t.Fatal(err)
		}
		return list.Total
	}
	if got := total(); got != 101 {
		t.Errorf("%d tokens", got)
	}
	h.now = h.now.AddDate(0, 0, 29)
	token(t, k, keeper.TokenRequest{Allow: []string{"read **"}})
	if got := total(); got != 102 {
		t.Errorf("after 29 days: %d tokens", got)
	}
	h.now = h.now.AddDate(0, 0, 2)
	token(t, k, keeper.TokenRequest{Allow: []string{"read **"}})
	if got := total(); got != 2 {
		t.Errorf("after 31 days: %d tokens", got)
	}
}

// TestHostileArguments: what the log would have to hold, or what nobody expects.
func TestHostileArguments(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "a", "one")
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a", "audit **", "admin **", "list **"}})
	long := strings.Repeat("x", 100<<10)
	for name, try := range map[string]func(s string) error{
		"a scope": func(s string) error {
			_, err := k.Get(t.Context(), c, keeper.GetRequest{Ref: keeper.Ref{Name: "a", Scope: s}})
			return err
		},
		"a token": func(s string) error { _, err := k.TokenRevoke(t.Context(), c, s); return err },
		"a grant": func(s string) error { _, err := k.GrantRemove(t.Context(), c, s); return err },
		"explain": func(s string) error {
			_, err := k.PolicyExplain(t.Context(), c, keeper.ExplainRequest{Principal: "agent/x", Action: "read", Object: "a", Scope: s})
			return err
		},
		"a name":    func(s string) error { _, err := k.Audit(t.Context(), c, keeper.AuditRequest{Secret: s}); return err },
		"in a list": func(s string) error { _, err := k.List(t.Context(), c, keeper.ListRequest{Scope: s}); return err },
	} {
		for _, s := range []string{long, "x\x1b[31m\n", "grant-1\n", "t_A+", "workspace/../../x", "\xff"} {
			if err := try(s); err == nil || errors.Is(err, fault.Failed) || len(err.Error()) > 400 {
				t.Errorf("%s %.20q: %.300v", name, s, err)
			}
		}
	}
	if v, err := k.AuditVerify(t.Context(), owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestExplainLooksEverywhere: in a scope that has not the name, and where the principal is.
func TestExplainLooksEverywhere(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "k", "global")
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "k", Scope: "workspace/W"}, Value: val("W"), Tags: []string{"w"}}); err != nil {
		t.Fatal(err)
	}
	ask := keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "k"}
	for scope, want := range map[string]string{
		"": "read k in global", "workspace/W": "read k in workspace/W", "workspace/X": "read k in workspace/X", "agent/demo": "read k in agent/demo",
	} {
		ask.Scope = scope
		e, err := k.PolicyExplain(t.Context(), owner, ask)
		if err != nil || e.Grant == nil || *e.Grant != "tacit grant agent/demo "+want {
			t.Errorf("%q: %+v, %v", scope, e, err)
		}
	}
	ask.Scope, ask.Workspace = "", "W"
	if e, err := k.PolicyExplain(t.Context(), owner, ask); err != nil || e.Grant == nil || *e.Grant != "tacit grant agent/demo read k in workspace/W" {
		t.Errorf("in the workspace: %+v, %v", e, err)
	}
	if _, err := k.Grant(t.Context(), owner, "agent/demo", "read ** tagged w"); err != nil {
		t.Fatal(err)
	}
	tested, err := k.PolicyTest(t.Context(), owner, []byte(`
- {principal: agent/demo, action: read, object: k, expect: deny}
- {principal: agent/demo, action: read, object: k, context: {workspace: W}, expect: allow}
- {principal: agent/demo, action: read, object: nothing, expect: deny}
`))
	if err != nil || !tested.OK {
		t.Errorf("%+v, %v", tested, err)
	}
}

// TestExplainKnowsTokens: what a token of the principal permits is not called denied.
func TestExplainKnowsTokens(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "ci/one", "1")
	c, id := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	ask := keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "ci/one"}
	e, err := k.PolicyExplain(t.Context(), owner, ask)
	if err != nil || e.Decision != "allow" || !slices.Equal(e.Rules, []string{id}) || e.Reason != "allowed by token "+id || e.Grant != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := k.TokenRevoke(t.Context(), c, "agent/demo"); err != nil { // its own
		t.Fatal(err)
	}
	if e, err := k.PolicyExplain(t.Context(), owner, ask); err != nil || e.Decision != "deny" {
		t.Errorf("after it was revoked: %+v, %v", e, err)
	}
}

// TestI15Defaults: what the configuration grants counts like a grant; when it cannot be read nobody but the owner is allowed anything,
// and the owner is told why.
func TestI15Defaults(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	set(t, h.open(), "a", "one")
	demo, _ := token(t, h.open(), keeper.TokenRequest{Allow: []string{"read nothing"}})
	asked := 0
	with := func(grants func() ([]policy.Grant, error)) *keeper.Keeper {
		k := keeper.New(keeper.Options{
			Layout: h.layout(), Engine: bolt.Open(h.layout().Vault, bolt.Options{}), Random: rand.Reader, Now: func() time.Time { return h.now },
			Opener: &envelope.Opener{
				Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": passphrase}[k] },
				Random: rand.Reader, Now: func() time.Time { return h.now }, WorkFactor: 10,
			},
			Config: func() (keeper.Config, error) {
				asked++
				g, err := grants()
				return keeper.Config{Defaults: g}, err
			},
		})
		t.Cleanup(func() { _ = k.Close() })
		return k
	}
	k := with(func() ([]policy.Grant, error) { return policy.Defaults(map[string][]string{"agent": {"read a"}}) })
	if got, err := getAs(t, k, owner, "a"); err != nil || got != "one" || asked != 0 {
		t.Errorf("the owner: %q, %v, asked %d times", got, err, asked)
	}
	for range 2 {
		if got, err := getAs(t, k, demo, "a"); err != nil || got != "one" || asked != 1 {
			t.Errorf("by default: %q, %v, asked %d times", got, err, asked)
		}
	}
	if p, err := k.PolicyShow(t.Context(), owner); err != nil || !strings.Contains(p.Text, "default-agent-1") || p.Grants != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	k = with(func() ([]policy.Grant, error) { return nil, fault.New(fault.Usage, "config.yaml: line 3: nonsense") })
	if _, err := getAs(t, k, demo, "a"); !errors.Is(err, fault.Denied) || strings.Contains(err.Error(), "line 3") {
		t.Errorf("unreadable: %v", err)
	}
	if r := last(t, k); r.Reason == nil || !strings.Contains(*r.Reason, "config.yaml: line 3") {
		t.Errorf("%+v", r)
	}
	if _, err := k.PolicyShow(t.Context(), owner); !errors.Is(err, fault.Usage) {
		t.Errorf("policy show: %v", err)
	}
	if _, err := k.PolicySet(t.Context(), owner, ""); !errors.Is(err, fault.Usage) {
		t.Errorf("policy set: %v", err)
	}
	if got, err := getAs(t, k, owner, "a"); err != nil || got != "one" {
		t.Errorf("the owner: %q, %v", got, err)
	}
}

// TestAuditWhoKnowsLimitedTokens: who read with a token that is good for so many uses saw the value like everybody else.
func TestAuditWhoKnowsLimitedTokens(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "a", "one")
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a"}, Uses: 2})
	for i := range 3 {
		if _, err := getAs(t, k, c, "a"); (err == nil) != (i < 2) {
			t.Errorf("use %d: %v", i+1, err)
		}
	}
	w, err := k.AuditWho(t.Context(), owner, keeper.Ref{Name: "a"})
	if err != nil || len(w.Versions) != 1 || len(w.Versions[0].Principals) != 1 {
		t.Fatalf("%+v, %v", w, err)
	}
	if p := w.Versions[0].Principals[0]; p.Principal != "agent/demo" || p.Count != 2 || p.Action != "read" {
		t.Errorf("%+v", p)
	}
}

// TestAliasesAreNames: an alias answers in the place of the name that it is, so it takes what the name would.
func TestAliasesAreNames(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "ci/one", "mine")
	set(t, k, "prod/db", "theirs")
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"write ci/*", "admin ci/*", "read ci/*"}})
	taken := []string{"prod/db", "prod/new"}
	for name, try := range map[string]func(alias string) error{
		"update": func(alias string) error {
			_, err := k.Update(t.Context(), c, keeper.UpdateRequest{Ref: keeper.Ref{Name: "ci/one"}, AddAliases: []string{alias}})
			return err
		},
		"set": func(alias string) error {
			_, err := k.Set(t.Context(), c, keeper.SetRequest{Ref: keeper.Ref{Name: "ci/one"}, Value: val("x"), Aliases: []string{alias}})
			return err
		},
		"set a new one": func(alias string) error {
			_, err := k.Set(t.Context(), c, keeper.SetRequest{Ref: keeper.Ref{Name: "ci/two"}, Value: val("x"), Aliases: []string{alias}})
			return err
		},
		"import": func(alias string) error {
			sent := false
			_, err := k.Import(t.Context(), c, keeper.ImportRequest{}, func() (keeper.ImportEntry, error) {
				if sent {
					return keeper.ImportEntry{}, io.EOF
				}
				sent = true
				return keeper.ImportEntry{Name: "ci/three", Value: val("x"), Aliases: []string{alias}}, nil
			})
			return err
		},
		"mv": func(alias string) error {
			_, err := k.Move(t.Context(), c, keeper.Ref{Name: "ci/one"}, alias)
			return err
		},
	} {
		var said []string
		for _, alias := range taken { // whether the name is taken must not show
			err := try(alias)
			if err == nil || fault.CodeOf(err) == fault.Exists {
				t.Errorf("%s %s: %v", name, alias, err)
				continue
			}
			said = append(said, strings.ReplaceAll(err.Error(), alias, "NAME"))
		}
		if len(said) == 2 && said[0] != said[1] {
			t.Errorf("%s: %q", name, said)
		}
	}
	if got, err := getAs(t, k, owner, "prod/new"); !errors.Is(err, fault.NotFound) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := k.Update(t.Context(), c, keeper.UpdateRequest{Ref: keeper.Ref{Name: "ci/one"}, AddAliases: []string{"ci/alias"}}); err != nil {
		t.Error(err)
	}
}

// TestNewSecretsAreJudgedAsTheyWillBe: a forbid on a tag holds for what would be made with it.
func TestNewSecretsAreJudgedAsTheyWillBe(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	if _, err := k.PolicySet(t.Context(), owner, `forbid (principal, action, resource is Secret) when { resource.tags.contains("prod") || resource.exposure == "sealed" };`); err != nil {
		t.Fatal(err)
	}
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"write **", "admin **"}})
	yes := true
	for name, r := range map[string]keeper.SetRequest{"tagged": {Tags: []string{"prod"}}, "sealed": {Sealed: &yes, Service: "stripe"}, "plain": {}} {
		r.Ref, r.Value = keeper.Ref{Name: "ci/" + name}, val("a long enough value")
		if _, err := k.Set(t.Context(), c, r); errors.Is(err, fault.Denied) != (name != "plain") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExplainComesByTheSocket: whom an owner at the command line asks about would not come that way.
func TestExplainComesByTheSocket(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "a", "one")
	if _, err := k.PolicySet(t.Context(), owner, `permit (principal is Agent, action == Action::"read", resource is Secret) when { context.door == "socket" };`); err != nil {
		t.Fatal(err)
	}
	e, err := k.PolicyExplain(t.Context(), owner, keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "a"})
	if err != nil || e.Decision != "allow" {
		t.Errorf("%+v, %v", e, err)
	}
	tested, err := k.PolicyTest(t.Context(), owner, []byte("- {principal: agent/demo, action: read, object: a, expect: allow}\n- {principal: agent/demo, action: read, object: a, context: {door: api}, expect: deny}\n"))
	if err != nil || !tested.OK {
		t.Errorf("%+v, %v", tested, err)
	}
}

// TestGrantsAndChildren: a grant reaches a token that a token made only as far as that one's own rules go, and whoami says so.
func TestGrantsAndChildren(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "a", "one")
	set(t, k, "b", "two")
	parent, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a"}})
	made, err := k.TokenCreate(t.Context(), parent, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read a"}})
	if err != nil {
		t.Fatal(err)
	}
	child := bearer(made.Token)
	if _, err := k.Grant(t.Context(), owner, "agent/demo", "read b"); err != nil {
		t.Fatal(err)
	}
	if got, err := getAs(t, k, parent, "b"); err != nil || got != "two" {
		t.Errorf("the parent: %q, %v", got, err)
	}
	if got, err := getAs(t, k, child, "b"); !errors.Is(err, fault.Denied) || got != "" {
		t.Errorf("the child: %q, %v", got, err)
	}
	for who, want := range map[*keeper.Caller][]string{&parent: {"read a", "read b"}, &child: {"read a"}} {
		if w, err := k.Whoami(t.Context(), *who); err != nil || !slices.Equal(w.Rules, want) {
			t.Errorf("%v, want %v, %v", w.Rules, want, err)
		}
	}
}
