package remote_test

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/keeper"
	"tacit/internal/remote"
)

// BenchmarkGet reads one secret through a socket, from 16 callers that keep their connections, of a keeper as the agent has it: P7.
func BenchmarkGet(b *testing.B) {
	h := newHome(b)
	l := h.layout()
	agent := keeper.New(keeper.Options{Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Share: true}), Random: rand.Reader, Now: time.Now, Lazy: true})
	b.Cleanup(func() { _ = agent.Close() })
	if err := h.open().HandOver(b.Context(), func(k []byte, slot string) error { return agent.Adopt(b.Context(), k, slot) }); err != nil {
		b.Fatal(err)
	}
	path := serve(b, agent, nil)
	r := keeper.GetRequest{Ref: keeper.Ref{Name: "db/password"}, Door: "get"}
	const callers = 16
	clients := make([]*remote.Client, callers)
	for i := range clients {
		clients[i] = dial(b, path)
	}
	if _, err := clients[0].Set(b.Context(), far, keeper.SetRequest{Ref: r.Ref, Value: val("the value of the secret"), Via: "set"}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := c.Get(b.Context(), far, r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

// BenchmarkGetCanned is BenchmarkGet with a keeper that costs nothing: what the way there and back costs.
func BenchmarkGetCanned(b *testing.B) {
	path := serve(b, &fake{get: cannedRead}, nil)
	r := keeper.GetRequest{Ref: keeper.Ref{Name: "db/password"}, Door: "get"}
	const callers = 16
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range callers {
		c := dial(b, path)
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := c.Get(b.Context(), far, r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

// BenchmarkGetMany reads fifty secrets with one request, as run does: P14.
func BenchmarkGetMany(b *testing.B) {
	h := newHome(b)
	l := h.layout()
	agent := keeper.New(keeper.Options{Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Share: true}), Random: rand.Reader, Now: time.Now, Lazy: true})
	b.Cleanup(func() { _ = agent.Close() })
	if err := h.open().HandOver(b.Context(), func(k []byte, slot string) error { return agent.Adopt(b.Context(), k, slot) }); err != nil {
		b.Fatal(err)
	}
	c := dial(b, serve(b, agent, nil))
	rs := numbered(50)
	for _, r := range rs {
		if _, err := c.Set(b.Context(), far, keeper.SetRequest{Ref: r.Ref, Value: val("the value of the secret"), Via: "set"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for _, got := range keeper.GetMany(b.Context(), c, far, rs) {
			if got.Err != nil {
				b.Fatal(got.Err)
			}
		}
	}
}
