package roundtrip

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestCancel interrupts every part of a round trip. The error is the cause.
func TestCancel(t *testing.T) {
	because := errors.New("because")
	ignore := goleak.IgnoreCurrent()
	for _, secure := range []bool{false, true} {
		at := make(chan string, 4)
		release := make(chan struct{})
		s := newServer(t, secure, false, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/header":
			case "/body":
				_, _ = io.WriteString(w, "begin")
				_ = http.NewResponseController(w).Flush()
			case "/length":
				w.Header().Set("Content-Length", "9")
				_, _ = io.WriteString(w, "begin")
				_ = http.NewResponseController(w).Flush()
			}
			at <- r.URL.Path
			<-release
		})
		tr := newTransport(t, s, nil)
		for _, path := range []string{"/header", "/body", "/length", "/upload", "/close"} {
			ctx, cancel := context.WithCancelCause(t.Context())
			r := request(t, "GET", s.URL+path, nil).WithContext(ctx)
			if path == "/upload" { // nobody reads it, so that it stops in the middle of a write
				r.Method, r.ContentLength, r.Body = "POST", 1<<40, onlyReader{endless{}}
			}
			go func() {
				if path := <-at; path != "/close" {
					cancel(because)
				}
			}()
			if path == "/close" {
				stop := time.AfterFunc(time.Millisecond, func() { cancel(because) })
				defer stop.Stop()
			}
			_, _, err := fetch(tr, r)
			if !errors.Is(err, because) {
				t.Errorf("%s: got %v", path, err)
			}
			cancel(nil)
		}
		if n := tr.resting(); n != 0 {
			t.Errorf("%d connections are kept", n)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(because)
		if _, _, err := fetch(tr, request(t, "GET", s.URL, nil).WithContext(ctx)); !errors.Is(err, because) {
			t.Errorf("cancelled before: %v", err)
		}
		close(release)
		s.Close()
		close(at)
	}
	// While it is made: an address that swallows everything, and one that begins no handshake.
	silent := newRaw(t, func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
	for what, tr := range map[string]*Transport{
		"dial": newTransport(t, nil, func(o *Options) {
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		}),
		"handshake": newTransport(t, nil, nil),
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := time.AfterFunc(5*time.Millisecond, func() { cancel(because) })
		if _, _, err := fetch(tr, request(t, "GET", "https://"+silent.address, nil).WithContext(ctx)); !errors.Is(err, because) {
			t.Errorf("%s: got %v", what, err)
		}
		stop.Stop()
	}
	tr := newTransport(t, nil, func(o *Options) { o.HandshakeTimeout = 5 * time.Millisecond })
	if _, _, err := fetch(tr, request(t, "GET", "https://"+silent.address, nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a handshake that lasts: %v", err)
	}
	if err := goleak.Find(ignore, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait")); err != nil {
		t.Error(err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestCloseInTheMiddle closes bodies that are not at their end, one of them in the middle of a Read.
func TestCloseInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newRaw(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nbegin"))
	tr := newTransport(t, nil, nil)
	for _, reading := range []bool{false, true} {
		a, err := tr.RoundTrip(s.get(t.Context(), "/")) //nolint:bodyclose // it is, twice
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(a.Body, make([]byte, 5)); err != nil {
			t.Error(err)
		}
		done := make(chan error, 1)
		if reading {
			go func() {
				_, err := a.Body.Read(make([]byte, 5))
				done <- err
			}()
		}
		_ = a.Body.Close()
		_ = a.Body.Close()
		if reading && <-done == nil {
			t.Error("a Read of a closed body returns bytes")
		}
		if _, err := a.Body.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a closed body: %v", err)
		}
	}
	if n := tr.resting(); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
}
