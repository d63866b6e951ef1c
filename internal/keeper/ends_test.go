package keeper_test

import (
	"crypto/rand"
	"io"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/engine/bolt"
	"tacit/internal/keeper"
)

// TestI16EndsOfUses: what became of a use waits to be written with the next record, and yet nobody reads the log without it, and none is
// lost when the keeper is closed.
func TestI16EndsOfUses(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	h.benchService(t, k, benchUpstream(t))
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"use bench/*"}})
	l := h.layout()
	agent := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Share: true}), Random: rand.Reader, Now: func() time.Time { return h.now }, Lazy: true,
	})
	if err := k.HandOver(t.Context(), func(key []byte, s string) error { return agent.Adopt(t.Context(), key, s) }); err != nil {
		t.Fatal(err)
	}
	use := func() {
		t.Helper()
		used, err := agent.Use(t.Context(), demo, keeper.UseRequest{Service: "bench", Request: broker.Request{Method: "GET", Path: "/v1/things"}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, used.Body)
		if err := used.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ended := func(k *keeper.Keeper, want int) {
		t.Helper()
		found := 0
		for _, r := range lines(t, k, keeper.AuditRequest{Principal: demo.Principal, Limit: 100}) {
			if r.Request != nil && r.Request.Status == 200 && r.Request.BytesDown == 1024 {
				found++
			}
		}
		if found != want {
			t.Errorf("%d uses have an end, want %d", found, want)
		}
	}
	demo.Principal = "agent/demo"
	for n := range 3 {
		use()
		ended(agent, n+1)
	}
	if v, err := agent.AuditVerify(t.Context(), owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("verify: %+v, %v", v, err)
	}
	for range 20 {
		use()
	}
	if err := agent.Close(); err != nil {
		t.Fatal(err)
	}
	ended(k, 23)
}
