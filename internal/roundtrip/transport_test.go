package roundtrip

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestRoundTrips goes to real servers, in the clear, over TLS and with HTTP/2, many at once and one after the other.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secure, server2, client2 bool }{
		"plain": {false, false, false}, "TLS": {true, false, false}, "TLS, HTTP/2 here only": {true, false, true},
		"TLS, HTTP/2 there only": {true, true, false}, "HTTP/2": {true, true, true},
	} {
		var connections atomic.Int32
		s := newServer(t, c.secure, c.server2, func(w http.ResponseWriter, r *http.Request) {
			if two := r.ProtoMajor == 2; two != (c.server2 && c.client2) {
				t.Errorf("%s: the request came with %s", name, r.Proto)
			}
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Length", r.Header.Get("Content-Length"))
			_, _ = w.Write(append([]byte(r.Method+" "+r.RequestURI+" "), body...))
		})
		tr := newTransport(t, s, func(o *Options) {
			dial := o.Dial
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				connections.Add(1)
				return dial(ctx, network, address)
			}
			if c.client2 {
				o.HTTP2 = &http.HTTP2Config{}
			}
		})
		one := func(body io.Reader, length int64, want string) {
			method := "GET"
			if body != nil {
				method = "POST"
			}
			r := request(t, method, s.URL+"/a%2Fb?c=d", body)
			if length != 0 {
				r.ContentLength = length
			}
			if a, got, err := fetch(tr, r); err != nil || got != method+" /a%2Fb?c=d "+want || a.StatusCode != 200 {
				t.Errorf("%s: got %q %v", name, got, err)
			}
		}
		large := strings.Repeat("0123456789", 100_000)
		for range 3 {
			one(nil, 0, "")
			one(strings.NewReader("small"), 0, "small")
			one(strings.NewReader(large), 0, large)
			one(onlyReader{strings.NewReader("sized")}, 5, "sized")
			one(onlyReader{strings.NewReader(large)}, -1, large)
			one(onlyReader{strings.NewReader("")}, -1, "")
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("%s: %d connections for requests one after the other", name, n)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					one(nil, 0, "")
				}
			})
		}
		all.Wait()
		if n := connections.Load(); n > 8 {
			t.Errorf("%s: %d connections for eight at once", name, n)
		}
	}
}

// TestRequestOnTheWire compares bytes: the target as it stands, fields in order, and one write for a header with a small body.
func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	var pieces []string
	s := newRaw(t, func(c net.Conn, _ *bufio.Reader) {
		b := make([]byte, 64<<10)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			pieces = append(pieces, string(b[:n]))
			if _, err := io.WriteString(c, okAnswer); err != nil {
				return
			}
		}
	})
	tr := newTransport(t, nil, nil)
	for _, c := range []struct {
		change func(*http.Request)
		want   string
	}{
		{func(*http.Request) {}, "GET /a//%2e/ä HTTP/1.1\r\nHost: HOST\r\nUser-Agent: test\r\n\r\n"},
		{func(r *http.Request) {
			r.URL.RawQuery, r.Host, r.Close = "q=%zz&", "other.example:1", false
			r.Header = http.Header{"X-B": {" 2\t", "3"}, "User-Agent": {"me"}, "A": {"1"}, "host": {"x"}, "Content-LENGTH": {"9"}, "Transfer-Encoding": {"x"}, "Trailer": {"x"}}
		}, "GET /a//%2e/ä?q=%zz& HTTP/1.1\r\nHost: other.example:1\r\nA: 1\r\nUser-Agent: me\r\nX-B: 2\r\nX-B: 3\r\n\r\n"},
		{func(r *http.Request) { r.Method = "PATCH" }, "PATCH /a//%2e/ä HTTP/1.1\r\nHost: HOST\r\nUser-Agent: test\r\nContent-Length: 0\r\n\r\n"},
		{func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader("text")), 4
			r.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("not asked for") }
		}, "POST /a//%2e/ä HTTP/1.1\r\nHost: HOST\r\nUser-Agent: test\r\nContent-Length: 4\r\n\r\ntext"},
	} {
		r := s.get(t.Context(), "/a//%2e/ä")
		c.change(r)
		pieces = nil
		if _, _, err := fetch(tr, r); err != nil {
			t.Error(err)
		}
		if want := strings.ReplaceAll(c.want, "HOST", s.address); len(pieces) != 1 || pieces[0] != want {
			t.Errorf("got %q, want %q", pieces, want)
		}
	}
}

// TestI24NoInjection has requests that would be two, or another: none is sent.
func TestI24NoInjection(t *testing.T) {
	t.Parallel()
	s := newRaw(t, func(_ net.Conn, in *bufio.Reader) {
		if _, err := in.Peek(1); err == nil {
			t.Error("it was sent")
		}
	})
	tr := newTransport(t, nil, nil)
	for name, change := range map[string]func(*http.Request){
		"line in a value":   func(r *http.Request) { r.Header["A"] = []string{"b\r\nC: d"} },
		"line feed":         func(r *http.Request) { r.Header["A"] = []string{"b\nC: d"} },
		"zero byte":         func(r *http.Request) { r.Header["A"] = []string{"\x00"} },
		"line in a name":    func(r *http.Request) { r.Header["A: b\r\nC"] = []string{"d"} },
		"space in a name":   func(r *http.Request) { r.Header["Content-Length "] = []string{"1"} },
		"no name":           func(r *http.Request) { r.Header[""] = []string{"1"} },
		"space in the path": func(r *http.Request) { r.URL.Opaque = "/ HTTP/1.1" },
		"line in the path":  func(r *http.Request) { r.URL.Opaque = "/\r\nA: b" },
		"line in the query": func(r *http.Request) { r.URL.RawQuery = "\r\nA: b" },
		"no path":           func(r *http.Request) { r.URL.Opaque = "evil.example/" },
		"an address":        func(r *http.Request) { r.URL.Opaque = "http://evil.example/" },
		"line in the host":  func(r *http.Request) { r.Host = "a\r\nB: c" },
		"path in the host":  func(r *http.Request) { r.Host = "a/b" },
		"user in the host":  func(r *http.Request) { r.URL.Host = "a@" + r.URL.Host },
		"no host":           func(r *http.Request) { r.URL.Host = "" },
		"method":            func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nA: b\r\n\r\nGET" },
		"CONNECT":           func(r *http.Request) { r.Method = "CONNECT" },
		"scheme":            func(r *http.Request) { r.URL.Scheme = "file" },
		"length without":    func(r *http.Request) { r.ContentLength = 3 },
		"shorter": func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("ab")), 3
			r.GetBody = func() (io.ReadCloser, error) { return r.Body, nil }
		},
		"longer": func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("abcd")), 3
			r.GetBody = func() (io.ReadCloser, error) { return r.Body, nil }
		},
	} {
		r := s.get(t.Context(), "/")
		change(r)
		var closed atomic.Bool
		if r.Body != nil {
			r.Body = closer{r.Body, &closed}
		}
		if _, _, err := fetch(tr, r); err == nil {
			t.Errorf("%s: it was sent", name)
		}
		if r.Body != nil && !closed.Load() {
			t.Errorf("%s: the body is not closed", name)
		}
		tr.CloseIdleConnections()
	}
}

type closer struct {
	io.Reader
	closed *atomic.Bool
}

func (c closer) Close() error {
	c.closed.Store(true)
	return nil
}

// TestHTTP2IsHandedOver counts connections to a server that chooses HTTP/2: the first is not thrown away.
func TestHTTP2IsHandedOver(t *testing.T) {
	t.Parallel()
	var dials atomic.Int32
	s := newServer(t, true, true, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
	tr := newTransport(t, s, func(o *Options) {
		o.HTTP2 = &http.HTTP2Config{}
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return dial(ctx, network, address)
		}
	})
	for range 3 {
		r := request(t, "POST", s.URL, strings.NewReader("text"))
		if _, got, err := fetch(tr, r); err != nil || got != "HTTP/2.0" {
			t.Errorf("got %q %v", got, err)
		}
	}
	if dials.Load() != 1 || len(tr.handed) != 0 {
		t.Errorf("%d connections, %d left over", dials.Load(), len(tr.handed))
	}
}

// TestAllocations guards the hot path. The server and the test have some of their own in each.
func TestAllocations(t *testing.T) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
	s := newRaw(t, func(c net.Conn, _ *bufio.Reader) {
		b := make([]byte, 4<<10)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
	tr := newTransport(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, b := s.get(ctx, "/"), make([]byte, 16)
	got := testing.AllocsPerRun(200, func() {
		a, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := a.Body.Read(b); n != 2 || !errors.Is(err, io.EOF) {
			t.Fatal(n, err)
		}
		_ = a.Body.Close()
	})
	if got > 16 {
		t.Errorf("%v allocations a request", got)
	}
	t.Logf("%v allocations a request", got)
}
