package keeper_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/mask"
)

// hidden fails when a form of the key is in a text.
func hidden(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range mask.Forms([]byte(demoKey), 8) {
		if strings.Contains(text, string(form)) {
			t.Errorf("%s shows a form of the key, %q", what, form)
			return
		}
	}
}

func TestUse(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	r := things()
	r.Method, r.Query, r.Body, r.ContentLength = "POST", "a=b", strings.NewReader("a body"), 6
	a := mustUse(t, k, owner, r)
	if a.body != `POST /v1/things?a=b "***" "a body"` || a.Header.Get("X-Echo") != "***" || a.Capability != "demo/things" || a.Credential != "demo" {
		t.Errorf("%q, %v, %s, %s", a.body, a.Header, a.Capability, a.Credential)
	}
	record := last(t, k)
	if q := record.Request; record.Action != "use" || record.Result != "allowed" || *record.Object.Name != "demo/things" || q == nil ||
		q.Method != "POST" || q.Path != "/v1/things" || q.Status != 200 || q.BytesUp != 6 || q.BytesDown < int64(len(a.body)) || q.Redactions != 2 || q.Credential != "demo" {
		t.Errorf("the record: %+v, %+v", record, record.Request)
	}
	for name, change := range map[string]func(*keeper.UseRequest){
		"another capability's path": func(r *keeper.UseRequest) { r.Path = "/v1/admin" },
		"no path of the service":    func(r *keeper.UseRequest) { r.Path = "/v2" },
		"a segment that goes on":    func(r *keeper.UseRequest) { r.Path = "/v1/thingsX" },
		"up and elsewhere":          func(r *keeper.UseRequest) { r.Path = "/v1/things/../admin" },
		"the same, encoded":         func(r *keeper.UseRequest) { r.Path = "/v1/things/%2e%2e/admin" },
		"another method":            func(r *keeper.UseRequest) { r.Method = "DELETE" },
		"a key of its own":          func(r *keeper.UseRequest) { r.Header = http.Header{"X-Key": {"mine"}} },
		"another host":              func(r *keeper.UseRequest) { r.Header = http.Header{"Host": {"evil.example"}} },
	} {
		before := u.seen.Load()
		r := things()
		change(&r)
		if _, err := use(t, k, owner, r); err == nil || u.seen.Load() != before {
			t.Errorf("%s: %v, and %d requests were sent", name, err, u.seen.Load()-before)
		}
		if r := last(t, k); r.Action != "use" || r.Result == "allowed" {
			t.Errorf("%s: the record says %s, %s", name, r.Action, r.Result)
		}
	}
}

// TestI11NothingShowsASealedValue: each method of the API, and each that only the owner has but a backup's, is asked for a sealed value in
// every way it has. What it returns, and its error, has no form of it.
func TestI11NothingShowsASealedValue(t *testing.T) {
	t.Parallel()
	h, k, _ := newDemo(t, nil)
	ctx := t.Context()
	ref := keeper.Ref{Name: "DEMO_KEY"}
	type result struct {
		out any
		err error
	}
	one := func(out any, err error) result { return result{out, err} }
	collected := func(f func(each func(string) error) error) result {
		var all []string
		err := f(func(s string) error { all = append(all, s); return nil })
		return result{all, err}
	}
	tries := map[string]func() result{
		"Status": func() result { return one(k.Status(ctx, owner)) }, "Whoami": func() result { return one(k.Whoami(ctx, owner)) },
		"Get": func() result {
			for _, r := range []keeper.GetRequest{{Ref: ref}, {Ref: ref, Door: "run"}, {Ref: ref, IncludeExpired: true}, {Ref: keeper.Ref{Name: "DEMO_KEY", Version: 1}}, {Ref: ref, Field: "a"}} {
				got, err := k.Get(ctx, owner, r)
				if !errors.Is(err, fault.Sealed) || got.Value.Len() > 0 {
					t.Errorf("get %+v: %d bytes, %v", r, got.Value.Len(), err)
				}
			}
			return result{}
		},
		"Show": func() result { return one(k.Show(ctx, owner, ref)) },
		"List": func() result { return one(k.List(ctx, owner, keeper.ListRequest{AllScopes: true})) },
		"Names": func() result {
			return collected(func(each func(string) error) error { return k.Names(ctx, owner, keeper.ListRequest{}, each) })
		},
		"History": func() result { return one(k.History(ctx, owner, ref)) },
		"Diff":    func() result { return one(k.Diff(ctx, owner, ref, 1, 2)) },
		"Due":     func() result { return one(k.Due(ctx, owner, time.Hour)) },
		"Set": func() result {
			w, err := k.Set(ctx, owner, keeper.SetRequest{Ref: ref, Value: val(demoKey), Reveal: true, Via: "set"})
			if w.Value.Len() > 0 {
				t.Error("set reveals what it was given for a sealed secret")
			}
			g, gerr := k.Set(ctx, owner, keeper.SetRequest{Ref: ref, Generate: &keeper.Generate{Length: 20}, Reveal: true, Via: "generate"})
			if g.Value.Len() > 0 {
				t.Error("set reveals what it made for a sealed secret")
			}
			if !errors.Is(err, fault.Sealed) || !errors.Is(gerr, fault.Sealed) {
				t.Errorf("set with reveal: %v, %v", err, gerr)
			}
			return one([]any{w, g}, nil)
		},
		"Rotate": func() result { return one(k.Rotate(ctx, owner, keeper.RotateRequest{Ref: ref, Value: val(demoKey)})) },
		"Update": func() result {
			return one(k.Update(ctx, owner, keeper.UpdateRequest{Ref: ref, AddTags: []string{"x"}}))
		},
		"Move":     func() result { return one(k.Move(ctx, owner, ref, "DEMO_KEY")) },
		"Rollback": func() result { return one(k.Rollback(ctx, owner, keeper.Ref{Name: "DEMO_KEY", Version: 1})) },
		"Remove":   func() result { return one(k.Remove(ctx, owner, keeper.RemoveRequest{Names: []string{"none"}})) },
		"Purge":    func() result { return one(k.Purge(ctx, owner, ref, []int{99})) },
		"Import": func() result {
			done := false
			return one(k.Import(ctx, owner, keeper.ImportRequest{OnConflict: "skip"}, func() (keeper.ImportEntry, error) {
				if done {
					return keeper.ImportEntry{}, io.EOF
				}
				done = true
				return keeper.ImportEntry{Name: "DEMO_KEY", Value: val(demoKey)}, nil
			}))
		},
		"Decide": func() result {
			return one(k.Decide(ctx, owner, keeper.DecideRequest{Action: "read", Provider: "env", Names: []string{"DEMO_KEY"}}))
		},
		"Record": func() result {
			return one(nil, k.Record(ctx, owner, keeper.RecordRequest{ID: "d_0", Outcomes: []keeper.Outcome{{Name: "DEMO_KEY"}}}))
		},
		"Audit": func() result { return one(k.Audit(ctx, owner, keeper.AuditRequest{})) },
		"AuditFollow": func() result {
			ctx, stop := context.WithCancel(ctx)
			var all []client.AuditRecord
			err := k.AuditFollow(ctx, owner, keeper.AuditRequest{}, func(r client.AuditRecord) error { all = append(all, r); stop(); return nil })
			stop()
			return one(all, err)
		},
		"AuditExport": func() result {
			var all []client.AuditRecord
			err := k.AuditExport(ctx, owner, keeper.AuditRequest{}, func(r client.AuditRecord) error { all = append(all, r); return nil })
			return one(all, err)
		},
		"AuditWho":        func() result { return one(k.AuditWho(ctx, owner, ref)) },
		"AuditVerify":     func() result { return one(k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})) },
		"AuditCheckpoint": func() result { return one(k.AuditCheckpoint(ctx, owner)) },
		"TokenCreate": func() result {
			return one(k.TokenCreate(ctx, owner, keeper.TokenRequest{Principal: "agent/x", Allow: []string{"read **"}}))
		},
		"TokenList": func() result { return one(k.TokenList(ctx, owner)) }, "TokenRevoke": func() result { return one(k.TokenRevoke(ctx, owner, "agent/x")) },
		"Grant":     func() result { return one(k.Grant(ctx, owner, "agent/x", "use demo/*")) },
		"GrantList": func() result { return one(k.GrantList(ctx, owner)) }, "GrantRemove": func() result { return one(k.GrantRemove(ctx, owner, "grant-9")) },
		"PolicyShow": func() result { return one(k.PolicyShow(ctx, owner)) }, "PolicySet": func() result { return one(k.PolicySet(ctx, owner, "")) },
		"PolicyTest": func() result { return one(k.PolicyTest(ctx, owner, []byte("cases: []\n"))) },
		"PolicyExplain": func() result {
			return one(k.PolicyExplain(ctx, owner, keeper.ExplainRequest{Principal: "agent/x", Action: "read", Object: "DEMO_KEY"}))
		},
		"ServiceList": func() result { return one(k.ServiceList(ctx, owner)) }, "ServiceDescribe": func() result { return one(k.ServiceDescribe(ctx, owner, "demo")) },
		"CapabilityList":     func() result { return one(k.CapabilityList(ctx, owner, keeper.CapabilityListRequest{})) },
		"CapabilityDescribe": func() result { return one(k.CapabilityDescribe(ctx, owner, "demo/things")) },
		"CapabilityLimit":    func() result { return one(k.CapabilityLimit(ctx, owner, keeper.LimitRequest{ID: "demo/things"})) },
		"CapabilityBind": func() result {
			return one(k.CapabilityBind(ctx, owner, keeper.BindRequest{Capability: "demo/things", Credential: "demo"}))
		},
		"CapabilityUnbind": func() result {
			return one(k.CapabilityUnbind(ctx, owner, keeper.BindRequest{Capability: "demo/things"}))
		},
		"CapabilityBindings": func() result { return one(k.CapabilityBindings(ctx, owner)) },
		"CredentialList":     func() result { return one(k.CredentialList(ctx, owner)) },
		"CredentialRemove":   func() result { return one(k.CredentialRemove(ctx, owner, "demo")) },
		"Use": func() result {
			a, err := use(t, k, owner, things())
			return one([]any{a.body, a.Header}, err)
		},
		"Close": func() result { return result{} }, // below
		"Export": func() result {
			var all []string
			_, err := k.Export(ctx, owner, keeper.ExportRequest{Values: true}, func(e keeper.Exported) error {
				all = append(all, e.Secret.Name+string(e.Value.Reveal()))
				return nil
			})
			return one(all, err)
		},
		"Doctor": func() result { return one(k.Doctor(ctx, owner, keeper.DoctorRequest{})) },
		"CredentialCreate": func() result {
			return one(k.CredentialCreate(ctx, owner, keeper.CredentialRequest{ID: "demo-x", Service: "demo", Secrets: map[string]string{"": "DEMO_KEY"}}))
		},
	}
	for i := range reflect.TypeFor[keeper.API]().NumMethod() {
		if m := reflect.TypeFor[keeper.API]().Method(i).Name; tries[m] == nil {
			t.Errorf("%s is not asked for a sealed value", m)
		}
	}
	for name, try := range tries {
		r := try()
		b, err := json.Marshal(r.out)
		if err != nil {
			t.Fatal(err)
		}
		hidden(t, name, fmt.Sprintf("%s %+v %v", b, r.out, r.err))
	}
	shown, err := k.Show(ctx, owner, ref)
	if err != nil || shown.Masked != nil {
		t.Errorf("show: %v, %v", shown.Masked, err)
	}
	_ = filepath.WalkDir(h.dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := os.ReadFile(p)
			hidden(t, p, string(b))
		}
		return err
	})
}

// TestI16BeforeTheDial: the decision is in the log when the request reaches the service.
func TestI16BeforeTheDial(t *testing.T) {
	t.Parallel()
	var k *keeper.Keeper
	found := make(chan client.AuditRecord, 1)
	_, k, _ = newDemo(t, func(http.ResponseWriter, *http.Request) { found <- last(t, k) })
	mustUse(t, k, owner, things())
	if r := <-found; r.Action != "use" || r.Result != "allowed" || *r.Object.Name != "demo/things" || r.Request.Path != "/v1/things" || r.Request.Status != 0 {
		t.Errorf("in the log when the request arrived: %+v", r)
	}
}

// TestI16NoLogNoUse: what cannot be recorded is not done.
func TestI16NoLogNoUse(t *testing.T) {
	t.Parallel()
	h, k, u := newDemo(t, nil)
	mustUse(t, k, owner, things())
	if err := os.RemoveAll(h.layout().Audit); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.layout().Audit, []byte("not a directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := u.seen.Load()
	for name, k := range map[string]*keeper.Keeper{"the same": k, "another": h.open()} {
		if _, err := use(t, k, owner, things()); err == nil || u.seen.Load() != before {
			t.Errorf("%s keeper: %v, and %d requests were sent", name, err, u.seen.Load()-before)
		}
	}
}

// TestI18UseEndsWithTheToken: a revoked token stops the next request, and within a second the stream that is open.
func TestI18UseEndsWithTheToken(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	_, k, _ := newDemo(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(w, "data: %d\n\n", i); err != nil || http.NewResponseController(w).Flush() != nil {
				close(ended)
				return
			}
			select {
			case <-r.Context().Done():
				close(ended)
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	agent, id := token(t, k, keeper.TokenRequest{Allow: []string{"use demo/*"}})
	used, err := k.Use(t.Context(), agent, things())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(used.Body, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	if _, err := k.TokenRevoke(t.Context(), owner, id); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = io.Copy(io.Discard, used.Body)
	if took := time.Since(began); !errors.Is(err, fault.Denied) || took > time.Second {
		t.Errorf("the stream ended after %v with %v", took, err)
	}
	_ = used.Body.Close()
	<-ended
	if _, err := use(t, k, agent, things()); !errors.Is(err, fault.Denied) {
		t.Errorf("the next request: %v", err)
	}
}

// TestUseIsCancelled: who leaves ends the request, and both records are there.
func TestUseIsCancelled(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	_, k, _ := newDemo(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-arrived; stop() }()
	if _, err := k.Use(ctx, owner, things()); err == nil {
		t.Error("it came to an end")
	}
	if r := last(t, k); r.Action != "use" || r.Result != "failed" {
		t.Errorf("the record: %+v", r)
	}
}

// TestUseLimits: what `capability limit` says, holds.
func TestUseLimits(t *testing.T) {
	t.Parallel()
	h, k, _ := newDemo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"email":"ana@acme.example","n":"` + strings.Repeat("x", 100) + `"}`))
	})
	limit := func(r keeper.LimitRequest) {
		t.Helper()
		r.ID = "demo/things"
		if _, err := k.CapabilityLimit(t.Context(), owner, r); err != nil {
			t.Fatal(err)
		}
	}
	zero, two, ten := int64(0), 2, int64(10)
	none := 0
	limit(keeper.LimitRequest{Redact: []string{"email"}})
	if a := mustUse(t, k, owner, things()); strings.Contains(a.body, "ana@") || !strings.Contains(a.body, `"email":"***"`) {
		t.Errorf("a redacted field: %s", a.body)
	}
	limit(keeper.LimitRequest{MaxRequestBytes: &ten, Redact: []string{""}})
	big := things()
	big.Method, big.Body, big.ContentLength = "POST", bytes.NewReader(make([]byte, 11)), 11
	if _, err := use(t, k, owner, big); err == nil {
		t.Error("a request of 11 bytes where 10 are allowed")
	}
	limit(keeper.LimitRequest{MaxRequestBytes: &zero, MaxResponseBytes: &ten})
	if a, err := use(t, h.open(), owner, things()); err == nil {
		t.Errorf("an answer of %d bytes where 10 are allowed", len(a.body))
	}
	limit(keeper.LimitRequest{MaxResponseBytes: &zero, RatePerMinute: &two})
	limited := 0
	for range 10 {
		if _, err := use(t, k, owner, things()); errors.Is(err, fault.Limited) {
			limited++
		}
	}
	if limited < 7 {
		t.Errorf("with 2 a minute, %d of 10 at once were refused", limited)
	}
	limit(keeper.LimitRequest{RatePerMinute: &none})
	mustUse(t, k, owner, things())
}

// TestUsePathQuery: a path holds no query: there is one place for that.
func TestUsePathQuery(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	for _, path := range []string{"/v1/things?x=1", "/v1/things#x", "//v1/things", "https://evil.example/v1/things", "v1/things", "/v1/things\x00", "/v1/./things"} {
		r := keeper.UseRequest{Service: "demo", Request: broker.Request{Method: "GET", Path: path}}
		if _, err := use(t, k, owner, r); err == nil {
			t.Errorf("%q was sent", path)
		}
	}
	if n := u.seen.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
