package keeper_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/keeper"
)

// TestAllocations: what an agent's audited read and a use allocate does not creep up. A use's are those of the broker, its client and
// the upstream of the test too.
func TestAllocations(t *testing.T) {
	h := newHome(t)
	h.now = time.Now()
	k := h.open()
	set(t, k, "a", "one")
	h.benchService(t, k, benchUpstream(t))
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a", "use bench/*"}})
	agent := h.benchAgent(t)
	for _, s := range []struct {
		what string
		most float64
		do   func() error
	}{
		{"read", 90, func() error {
			_, err := agent.Get(t.Context(), c, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
			return err
		}},
		{"use", 160, func() error {
			used, err := agent.Use(t.Context(), c, keeper.UseRequest{
				Service: "bench", Request: broker.Request{Method: "GET", Path: "/v1/things", Header: http.Header{"Accept": {"*/*"}}},
			})
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, struct{ io.Reader }{used.Body})
			_ = used.Body.Close()
			return err
		}},
	} {
		n := testing.AllocsPerRun(200, func() {
			if err := s.do(); err != nil {
				t.Error(err)
			}
		})
		t.Logf("a %s allocates %v times", s.what, n)
		if n > s.most {
			t.Errorf("a %s allocates %v times, at most %v", s.what, n, s.most)
		}
	}
}
