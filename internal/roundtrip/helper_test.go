package roundtrip

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newTransport returns one that trusts s, which may be nil.
func newTransport(t testing.TB, s *httptest.Server, change func(*Options)) *Transport {
	t.Helper()
	o := Options{
		Dial: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLS: &tls.Config{MinVersion: tls.VersionTLS12},
		HandshakeTimeout: 10 * time.Second, IdleTimeout: time.Minute, IdlePerHost: 8, MaxHeaderBytes: 64 << 10, UserAgent: "test",
	}
	if s != nil && s.TLS != nil {
		o.TLS.RootCAs = x509.NewCertPool()
		o.TLS.RootCAs.AddCert(s.Certificate())
	}
	if change != nil {
		change(&o)
	}
	tr := New(o)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// newServer starts a server, with TLS when secure.
func newServer(t testing.TB, secure, http2 bool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if s.EnableHTTP2 = http2; secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// A rawServer speaks as a test wants.
type rawServer struct {
	address     string
	connections atomic.Int32
}

func newRaw(t testing.TB, talk func(net.Conn, *bufio.Reader)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{address: l.Addr().String()}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			s.connections.Add(1)
			all.Go(func() {
				defer c.Close()
				talk(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return s
}

// answering answers each request on a connection with the same bytes.
func answering(answer string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if _, err := io.WriteString(c, answer); err != nil || r.Close {
				return
			}
		}
	}
}

func (s *rawServer) get(ctx context.Context, path string) *http.Request {
	return (&http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: s.address, Opaque: path}, Header: http.Header{}}).WithContext(ctx)
}

func request(t testing.TB, method, address string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a server answered, beside the body.
type answered struct {
	StatusCode    int
	ContentLength int64
}

// fetch sends r and reads the answer to its end.
func fetch(tr http.RoundTripper, r *http.Request) (answered, string, error) {
	a, err := tr.RoundTrip(r)
	if err != nil {
		return answered{}, "", err
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	return answered{a.StatusCode, a.ContentLength}, string(body), err
}

// resting returns how many connections are at rest.
func (t *Transport) resting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, some := range t.rest {
		n += len(some)
	}
	return n
}

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

func (onlyReader) Close() error { return nil }

// eventually waits for what other goroutines bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
