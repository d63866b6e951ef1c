package roundtrip

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStale has servers that close a connection between two requests, in time to be seen or in the middle of the next one.
func TestStale(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late   bool // the connection is closed when the second request has come, and not before
		change func(*http.Request)
		asked  int32 // requests that came
		fails  bool
	}{
		"closed at rest":                {false, func(*http.Request) {}, 2, false},
		"closed at rest, POST":          {false, func(r *http.Request) { r.Method = "POST" }, 2, false},
		"closed late":                   {true, func(*http.Request) {}, 3, false},
		"closed late, POST":             {true, func(r *http.Request) { r.Method = "POST" }, 2, true},
		"closed late, idempotent POST":  {true, func(r *http.Request) { r.Method = "POST"; r.Header.Set("Idempotency-Key", "x") }, 3, false},
		"closed late, PUT with a body":  {true, func(r *http.Request) { small(r); r.Method = "PUT" }, 2, true},
		"closed late, GET with a body":  {true, small, 3, false},
		"closed late, GET with a large": {true, func(r *http.Request) { large(r) }, 3, false},
		"closed late, a stream":         {true, func(r *http.Request) { r.Body, r.ContentLength = onlyReader{strings.NewReader("text")}, -1 }, 2, true},
	} {
		var asked atomic.Int32
		closed := make(chan struct{}, 4)
		s := newRaw(t, func(conn net.Conn, in *bufio.Reader) {
			defer func() {
				_ = conn.Close()
				closed <- struct{}{}
			}()
			for first := true; ; first = false {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				body, _ := io.ReadAll(r.Body)
				if n := asked.Add(1); n == 2 && c.late && !first {
					return
				}
				if r.ContentLength > 0 && int64(len(body)) != r.ContentLength {
					t.Errorf("%s: a body of %d bytes", name, len(body))
				}
				if _, err := io.WriteString(conn, okAnswer); err != nil || !c.late {
					return
				}
			}
		})
		tr := newTransport(t, nil, nil)
		if _, _, err := fetch(tr, s.get(t.Context(), "/")); err != nil {
			t.Fatal(err)
		}
		if !c.late {
			<-closed
		}
		r := s.get(t.Context(), "/")
		c.change(r)
		_, got, err := fetch(tr, r)
		if (err != nil) != c.fails || !c.fails && got != "ok" || asked.Load() != c.asked {
			t.Errorf("%s: got %q %v after %d requests", name, got, err, asked.Load())
		}
	}
}

func withBody(r *http.Request, text string) {
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	r.Body, _ = r.GetBody()
	r.ContentLength = int64(len(text))
}

func small(r *http.Request) { withBody(r, "text") }
func large(r *http.Request) { withBody(r, strings.Repeat("x", 2*inlineBytes)) }

// TestNoThirdTime has a server that closes every connection without a word.
func TestNoThirdTime(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := newRaw(t, func(c net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil && asked.Add(1) == 1 {
			_, _ = io.WriteString(c, okAnswer)
			_, _ = http.ReadRequest(in)
		}
	})
	tr := newTransport(t, nil, nil)
	_, _, first := fetch(tr, s.get(t.Context(), "/"))
	_, _, second := fetch(tr, s.get(t.Context(), "/"))
	if first != nil || !errors.Is(second, io.EOF) || asked.Load() != 2 {
		t.Errorf("got %v %v after %d", first, second, asked.Load())
	}
}

// TestSurplusAtRest sends an answer that nobody asked for while the connection rests, in the clear and in TLS: it answers nothing.
func TestSurplusAtRest(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		sent := make(chan struct{}, 1)
		s := newServer(t, secure, false, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/two" {
				c, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				_, _ = io.WriteString(c, okAnswer)
				_, _ = io.WriteString(c, strings.ReplaceAll(okAnswer, "ok", "no"))
				sent <- struct{}{}
				_, _ = c.Read(make([]byte, 1))
				return
			}
			_, _ = io.WriteString(w, "ok")
		})
		tr := newTransport(t, s, nil)
		for range 3 {
			if _, got, err := fetch(tr, request(t, "GET", s.URL+"/two", nil)); err != nil || got != "ok" {
				t.Errorf("got %q %v", got, err)
			}
			<-sent
			if _, got, err := fetch(tr, request(t, "GET", s.URL+"/", nil)); err != nil || got != "ok" {
				t.Errorf("got %q %v", got, err)
			}
		}
	}
}

// TestTLSTickets are messages behind an answer that do not end the connection: the handshake of TLS 1.3 sends them when it is over.
func TestTLSTickets(t *testing.T) {
	t.Parallel()
	var resumed, all atomic.Int32
	s := newServer(t, true, false, func(_ http.ResponseWriter, r *http.Request) {
		all.Add(1)
		if r.TLS.DidResume {
			resumed.Add(1)
		}
	})
	tr := newTransport(t, s, func(o *Options) { o.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(4) })
	for range 3 {
		if _, _, err := fetch(tr, request(t, "GET", s.URL, nil)); err != nil {
			t.Error(err)
		}
		tr.CloseIdleConnections()
	}
	if resumed.Load() != 2 || all.Load() != 3 {
		t.Errorf("%d of %d were resumed", resumed.Load(), all.Load())
	}
}

// TestIdle lets connections rest: no more than may, and not for longer.
func TestIdle(t *testing.T) {
	t.Parallel()
	var open atomic.Int32
	wait := make(chan struct{})
	s := newServer(t, false, false, func(http.ResponseWriter, *http.Request) { <-wait })
	tr := newTransport(t, s, func(o *Options) {
		o.IdlePerHost, o.IdleTimeout = 2, 50*time.Millisecond
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			open.Add(1)
			return &counted{c, &open}, err
		}
	})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, _, err := fetch(tr, request(t, "GET", s.URL, nil)); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "not all were made", func() bool { return open.Load() == 5 })
	close(wait)
	all.Wait()
	if n := tr.resting(); n > 2 {
		t.Errorf("%d connections rest", n)
	}
	eventually(t, "they rest for ever", func() bool { return open.Load() == 0 })
	eventually(t, "the sweeper stays", func() bool { tr.mu.Lock(); defer tr.mu.Unlock(); return tr.sweeper == nil && len(tr.rest) == 0 })
}

type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c *counted) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}
