package keeper_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// TestI15UseByPolicy: an agent uses what it was given, and for everything else there is one answer, whether it is there or not.
func TestI15UseByPolicy(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	addService(t, k, newUpstream(t, nil).file("bare", "BARE_KEY")) // without a credential
	may, id := token(t, k, keeper.TokenRequest{Allow: []string{"use demo/things"}})
	mustUse(t, k, may, things())
	if r := last(t, k); r.Principal != "agent/demo" || r.Policy == nil || *r.Policy != id {
		t.Errorf("the record: %+v", r)
	}
	sent := u.seen.Load()

	ask := func(capability, service, path string) keeper.UseRequest {
		return keeper.UseRequest{Capability: capability, Service: service, Request: broker.Request{Method: "GET", Path: path}}
	}
	elsewhere := func(r keeper.UseRequest) keeper.UseRequest {
		r.Token = []keeper.TokenPlace{{In: "query", Name: "nowhere"}}
		return r
	}
	answers := map[string]string{}
	for name, r := range map[string]keeper.UseRequest{
		"not permitted":                   ask("demo/admin", "", "/v1/admin"),
		"not permitted, without a path":   ask("demo/admin", "", ""),
		"not permitted, another's path":   ask("demo/admin", "", "/v1/things"),
		"not permitted, outside":          ask("demo/admin", "", "/v2/nothing"),
		"no such capability":              ask("demo/nosuch", "", "/v1/admin"),
		"no such service":                 ask("nosuch/admin", "", "/v1/admin"),
		"built in and without a secret":   ask("openai/models-read", "", "/v1/models"),
		"its own and without a secret":    ask("bare/things", "", "/v1/things"),
		"a service that is not there":     ask("", "nosuch", "/v1/things"),
		"a service that is not permitted": ask("", "bare", "/v1/things"),
		"a path of it that is nowhere":    ask("", "bare", "/v2/nothing"),
		"a built-in service":              ask("", "openai", "/v1/models"),
		"its own, a path of no reading":   ask("", "bare", "/v1/%2e%2e/x"),
		"nowhere, a path of no reading":   ask("", "nosuch", "/v1/%2e%2e/x"),
		"not permitted, no reading":       ask("demo/admin", "", "/v1/%2e%2e/x"),
		"its own, a token elsewhere":      elsewhere(ask("", "bare", "/v1/things")),
		"nowhere, a token elsewhere":      elsewhere(ask("", "nosuch", "/v1/things")),
	} {
		began := time.Now()
		_, err := use(t, k, may, r)
		took := time.Since(began)
		if !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var f *fault.Error
		errors.As(err, &f)
		kind, asked := "capability", r.Capability
		if asked == "" {
			kind, asked = "service", r.Service
		}
		text := strings.ReplaceAll(f.Error()+"; "+f.Fix, asked, "X")
		answers[kind+": "+strings.ReplaceAll(text, "capability", "thing")] += name + ", "
		if took < 10*time.Millisecond {
			t.Errorf("%s was answered after %v", name, took)
		}
		if r := last(t, k); r.Result != "denied" || r.Reason == nil {
			t.Errorf("%s: the record says %s", name, r.Result)
		}
	}
	if len(answers) > 2 {
		t.Errorf("the answers differ:")
		for text, names := range answers {
			t.Errorf("%s\n\t%s", text, names)
		}
	}
	if n := u.seen.Load(); n != sent {
		t.Errorf("%d requests were sent", n-sent)
	}
	// What it may use it is told the truth about.
	if _, err := use(t, k, may, ask("demo/things", "", "/v1/admin")); err == nil || !strings.Contains(err.Error(), "demo/things") {
		t.Errorf("outside of what it may use: %v", err)
	}
	for name, list := range map[string]func() (int, error){
		"services": func() (int, error) { l, err := k.ServiceList(t.Context(), may); return l.Total, err },
		"capabilities": func() (int, error) {
			l, err := k.CapabilityList(t.Context(), may, keeper.CapabilityListRequest{})
			return l.Total, err
		},
		"credentials": func() (int, error) { l, err := k.CredentialList(t.Context(), may); return l.Total, err },
	} {
		if n, err := list(); n != 1 || err != nil {
			t.Errorf("it sees %d %s, %v", n, name, err)
		}
	}
	_, missing := k.ServiceDescribe(t.Context(), may, "nosuch")
	_, denied := k.ServiceDescribe(t.Context(), may, "openai")
	if strings.ReplaceAll(missing.Error(), "nosuch", "X") != strings.ReplaceAll(denied.Error(), "openai", "X") {
		t.Errorf("describe: %v, and %v", missing, denied)
	}
}

// TestUseCountsOnAToken: each use is one of a token that has only so many.
func TestUseCountsOnAToken(t *testing.T) {
	t.Parallel()
	_, k, _ := newDemo(t, nil)
	twice, _ := token(t, k, keeper.TokenRequest{Allow: []string{"use demo/*"}, Uses: 2})
	mustUse(t, k, twice, things())
	mustUse(t, k, twice, things())
	if _, err := use(t, k, twice, things()); !errors.Is(err, fault.Denied) {
		t.Errorf("the third: %v", err)
	}
	uses := 0
	for _, r := range lines(t, k, keeper.AuditRequest{}) {
		if r.Action == "use" && r.Result == "allowed" && r.Request != nil && r.Request.Status == 200 {
			uses++
		}
	}
	if uses != 2 {
		t.Errorf("%d uses with their end are on the record", uses)
	}
}

// TestNarrowestCredential: of several credentials the one of the narrowest scope answers, unless another is bound or asked for.
func TestNarrowestCredential(t *testing.T) {
	t.Parallel()
	_, k, _ := newDemo(t, nil)
	ctx := t.Context()
	inWeb := owner
	inWeb.Workspace = "web"
	answers := func(c keeper.Caller, want string) {
		t.Helper()
		if a := mustUse(t, k, c, things()); a.Credential != want {
			t.Errorf("%s answers, want %s", a.Credential, want)
		}
	}
	make := func(id, scope string) {
		t.Helper()
		if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "key-of-" + id, Scope: scope}, Value: val("the-key-of-" + id), Via: "set", Sealed: ptr(true), Service: "demo"}); err != nil {
			t.Fatal(err)
		}
		if _, err := k.CredentialCreate(ctx, owner, keeper.CredentialRequest{ID: id, Service: "demo", Scope: scope, Secrets: map[string]string{"": "key-of-" + id}}); err != nil {
			t.Fatal(err)
		}
	}
	make("web-demo", "workspace/web")
	answers(owner, "demo")
	answers(inWeb, "web-demo")
	make("second", "global")
	_, err := use(t, k, owner, things())
	if !errors.Is(err, fault.Conflict) || fault.CodeOf(err).Exit() != 8 || !strings.Contains(err.Error(), "second") {
		t.Errorf("two equals: %v", err)
	}
	answers(inWeb, "web-demo")
	bind := func(c keeper.Caller, credential, scope string) {
		t.Helper()
		if _, err := k.CapabilityBind(ctx, c, keeper.BindRequest{Capability: "demo/things", Credential: credential, Scope: scope}); err != nil {
			t.Fatal(err)
		}
	}
	bind(owner, "second", "")
	answers(owner, "second")
	answers(inWeb, "second")
	bind(inWeb, "demo", "workspace/web")
	answers(inWeb, "demo")
	answers(owner, "second")
	asked := things()
	asked.Credential = "web-demo"
	if a := mustUse(t, k, inWeb, asked); a.Credential != "web-demo" {
		t.Errorf("asked for: %s", a.Credential)
	}
	if _, err := use(t, k, owner, asked); !errors.Is(err, fault.NotFound) {
		t.Errorf("of a scope that the caller is not in: %v", err)
	}
	if _, err := k.CapabilityBind(ctx, owner, keeper.BindRequest{Capability: "demo/things", Credential: "nothing"}); !errors.Is(err, fault.NotFound) {
		t.Errorf("bound to nothing: %v", err)
	}
	removed, err := k.Remove(ctx, owner, keeper.RemoveRequest{Names: []string{"key-of-second"}})
	if err != nil || len(removed.CredentialsRemoved) != 1 {
		t.Fatalf("%+v, %v", removed, err)
	}
	if b, err := k.CapabilityBindings(ctx, owner); err != nil || b.Total != 1 || b.Bindings[0].Credential != "demo" {
		t.Errorf("the bindings after rm: %+v, %v", b.Bindings, err)
	}
	answers(owner, "demo")
	if _, err := k.CapabilityUnbind(ctx, inWeb, keeper.BindRequest{Capability: "demo/things", Scope: "workspace/web"}); err != nil {
		t.Fatal(err)
	}
	answers(inWeb, "web-demo")
}

// TestSameCredentialTwice: what was made of the secrets that make the automatic one is no second answer.
func TestSameCredentialTwice(t *testing.T) {
	t.Parallel()
	_, k, _ := newDemo(t, nil)
	if _, err := k.CredentialCreate(t.Context(), owner, keeper.CredentialRequest{ID: "demo-2", Service: "demo", Secrets: map[string]string{"": "DEMO_KEY"}}); err != nil {
		t.Fatal(err)
	}
	if a := mustUse(t, k, owner, things()); a.Credential != "demo-2" {
		t.Errorf("%s answers", a.Credential)
	}
}

// TestUnenforcedUse: where policies are not enforced, a use that none permits is carried out, and on the record as denied; what cannot be
// carried out still is not.
func TestUnenforcedUse(t *testing.T) {
	t.Parallel()
	h, k, _ := newDemo(t, nil)
	agent, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read nothing"}})
	lenient := h.openWith(unenforced)
	for name, r := range map[string]keeper.UseRequest{
		"a use": things(), "without a path": {Capability: "demo/things", Request: broker.Request{Method: "GET"}},
		"without a method": {Capability: "demo/admin"}, "by its service": {Service: "demo", Request: broker.Request{Method: "GET", Path: "/v1/things"}},
	} {
		if a, err := use(t, lenient, agent, r); err != nil || a.Status != 200 {
			t.Errorf("%s: %v", name, err)
		}
		if r := last(t, k); r.Result != "denied" || !strings.HasSuffix(*r.Reason, "not enforced") {
			t.Errorf("%s: the record says %s", name, r.Result)
		}
	}
	for name, r := range map[string]keeper.UseRequest{
		"outside":    {Capability: "demo/things", Request: broker.Request{Method: "GET", Path: "/v1/admin"}},
		"nowhere":    {Service: "demo", Request: broker.Request{Method: "GET", Path: "/v2"}},
		"no service": {Service: "nosuch", Request: broker.Request{Method: "GET", Path: "/v2"}},
	} {
		if _, err := use(t, lenient, agent, r); err == nil {
			t.Errorf("%s was used", name)
		}
	}
}

// TestLastUseLasts: the last use of a token may take its time, as the others do; one that was revoked may not.
func TestLastUseLasts(t *testing.T) {
	t.Parallel()
	_, k, _ := newDemo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("a"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(1200 * time.Millisecond): // the watch looks every 500 ms
		}
		_, _ = w.Write([]byte("b"))
	})
	once, _ := token(t, k, keeper.TokenRequest{Allow: []string{"use demo/*"}, Uses: 1})
	if a, err := use(t, k, once, things()); err != nil || a.body != "ab" {
		t.Errorf("%q, %v", a.body, err)
	}
	revoked, id := token(t, k, keeper.TokenRequest{Allow: []string{"use demo/*"}, Uses: 1})
	used, err := k.Use(t.Context(), revoked, things())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.TokenRevoke(t.Context(), owner, id); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(used.Body); !errors.Is(err, fault.Denied) {
		t.Errorf("%q, %v", b, err)
	}
	_ = used.Body.Close()
}

// TestUseInAWorkspace: a rule for the credentials of a workspace permits their use there, also when capability and path are left to find.
func TestUseInAWorkspace(t *testing.T) {
	t.Parallel()
	_, k, _ := newDemo(t, nil)
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "DEMO_KEY", Scope: "workspace/web"}, Value: val("the-key-of-the-workspace"), Via: "set"}); err != nil {
		t.Fatal(err)
	}
	agent, _ := token(t, k, keeper.TokenRequest{Allow: []string{"use demo/* in workspace/web"}, Workspace: "web"})
	mustUse(t, k, agent, things())
	mustUse(t, k, agent, keeper.UseRequest{Capability: "demo/admin"})
	if _, err := use(t, k, agent, keeper.UseRequest{Capability: "demo/admin", Request: broker.Request{Method: "GET", Path: "/v1/things"}}); err == nil || !strings.Contains(err.Error(), "demo/things") {
		t.Errorf("outside, by who may use it: %v", err)
	}
	if _, err := k.CapabilityDescribe(t.Context(), agent, "demo/things"); err != nil {
		t.Errorf("describe: %v", err)
	}
}
