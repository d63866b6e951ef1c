package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

const demoKey = "demo-Key/7+q&te=0123456789~abcDEF"

// demo is a TLS server, and the service of one's own that it is.
func demo(t testing.TB, h http.HandlerFunc) (file []byte) {
	t.Helper()
	u := httptest.NewUnstartedServer(h)
	u.Config.ErrorLog = log.New(io.Discard, "", 0)
	u.StartTLS()
	t.Cleanup(u.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: u.Certificate().Raw})
	return fmt.Appendf(nil, `service: demo
hosts: [%q]
secrets: {DEMO_KEY: secret}
auth:
  header: {name: x-key, value: "{{secret}}"}
capabilities:
  - {id: demo/things, methods: [GET, POST], paths: [/v1], risk: write}
  - {id: demo/one, methods: [GET], paths: [/one$], risk: read}
network: {allow_private: true, ca_pem: %q}
`, u.Listener.Addr(), ca)
}

// keepDemo gives a vault the service and its key.
func keepDemo(t testing.TB, k *keeper.Keeper, file []byte) {
	t.Helper()
	if _, err := k.ServiceAdd(t.Context(), near, keeper.ServiceAddRequest{File: file}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Set(t.Context(), near, keeper.SetRequest{Ref: keeper.Ref{Name: "DEMO_KEY"}, Value: val(demoKey), Via: "set"}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CredentialCreate(t.Context(), near, keeper.CredentialRequest{ID: "demo-2", Service: "demo", Secrets: map[string]string{"": "DEMO_KEY"}}); err != nil {
		t.Fatal(err)
	}
}

// answer is what a caller has of a use.
type answer struct {
	Capability, Credential string
	Status                 int
	Header                 http.Header
	Body                   string
	Stats                  broker.Stats
}

func useOf(r keeper.UseRequest, body string) func(context.Context, keeper.API, keeper.Caller) (any, error) {
	return func(ctx context.Context, a keeper.API, c keeper.Caller) (any, error) {
		if body != "" {
			r.Body, r.ContentLength = strings.NewReader(body), int64(len(body))
		}
		used, err := a.Use(ctx, c, r)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(used.Body)
		if cerr := used.Body.Close(); err == nil {
			err = cerr
		}
		used.Header.Del("Date")
		return answer{used.Capability, used.Credential, used.Status, used.Header, string(b), used.Stats()}, err
	}
}

// serviceSteps go through what there is to use, and use it.
func serviceSteps() []step {
	type (
		ctx    = context.Context
		caller = keeper.Caller
		api    = keeper.API
	)
	rate, large, long, negative := 600, int64(1<<20), 7*time.Second, -1
	capability := func(id, method, path string) keeper.UseRequest {
		return keeper.UseRequest{Capability: id, Request: broker.Request{Method: method, Path: path, Query: "a=b%20c"}}
	}
	service := capability("", "GET", "/v1/x")
	service.Service, service.Token = "demo", []keeper.TokenPlace{{In: "header", Name: "x-key"}}
	misplaced := service
	misplaced.Token = []keeper.TokenPlace{{In: "query", Name: "key"}}
	slow := capability("demo/things", "GET", "/v1/slow")
	slow.Timeout = 50 * time.Millisecond
	asked := capability("demo/one", "", "")
	asked.Credential = "demo"
	headers := capability("demo/things", "POST", "/v1/x")
	headers.Header = http.Header{"X-Two": {"1", "2 ü"}, "Content-Type": {"text/plain"}}
	return []step{
		{"services", func(ctx ctx, a api, c caller) (any, error) { return a.ServiceList(ctx, c) }, ""},
		{"a service", func(ctx ctx, a api, c caller) (any, error) { return a.ServiceDescribe(ctx, c, "demo") }, ""},
		{"no service", func(ctx ctx, a api, c caller) (any, error) { return a.ServiceDescribe(ctx, c, "nosuch") }, fault.NotFound},
		{"capabilities", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityList(ctx, c, keeper.CapabilityListRequest{Ready: true})
		}, ""},
		{"a capability", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityDescribe(ctx, c, "openai/chat-completions")
		}, ""},
		{"no capability", func(ctx ctx, a api, c caller) (any, error) { return a.CapabilityDescribe(ctx, c, "demo/nosuch") }, fault.NotFound},
		{"limit", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityLimit(ctx, c, keeper.LimitRequest{ID: "demo/things", RatePerMinute: &rate, MaxRequestBytes: &large, MaxResponseBytes: &large, Timeout: &long, Redact: []string{"email"}})
		}, ""},
		{"limit to nonsense", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityLimit(ctx, c, keeper.LimitRequest{ID: "demo/things", RatePerMinute: &negative})
		}, fault.Usage},
		{"credentials", func(ctx ctx, a api, c caller) (any, error) { return a.CredentialList(ctx, c) }, ""},
		{"bind", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityBind(ctx, c, keeper.BindRequest{Capability: "demo/things", Credential: "demo-2", Scope: "global"})
		}, ""},
		{"bind to nothing", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityBind(ctx, c, keeper.BindRequest{Capability: "demo/things", Credential: "nosuch"})
		}, fault.NotFound},
		{"bindings", func(ctx ctx, a api, c caller) (any, error) { return a.CapabilityBindings(ctx, c) }, ""},

		{"use", useOf(capability("demo/things", "GET", "/v1/x"), ""), ""},
		{"use with a body", useOf(headers, "a body \x00\xff"), ""},
		{"use with a large body", useOf(capability("demo/things", "POST", "/v1/x"), strings.Repeat("x", 300_000)), ""},
		{"use of what leaves no choice", useOf(asked, ""), ""},
		{"use by the service", useOf(service, ""), ""},
		{"use with the token elsewhere", useOf(misplaced, ""), fault.Usage},
		{"an answer of 500", useOf(capability("demo/things", "GET", "/v1/500"), ""), ""},
		{"an answer without a body", useOf(capability("demo/things", "GET", "/v1/204"), ""), ""},
		{"an answer that breaks off", useOf(capability("demo/things", "GET", "/v1/broken"), ""), fault.Unavailable},
		{"an answer that does not come", useOf(slow, ""), fault.Unavailable},
		{"use of nothing", useOf(capability("demo/nosuch", "GET", "/v1/x"), ""), fault.NotFound},
		{"use outside", useOf(capability("demo/things", "GET", "/v2"), ""), fault.Denied},
		{"use up and elsewhere", useOf(capability("demo/things", "GET", "/v1/../one"), ""), fault.Denied},
		{"too large a body", useOf(capability("demo/things", "POST", "/v1/x"), strings.Repeat("x", 1<<20+1)), fault.Invalid},

		{"unbind", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityUnbind(ctx, c, keeper.BindRequest{Capability: "demo/things"})
		}, ""},
		{"unbind again", func(ctx ctx, a api, c caller) (any, error) {
			return a.CapabilityUnbind(ctx, c, keeper.BindRequest{Capability: "demo/things"})
		}, fault.NotFound},
		{"remove a credential", func(ctx ctx, a api, c caller) (any, error) { return a.CredentialRemove(ctx, c, "demo-2") }, ""},
		{"remove an automatic one", func(ctx ctx, a api, c caller) (any, error) { return a.CredentialRemove(ctx, c, "demo") }, fault.Conflict},
	}
}

// TestNearAndFarServices is TestNearAndFar for services, on two vaults that use the same one.
func TestNearAndFarServices(t *testing.T) {
	t.Parallel()
	file := demo(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/500":
			w.WriteHeader(500)
		case "/v1/204":
			w.WriteHeader(204)
			return
		case "/v1/broken":
			_, _ = w.Write(bytes.Repeat([]byte("y"), 100_000))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/v1/slow":
			<-r.Context().Done()
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Echo", r.Header.Get("X-Key"))
		fmt.Fprintf(w, "%s %s %q %q %d %.20q", r.Method, r.URL, r.Header.Values("X-Two"), r.Header.Get("X-Key"), len(body), body)
	})
	nearHome, farHome := newHome(t), newHome(t)
	n, f := nearHome.open(), farHome.open()
	keepDemo(t, n, file)
	keepDemo(t, f, file)
	a, b := keeper.API(n), keeper.API(dial(t, serve(t, f, nil)))
	for _, s := range serviceSteps() {
		got, gotErr := s.call(t.Context(), b, far)
		want, wantErr := s.call(t.Context(), a, near)
		if s.want != "" && !errors.Is(wantErr, s.want) || s.want == "" && wantErr != nil {
			t.Errorf("%s: near %v, want %q", s.name, wantErr, s.want)
		}
		compareErrors(t, s.name, gotErr, wantErr)
		var g, w *fault.Error
		if errors.As(gotErr, &g) && errors.As(wantErr, &w) && g.Origin != w.Origin {
			t.Errorf("%s: the failure is near of %q, far of %q", s.name, w.Origin, g.Origin)
		}
		if wantErr != nil {
			continue
		}
		if d := cmp.Diff(want, got, same(), cmp.Comparer(sameJSON)); d != "" {
			t.Errorf("%s: near (-) and far (+) differ:\n%s", s.name, d)
		}
		if strings.Contains(fmt.Sprint(got), demoKey) {
			t.Errorf("%s: the key came back", s.name)
		}
	}
}

// sameJSON: nothing is printed as null.
func sameJSON(a, b json.RawMessage) bool {
	text := func(m json.RawMessage) string {
		if m == nil {
			return "null"
		}
		return string(m)
	}
	return text(a) == text(b)
}

// TestUseBothWays: the service answers while the request still goes up, more than any buffer holds.
func TestUseBothWays(t *testing.T) {
	t.Parallel()
	const pieces, size = 200, 128 << 10 // 25 MiB
	file := demo(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		_, _ = io.WriteString(w, "begun\n")
		_ = c.Flush()
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	})
	k := newHome(t).open()
	keepDemo(t, k, file)
	c := dial(t, serve(t, k, nil))
	in, out := io.Pipe()
	used, err := c.Use(t.Context(), far, keeper.UseRequest{Capability: "demo/things", Request: broker.Request{Method: "POST", Path: "/v1/x", Body: in, ContentLength: -1}})
	if err != nil {
		t.Fatal(err)
	}
	defer used.Body.Close()
	first := make([]byte, 6)
	if _, err := io.ReadFull(used.Body, first); err != nil || string(first) != "begun\n" {
		t.Fatalf("%q, %v", first, err)
	}
	go func() { // only now it is sent
		piece := make([]byte, size)
		for range pieces {
			if _, err := out.Write(piece); err != nil {
				return
			}
		}
		_ = out.Close()
	}()
	rest, err := io.ReadAll(used.Body)
	if want := fmt.Sprintf("%d <nil>", pieces*size); err != nil || string(rest) != want {
		t.Errorf("%q, %v", rest, err)
	}
	if n := used.Stats().BytesUp; n != pieces*size {
		t.Errorf("%d bytes went up", n)
	}
}

// TestUseFarCancelled: who leaves ends the request to the service, and is told that it was cancelled.
func TestUseFarCancelled(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	file := demo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(over)
	})
	k := newHome(t).open()
	keepDemo(t, k, file)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	used, err := dial(t, serve(t, k, nil)).Use(ctx, far, keeper.UseRequest{Capability: "demo/things", Request: broker.Request{Method: "GET", Path: "/v1/x"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(used.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := io.ReadAll(used.Body); err == nil {
		t.Error("it came to a proper end")
	}
	_ = used.Body.Close()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Error("the request to the service goes on")
	}
}
