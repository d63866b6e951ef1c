package keeper_test

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/engine/bolt"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// TestAnswersFollowTheVault: which credential answers is kept from one request to the next, and yet each request goes by the vault and
// the time as they are, whoever changed it.
func TestAnswersFollowTheVault(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("X-Bench-Key") }))
	t.Cleanup(upstream.Close)
	h := newHome(t)
	k := h.open() // another process
	h.benchService(t, k, upstream.Listener.Addr().(*net.TCPAddr).String())
	demo, id := token(t, k, keeper.TokenRequest{Allow: []string{"use bench/*"}})
	other, _ := token(t, k, keeper.TokenRequest{Principal: "agent/other", Allow: []string{"use bench/*"}})
	l := h.layout()
	agent := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Share: true}), Random: rand.Reader, Now: func() time.Time { return h.now }, Lazy: true,
	})
	t.Cleanup(func() { _ = agent.Close() })
	if err := k.HandOver(t.Context(), func(key []byte, s string) error { return agent.Adopt(t.Context(), key, s) }); err != nil {
		t.Fatal(err)
	}
	use := func(c keeper.Caller) (string, error) {
		used, err := agent.Use(t.Context(), c, keeper.UseRequest{Service: "bench", Request: broker.Request{Method: "GET", Path: "/v1/things"}})
		if err != nil {
			return "", err
		}
		_, _ = io.Copy(io.Discard, used.Body)
		return <-got, used.Body.Close()
	}
	check := func(what string, c keeper.Caller, want string) {
		t.Helper()
		for range 2 { // as it is found, and as it is kept
			if key, err := use(c); err != nil || key != want {
				t.Errorf("%s: %q, %v; want %q", what, key, err, want)
			}
		}
	}
	refused := func(what string, c keeper.Caller, want error) {
		t.Helper()
		if key, err := use(c); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v; want %v", what, key, err, want)
		}
	}
	store := func(scope, value string, until *time.Time) {
		t.Helper()
		sealed := true
		r := keeper.SetRequest{Ref: keeper.Ref{Name: "BENCH_KEY", Scope: scope}, Value: val(value), Via: "set", ExpiresAt: until}
		if scope != "" {
			r.Sealed, r.Service = &sealed, "bench"
		}
		if _, err := k.Set(t.Context(), owner, r); err != nil {
			t.Fatal(err)
		}
	}
	const first, second, own = "a key of the bench, long enough", "another key, long enough too", "a key of one principal alone"

	check("first version", demo, first)
	store("", second, nil)
	check("second version", demo, second)
	store("agent/demo", own, nil)
	check("narrower scope", demo, own)
	check("narrower scope of another", other, second)
	if _, err := k.Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"BENCH_KEY"}, Scope: "agent/demo"}); err != nil {
		t.Fatal(err)
	}
	check("without it", demo, second)

	before, end := h.now, h.now.Add(time.Hour)
	store("", first, &end)
	check("before it expires", demo, first)
	h.now = end
	refused("expired", demo, fault.NotFound)
	h.now = before
	check("the clock was put back", demo, first)

	if _, err := k.TokenRevoke(t.Context(), owner, id); err != nil {
		t.Fatal(err)
	}
	refused("revoked", demo, fault.Denied)
	check("another token", other, first)
	if _, err := k.ServiceRemove(t.Context(), owner, "bench"); err != nil {
		t.Fatal(err)
	}
	refused("service removed", other, fault.Denied)
}
