package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves h on a port of this machine until the test ends, and returns its address.
func start(t testing.TB, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.RequestTimeout == 0 {
		s.RequestTimeout, s.WriteTimeout, s.IdleTimeout = 10*time.Second, 10*time.Second, 10*time.Second
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != http.ErrServerClosed { //nolint:errorlint // the value itself
			t.Errorf("Serve: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("connections are left: %v", err)
		}
	})
	return l.Addr().String()
}

func serving(t testing.TB, h http.HandlerFunc) string { return start(t, &Server{Handler: h}) }

// echo answers with what it understood of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %s %q", r.Method, r.RequestURI, r.Host, b)
}

// dial connects to a server. HOST in what is said is its address, and lines end with \n.
func dial(t testing.TB, addr string) *talk {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &talk{t: t, Conn: c, in: bufio.NewReader(c)}
}

type talk struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

func (k *talk) say(text string) {
	k.t.Helper()
	if _, err := io.WriteString(k, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		k.t.Fatal(err)
	}
}

// answered is an answer whose body was read, and closed.
type answered http.Response

// answer reads one answer to a request of that method, and its body.
func (k *talk) answer(method string) (*answered, string) {
	k.t.Helper()
	resp, err := http.ReadResponse(k.in, &http.Request{Method: method})
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return (*answered)(resp), string(b)
}

// over fails the test unless the connection is at its end.
func (k *talk) over() {
	k.t.Helper()
	if b, err := io.ReadAll(k.in); len(b) > 0 || err != nil {
		k.t.Errorf("it goes on: %q, %v", b, err)
	}
}
