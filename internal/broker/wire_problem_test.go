package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// TestI30Errors fails in every way with the secret in the path, which net/http puts into its errors, and looks at what is said and how
// deep one has to unwrap to find more.
func TestI30Errors(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	const inPath = "demo-Key~0123456789~abcDEF"
	resolver := fakeResolver(func(int) []netip.Addr { return nil })
	for name, c := range map[string]struct {
		upstream *upstream
		cancel   bool
		want     string
		origin   Origin
		code     fault.Code
	}{
		"refused":     {upstreamAt(nobody, newAuthority(t)), false, "cannot be reached", FromUpstream, fault.Unavailable},
		"no host":     {upstreamAt("nobody.acme.example", newAuthority(t)), false, "there is no such host", FromUpstream, fault.Unavailable},
		"closes":      {newRawUpstream(t, func(net.Conn) {}), false, "the connection broke", FromUpstream, fault.Unavailable},
		"not http":    {newRawUpstream(t, raw("SSH-2.0 hello\r\n\r\n")), false, "it does not speak HTTP as it should", FromUpstream, fault.Unavailable},
		"breaks":      {newRawUpstream(t, raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")), false, "the connection broke", FromUpstream, fault.Unavailable},
		"switches":    {newRawUpstream(t, raw("HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n")), false, "another protocol", FromUpstream, fault.Unavailable},
		"cancelled":   {newRawUpstream(t, raw("")), true, "cancelled", FromBroker, fault.Failed},
		"certificate": {upstreamAt(newUpstream(t, nil).host, newAuthority(t)), false, "signed by nobody", FromUpstream, fault.Unavailable},
	} {
		s := c.upstream.service
		s.Auth = registry.Auth{Kind: registry.KindPath, Prefix: "/bot{{secret}}"}
		b := newTestBroker(t, Options{Resolver: resolver})
		p, err := b.Prepare(s, Values{"secret": secret.New([]byte(inPath))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if c.cancel {
			cancel()
		}
		capability := &s.Capabilities[0]
		r, err := b.Do(ctx, Use{
			Request: &CanonicalRequest{method: "GET", path: "/v1/me", plain: "/v1/me", admitted: capability}, Service: s, Capability: capability,
			Host: c.upstream.host, Credential: p,
		})
		if err == nil {
			_, err = io.ReadAll(r.Body)
			_ = r.Body.Close()
		}
		cancel()
		var problem *Problem
		if !errors.As(err, &problem) || problem.Origin != c.origin || !errors.Is(err, c.code) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), "GET acme/v1/me: ") || !strings.HasSuffix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q", name, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v %#v %s", e, e, e, e.Error()); strings.Contains(text, "/bot") || strings.Contains(text, inPath) || strings.Contains(text, "://") {
				t.Errorf("%s: %T says %s", name, e, text)
			}
		}
	}
}

// A renewed strategy has a token that an upstream may refuse.
type renewed struct {
	nothing
	token    atomic.Int32
	renewals atomic.Int32
}

func (r *renewed) Apply(_ context.Context, out *Outgoing) ([][]byte, error) {
	token := fmt.Sprintf("token-number-%d", r.token.Load())
	out.Header.Set("Authorization", "Bearer "+token)
	return [][]byte{[]byte(token)}, nil
}

func (r *renewed) OnWire() bool { return true }

func (r *renewed) Invalidate(more [][]byte) bool {
	if string(more[0]) != fmt.Sprintf("token-number-%d", r.token.Load()) {
		return true // somebody else was faster
	}
	r.token.Add(1)
	return r.renewals.Add(1) < 3
}

// TestRefusedToken sends a request again, once, with another token; when its body can be sent again. The answer is cleaned of both.
func TestRefusedToken(t *testing.T) {
	t.Parallel()
	var good atomic.Value
	var asked atomic.Int32
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != good.Load() {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprintf(w, "token-number-0 token-number-1 token-number-2 %s", body)
	}))
	b := newTestBroker(t, Options{})
	for _, c := range []struct {
		name   string
		body   io.Reader
		good   string
		status int
		asked  int32
		want   string
	}{
		{"accepted", nil, "Bearer token-number-0", 200, 1, "*** token-number-1 token-number-2 "},
		{"renewed", nil, "Bearer token-number-1", 200, 2, "*** *** token-number-2 "},
		{"with a body", strings.NewReader("text"), "Bearer token-number-1", 200, 2, "*** *** token-number-2 text"},
		{"with a stream", onlyReader{strings.NewReader("text")}, "Bearer token-number-1", 401, 1, "*** token-number-1 token-number-2 text"},
		{"in vain", nil, "Bearer nothing", 401, 2, "*** *** token-number-2 "},
	} {
		strategy := &renewed{}
		p, err := b.prepare(u.service, strategy)
		if err != nil {
			t.Fatal(err)
		}
		good.Store(c.good)
		asked.Store(0)
		use := u.use(t, b, headerSecret, "/")
		use.Credential = p
		if c.body != nil {
			use = post(use, c.body, 4)
		}
		got := do(t, b, use)
		if got.err != nil || got.status != c.status || asked.Load() != c.asked || string(got.body) != c.want {
			t.Errorf("%s: got %d %q %v after %d requests", c.name, got.status, got.body, got.err, asked.Load())
		}
	}
}

// TestNothingIsLeft ends exchanges in every way, and looks for goroutines and connections that stay. It is not parallel: it counts.
func TestNothingIsLeft(t *testing.T) {
	stop, reached := make(chan struct{}), make(chan struct{}, 4)
	server := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/whole":
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		case "/wait":
			reached <- struct{}{}
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}
	}))
	ignore := goleak.IgnoreCurrent()
	var brokers []*Broker
	for _, http2 := range []bool{false, true} {
		b := New(Options{HTTP2: http2})
		brokers = append(brokers, b)
		use := server.use(t, b, headerSecret, "/whole")
		if got := do(t, b, post(use, onlyReader{strings.NewReader("text")}, -1)); string(got.body) != "text" {
			t.Errorf("got %q %v", got.body, got.err)
		}
		use = server.use(t, b, headerSecret, "/wait")

		// Closed in the middle of a Read.
		r, err := b.Do(t.Context(), use)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := r.Body.Read(make([]byte, 1))
			done <- err
		}()
		_ = r.Body.Close()
		if err := <-done; err == nil {
			t.Error("a Read of a closed body returns")
		}
		_ = r.Body.Close()
		if _, err := r.Body.Read(make([]byte, 1)); err == nil {
			t.Error("a closed body can be read")
		}

		// Cancelled, with a caller's body that nobody sends.
		ctx, cancel := context.WithCancel(t.Context())
		in, out := io.Pipe()
		<-reached // by the request above
		go func() {
			<-reached
			cancel()
		}()
		r, err = b.Do(ctx, post(use, in, -1))
		if err == nil { // with HTTP/2 a server answers before it has the body
			_, err = io.ReadAll(r.Body)
			_ = r.Body.Close()
		}
		if err == nil {
			t.Error("a cancelled request ends well")
		}
		_ = out.Close()
		if b.limits.running != 0 {
			t.Errorf("%d requests are still counted", b.limits.running)
		}
		b.Close()
		if _, err := b.Do(t.Context(), use); !errors.Is(err, fault.Unavailable) {
			t.Errorf("a closed broker: %v", err)
		}
	}
	close(stop)
	deadline := time.Now().Add(10 * time.Second)
	for goleak.Find(ignore) != nil && time.Now().Before(deadline) {
		for _, b := range brokers {
			b.Close() // a connection that was in use before is idle now
		}
		time.Sleep(time.Millisecond) // goleak itself waits less than a server takes to see that a connection is gone
	}
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
}
