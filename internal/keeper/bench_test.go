package keeper_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/keeper"
)

// BenchmarkAgentReads is P7 without the socket: sixteen callers read through one keeper, each read audited. token is the same as a
// principal that policy decides about.
func BenchmarkAgentReads(b *testing.B) {
	h := newHome(b)
	h.now = time.Now()
	k := h.open()
	for i := range 100 {
		set(b, k, fmt.Sprintf("ci/%d", i), "value")
	}
	demo, _ := token(b, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	agent := h.benchAgent(b)
	for name, c := range map[string]keeper.Caller{"owner": owner, "token": demo} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := agent.Get(b.Context(), c, keeper.GetRequest{Ref: keeper.Ref{Name: fmt.Sprintf("ci/%d", i%100)}}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}

// BenchmarkAgentWrites is the other half: writers that add versions through one keeper, each write durable with its record.
func BenchmarkAgentWrites(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			h := newHome(b)
			h.now = time.Now()
			k := h.open()
			for i := range 100 {
				set(b, k, fmt.Sprintf("ci/%d", i), "value")
			}
			agent := h.benchAgent(b)
			var wg sync.WaitGroup
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for n := left.Add(-1); n >= 0; n = left.Add(-1) {
						_, err := agent.Set(b.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: fmt.Sprintf("ci/%d", n%100)}, Value: val("value"), Via: "set"})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// benchAgent returns a keeper as the agent has it.
func (h *home) benchAgent(b testing.TB) *keeper.Keeper {
	b.Helper()
	l := h.layout()
	agent := keeper.New(keeper.Options{Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Share: true}), Random: rand.Reader, Now: time.Now, Lazy: true})
	b.Cleanup(func() { _ = agent.Close() })
	if err := h.open().HandOver(b.Context(), func(k []byte, s string) error { return agent.Adopt(b.Context(), k, s) }); err != nil {
		b.Fatal(err)
	}
	return agent
}
