package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// TestI29Rate sends more than the limit at once, from many callers: exactly as many pass as may, and a minute later as many again.
func TestI29Rate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	who := share{"agent/a", "acme/things"}
	burst := func(who share) int32 {
		var passed atomic.Int32
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for range 4 {
					err := l.enter(who, Limits{RatePerMinute: 30, Concurrency: 1000})
					var p *Problem
					switch {
					case err == nil:
						passed.Add(1)
						l.leave(who)
					case !errors.As(err, &p) || p.RetryAfter <= 0 || p.RetryAfter > 2*time.Second || !errors.Is(err, fault.Limited):
						t.Errorf("got %v", err)
					}
				}
			})
		}
		all.Wait()
		return passed.Load()
	}
	if n := burst(who); n != 30 {
		t.Errorf("%d passed, of 30", n)
	}
	if n := burst(share{"agent/b", "acme/things"}); n != 30 {
		t.Errorf("%d of another principal passed, of 30", n)
	}
	now = now.Add(2 * time.Second)
	if n := burst(who); n != 1 {
		t.Errorf("%d passed two seconds later, of 1", n)
	}
	now = now.Add(time.Minute)
	if n := burst(who); n != 30 {
		t.Errorf("%d passed a minute later, of 30", n)
	}
	// A limit that changes does not give back what was spent.
	if err := l.enter(who, Limits{RatePerMinute: 60}); err == nil {
		t.Error("a new limit is a new bucket")
	}
}

// TestI29Buckets makes a million of them: those that say nothing are forgotten.
func TestI29Buckets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	for i := range 100_000 {
		who := share{"agent/" + strings.Repeat("x", i%7) + time.Duration(i).String(), "acme/things"}
		if err := l.enter(who, Limits{RatePerMinute: 60}); err != nil {
			t.Fatal(err)
		}
		l.leave(who)
		now = now.Add(10 * time.Millisecond)
	}
	if len(l.buckets) > 2*manyBuckets || len(l.on)+len(l.by)+l.running != 0 {
		t.Errorf("%d buckets, %d shares, %d principals, %d running", len(l.buckets), len(l.on), len(l.by), l.running)
	}
}

// TestI29Concurrency holds requests open: one caller cannot have more than its share, and cannot keep others out.
func TestI29Concurrency(t *testing.T) {
	t.Parallel()
	l := newLimiter(time.Now)
	greedy := 0
	for capability := range 20 {
		for l.enter(share{"agent/greedy", string(rune('a' + capability))}, Limits{}) == nil {
			greedy++
		}
	}
	if greedy != maxPerPrincipal {
		t.Errorf("one principal has %d requests under way, of %d", greedy, maxPerPrincipal)
	}
	if err := l.enter(share{"agent/other", "a"}, Limits{}); err != nil {
		t.Errorf("another principal is kept out: %v", err)
	}
	for range 2 {
		if err := l.enter(share{"agent/third", "a"}, Limits{Concurrency: 2}); err != nil {
			t.Error(err)
		}
	}
	if err := l.enter(share{"agent/third", "a"}, Limits{Concurrency: 2}); !errors.Is(err, fault.Limited) {
		t.Errorf("a third request of two: %v", err)
	}
}

// TestI29SlowDoNotStarve has an upstream that answers nobody but one path, while many wait on others.
func TestI29SlowDoNotStarve(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	var waiting sync.WaitGroup
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			waiting.Done()
			<-stop
		}
		_, _ = io.WriteString(w, "ok")
	}))
	b := newTestBroker(t, Options{})
	use := u.use(t, b, headerSecret, "/slow")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	waiting.Add(defaultConcurrency)
	for range defaultConcurrency {
		r := *use.Request
		slow := use
		slow.Request = &r
		all.Go(func() {
			if response, err := b.Do(ctx, slow); err == nil {
				_ = response.Body.Close()
			}
		})
	}
	waiting.Wait()
	if _, err := b.Do(ctx, use); !errors.Is(err, fault.Limited) {
		t.Errorf("one more: %v", err)
	}
	other := u.use(t, b, headerSecret, "/quick")
	other.Principal = "agent/other"
	if got := do(t, b, other); string(got.body) != "ok" {
		t.Errorf("another principal: %q %v", got.body, got.err)
	}
	cancel()
	all.Wait()
	close(stop)
	if b.limits.running != 0 {
		t.Errorf("%d are still counted", b.limits.running)
	}
}

// TestI29Sizes sends and gets too much, with the size said and not.
func TestI29Sizes(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/endless" {
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}
		if n > 0 && n < 1000 {
			_, _ = io.WriteString(w, "ok")
		}
	}))
	for _, http2 := range []bool{false, true} {
		b := newTestBroker(t, Options{HTTP2: http2})
		use := u.use(t, b, headerSecret, "/")
		use.Limits = Limits{MaxRequestBytes: 1000, MaxResponseBytes: 5000}
		for _, length := range []int64{2000, -1} {
			got := do(t, b, post(use, onlyReader{strings.NewReader(strings.Repeat("x", 2000))}, length))
			if !errors.Is(got.err, fault.Invalid) || !strings.Contains(got.err.Error(), "larger than the 1000 bytes") {
				t.Errorf("length %d: got %d %v", length, got.status, got.err)
			}
		}
		if got := do(t, b, post(use, onlyReader{strings.NewReader("short")}, 10)); !errors.Is(got.err, fault.Invalid) {
			t.Errorf("a short body: %v", got.err)
		}
		if got := do(t, b, post(use, onlyReader{&brokenReader{}}, -1)); !errors.Is(got.err, fault.Invalid) || strings.Contains(got.err.Error(), "cable") {
			t.Errorf("a body that breaks off: %v", got.err)
		}
		use = u.use(t, b, headerSecret, "/endless")
		use.Limits = Limits{MaxResponseBytes: 5000}
		if got := do(t, b, use); !errors.Is(got.err, fault.Failed) || len(got.body) > 5000 {
			t.Errorf("an endless answer: %d bytes, %v", len(got.body), got.err)
		}
	}
}

type onlyReader struct{ io.Reader }

type brokenReader struct{ n int }

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.n++; b.n > 3 {
		return 0, errors.New("the cable is out")
	}
	return copy(p, "text"), nil
}

// TestI29Warm counts connections: no request opens one that a warm one could serve.
func TestI29Warm(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		var connections atomic.Int32
		u := newUpstreamConfig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "ok")
		}), func(s *http.Server) {
			s.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
		})
		b := newTestBroker(t, Options{HTTP2: http2})
		// Many credentials and capabilities of one service, and services beside it.
		for i := range 50 {
			use := u.use(t, b, headerSecret+string(rune('a'+i%20)), "/")
			use.Capability = &registry.Capability{ID: "acme/" + string(rune('a'+i%20))}
			use.Request.admitted = use.Capability
			if got := do(t, b, post(use, strings.NewReader("x"), 1)); got.err != nil {
				t.Fatal(got.err)
			}
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("http2 %v: %d connections", http2, n)
		}
	}
}

// TestI29Memory streams 256 MiB each way, and looks at the heap in the middle of it.
func TestI29Memory(t *testing.T) {
	const size = 256 << 20
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(r.Body, size))
	}))
	b := newTestBroker(t, Options{})
	use := post(u.use(t, b, headerSecret, "/"), onlyReader{io.LimitReader(zeros{}, size)}, size)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := b.Do(t.Context(), use)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	buf := make([]byte, 64<<10)
	total, largest := 0, uint64(0)
	for reads := 0; ; reads++ {
		n, err := r.Body.Read(buf)
		if total += n; errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if reads%1024 == 0 {
			runtime.ReadMemStats(&now)
			largest = max(largest, now.HeapInuse)
		}
	}
	if total != size {
		t.Errorf("%d bytes came back", total)
	}
	if grown := int64(largest) - int64(before.HeapInuse); grown > 16<<20 { //nolint:gosec // of a heap
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if s := r.Stats(); s.BytesUp != size || s.BytesDown != size {
		t.Errorf("stats are %+v", s)
	}
}
