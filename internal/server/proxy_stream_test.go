package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestProxyEvents: an event arrives before the next one is made.
func TestProxyEvents(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	b := newBase(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "data: event %d of key\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	resp, err := b.client().Do(b.request("POST", "demo/v1/x", strings.NewReader("{}")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for i := range 5 {
		line, err := in.ReadString('\n')
		if want := fmt.Sprintf("data: event %d of key\n", i); err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
		_, _ = in.ReadString('\n')
		next <- struct{}{} // only now the next one is made
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestProxyForms: answers without a body, and requests that ask before they send one.
func TestProxyForms(t *testing.T) {
	t.Parallel()
	b := newBase(t, func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/v1/") {
		case "none":
			w.WriteHeader(http.StatusNoContent)
		case "same":
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(http.StatusNotModified)
		case "moved":
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		case "early":
			w.WriteHeader(http.StatusTeapot) // without reading
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Set-Cookie", "a=b")
			fmt.Fprintf(w, "%s %d", r.Method, n)
		}
	})
	c := b.client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, x := range []struct {
		method, path string
		body         string
		status       int
		want         string
	}{
		{"GET", "none", "", 204, ""},
		{"GET", "same", "", 304, ""},
		{"HEAD", "x", "", 200, ""},
		{"GET", "x", "", 200, "GET 0"},
		{"PUT", "x", "hello", 200, "PUT 5"},
		{"POST", "x", strings.Repeat("x", 200_000), 200, "POST 200000"},
		{"GET", "moved", "", 302, "<a href=\"https://evil.example/\">Found</a>.\n\n"},
		{"POST", "early", strings.Repeat("x", 200_000), 418, ""},
	} {
		for _, expect := range []bool{false, true} {
			r := b.request(x.method, "demo/v1/"+x.path, strings.NewReader(x.body))
			if expect && x.body != "" {
				r.Header.Set("Expect", "100-continue")
			}
			resp, err := c.Do(r)
			if err != nil {
				t.Errorf("%s %s: %v", x.method, x.path, err)
				continue
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != x.status || string(body) != x.want || resp.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s, expect %v: %s %q, %v", x.method, x.path, expect, resp.Status, body, err)
			}
		}
	}
}

// TestProxyBreaks: an answer that breaks off at the service breaks off here. It does not look whole.
func TestProxyBreaks(t *testing.T) {
	t.Parallel()
	b := newBase(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/length" {
			w.Header().Set("Content-Length", "100000")
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), 50_000))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, path := range []string{"demo/v1/chunks", "demo/v1/length"} {
		resp, err := b.client().Do(b.request("GET", path, nil))
		if err != nil {
			continue // before the answer began: told as well
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) && (resp.StatusCode == 200 || err != nil) {
			t.Errorf("%s: %s, %d bytes, %v", path, resp.Status, len(body), err)
		}
	}
}

// TestProxyFlat: what goes up and comes down is never in memory as a whole.
func TestProxyFlat(t *testing.T) {
	total := int64(64 << 20)
	if os.Getenv("TACIT_LONG") == "1" {
		total = 1 << 30
	}
	b := newBase(t, func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != total || err != nil {
			t.Errorf("%d bytes arrived, %v", n, err)
		}
		_, _ = io.CopyN(w, zeros{}, total)
	})
	r := b.request("POST", "demo/v1/x", io.LimitReader(zeros{}, total))
	r.ContentLength = total
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	resp, err := b.client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	close(stop)
	if most := <-peak; n != total || err != nil || most > 48<<20 {
		t.Errorf("%d bytes came, %v; %d MiB in use at most", n, err, most>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestProxyCallerLeaves: who leaves in the middle ends the request to the service.
func TestProxyCallerLeaves(t *testing.T) {
	t.Parallel()
	began, over := make(chan struct{}), make(chan struct{})
	b := newBase(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		close(began)
		<-r.Context().Done()
		close(over)
	})
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, b.fill("GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n\n"))
	<-began
	_ = c.Close()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Error("the request to the service goes on")
	}
}
