package keeper_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"tacit/internal/broker"
	"tacit/internal/keeper"
)

// demoKey is what must not come back. It can stand in a header, and has what each encoding writes in its own way.
const demoKey = "demo-Key/7+q&te=0123456789~abcDEF"

// upstream is a TLS server that counts what reaches it.
type upstream struct {
	*httptest.Server
	seen atomic.Int64
}

// newUpstream starts one; without a handler it repeats what it gets, the key too.
func newUpstream(t testing.TB, h http.HandlerFunc) *upstream {
	t.Helper()
	if h == nil {
		h = func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Echo", r.Header.Get("X-Key"))
			fmt.Fprintf(w, "%s %s %q %q", r.Method, r.URL, r.Header.Get("X-Key"), body)
		}
	}
	u := &upstream{}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.seen.Add(1)
		h(w, r)
	}))
	u.Config.ErrorLog = log.New(io.Discard, "", 0)
	u.StartTLS()
	t.Cleanup(u.Close)
	return u
}

// file defines the service id, which is u, with a secret of that name. more are lines of the top level.
func (u *upstream) file(id, secretName string, more ...string) []byte {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: u.Certificate().Raw})
	return fmt.Appendf(nil, `service: %[1]s
hosts: [%[2]q]
secrets: {%[3]s: secret}
auth:
  header: {name: x-key, value: "Key {{secret}}"}
capabilities:
  - {id: %[1]s/things, methods: [GET, POST], paths: [/v1/things], risk: write}
  - {id: %[1]s/admin, methods: [GET], paths: [/v1/admin$], risk: read}
network: {allow_private: true, ca_pem: %[4]q}
%[5]s`, id, u.Listener.Addr(), secretName, ca, strings.Join(more, "\n"))
}

func addService(t testing.TB, k *keeper.Keeper, file []byte) {
	t.Helper()
	if _, err := k.ServiceAdd(t.Context(), owner, keeper.ServiceAddRequest{File: file}); err != nil {
		t.Fatal(err)
	}
}

// newDemo is a vault with the service demo and its sealed key.
func newDemo(t testing.TB, handler http.HandlerFunc) (*home, *keeper.Keeper, *upstream) {
	t.Helper()
	u := newUpstream(t, handler)
	h := newHome(t)
	k := h.open()
	addService(t, k, u.file("demo", "DEMO_KEY"))
	if s := set(t, k, "DEMO_KEY", demoKey); s.Exposure != "sealed" {
		t.Fatalf("the key of a service is %s", s.Exposure)
	}
	return h, k, u
}

// things asks demo for its things.
func things() keeper.UseRequest {
	return keeper.UseRequest{Capability: "demo/things", Request: broker.Request{Method: "GET", Path: "/v1/things"}}
}

// answered is what came of a use.
type answered struct {
	*keeper.Used
	body string
}

// use makes a request and reads the answer to its end.
func use(t testing.TB, k *keeper.Keeper, c keeper.Caller, r keeper.UseRequest) (answered, error) {
	t.Helper()
	used, err := k.Use(t.Context(), c, r)
	if err != nil {
		return answered{}, err
	}
	body, err := io.ReadAll(used.Body)
	_ = used.Body.Close()
	return answered{used, string(body)}, err
}

func mustUse(t testing.TB, k *keeper.Keeper, c keeper.Caller, r keeper.UseRequest) answered {
	t.Helper()
	a, err := use(t, k, c, r)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("use: %+v, %v", a, err)
	}
	return a
}
