package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAnswers: an answer is framed as its handler wants it, or as it turns out, for HTTP/1.1, HTTP/1.0 and HEAD.
func TestAnswers(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 100_000)
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		h, c := w.Header(), http.NewResponseController(w)
		switch r.URL.Path {
		case "/nothing":
		case "/short":
			_, _ = io.WriteString(w, "short")
		case "/big":
			_, _ = io.WriteString(w, big)
		case "/pieces":
			for range 100 {
				_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
			}
		case "/flushed":
			_, _ = io.WriteString(w, "a")
			_ = c.Flush()
			_, _ = io.WriteString(w, "b")
		case "/length":
			h["Content-Length"] = []string{"5"}
			_, _ = io.WriteString(w, "short")
			if _, err := io.WriteString(w, "!"); !errors.Is(err, http.ErrContentLength) && r.Method != http.MethodHead {
				t.Errorf("more than was announced: %v", err)
			}
		case "/204", "/304":
			w.WriteHeader(map[string]int{"/204": 204, "/304": 304}[r.URL.Path])
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("a body where there is none: %v", err)
			}
		case "/trailer":
			h.Set("Trailer", "X-End")
			_, _ = io.WriteString(w, "a")
			h.Set("X-End", "well")
		case "/hints":
			h.Set("Link", "x")
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "hinted")
		case "/injected":
			h["X-A"] = []string{"a\r\nX-B: b", "c\x00"}
			h["X-C\r\nX-D"] = []string{"d"}
			h["Transfer-Encoding"] = []string{"gzip"}
			h["Content-Length"] = []string{"1\r\n"}
		case "/late":
			w.WriteHeader(201)
			h.Set("X-Late", "1")
			w.WriteHeader(500)
		}
	})
	for path, want := range map[string]struct {
		status  int
		length  int64 // of HTTP/1.1; -1: in chunks
		body    string
		head    int64 // Content-Length of the answer to HEAD; -1: none
		trailer string
	}{
		"/nothing":  {200, 0, "", -1, ""},
		"/short":    {200, 5, "short", 5, ""},
		"/big":      {200, -1, big, 100_000, ""},
		"/pieces":   {200, -1, big, 100_000, ""},
		"/flushed":  {200, -1, "ab", -1, ""},
		"/length":   {200, 5, "short", 5, ""},
		"/204":      {204, 0, "", -1, ""},
		"/304":      {304, 0, "", -1, ""},
		"/trailer":  {200, -1, "a", -1, "well"},
		"/hints":    {200, 6, "hinted", 6, ""},
		"/injected": {200, 0, "", -1, ""},
		"/late":     {201, 0, "", -1, ""},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			k := dial(t, addr)
			for range 2 {
				for _, method := range []string{"GET", "HEAD"} {
					k.say(method + " " + path + " HTTP/1.1\nHost: a\n\n")
					resp, body := k.answer(method)
					if resp.StatusCode == http.StatusEarlyHints {
						resp, body = k.answer(method)
					}
					wantBody, wantLength := want.body, want.length
					if method == "HEAD" {
						wantBody, wantLength = "", want.head
					}
					if resp.StatusCode != want.status || body != wantBody || resp.ContentLength != wantLength && wantBody != "" {
						t.Errorf("%s: %s, length %d: %.20q", method, resp.Status, resp.ContentLength, body)
					}
					if method == "HEAD" && (len(resp.TransferEncoding) > 0 || resp.Header.Get("Content-Length") != strings.TrimPrefix(fmt.Sprint(want.head), "-1")) {
						t.Errorf("HEAD: %v", resp.Header)
					}
					if got := resp.Trailer.Get("X-End"); method == "GET" && got != want.trailer {
						t.Errorf("trailer %q", got)
					}
					for _, name := range []string{"X-B", "X-C", "X-D", "X-Late"} {
						if resp.Header.Get(name) != "" {
							t.Errorf("it has %s: %v", name, resp.Header)
						}
					}
					if resp.Header.Get("Date") == "" || resp.Close {
						t.Errorf("%v", resp.Header)
					}
				}
			}
			k.say("GET " + path + " HTTP/1.0\n\n")
			resp, body := k.answer("GET")
			if resp.StatusCode != want.status || body != want.body || !resp.Close || resp.ProtoMinor != 0 {
				t.Errorf("HTTP/1.0: %s %.20q", resp.Status, body)
			}
			k.over()
		})
	}
}

// TestBreaks: who gets half of an answer is not told that it is whole.
func TestBreaks(t *testing.T) {
	t.Parallel()
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "half")
		if r.URL.Path != "/waiting" {
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path != "/length" {
			panic(http.ErrAbortHandler)
		}
	})
	for _, path := range []string{"/waiting", "/flushed", "/length"} {
		k := dial(t, addr)
		k.say("GET " + path + " HTTP/1.1\nHost: a\n\n")
		resp, err := http.ReadResponse(k.in, nil)
		if path == "/waiting" {
			if err == nil {
				t.Error("an answer that was not begun was sent")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || string(b) != "half" {
			t.Errorf("%s: %q, %v", path, b, err)
		}
		_ = resp.Body.Close()
	}
}

// TestPanics: a handler that panics costs its connection, and no other one.
func TestPanics(t *testing.T) {
	t.Parallel()
	addr := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("a secret")
		}
	})
	k := dial(t, addr)
	k.say("GET / HTTP/1.1\nHost: a\n\nGET /panic HTTP/1.1\nHost: a\n\n")
	k.answer("GET")
	k.over()
	k = dial(t, addr)
	k.say("GET / HTTP/1.1\nHost: a\n\n")
	k.answer("GET")
}

// TestUnread: of a body that nobody reads, a little is read for the next request, and much ends the connection, which the peer learns with
// the answer.
func TestUnread(t *testing.T) {
	t.Parallel()
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/some" {
			_, _ = io.ReadFull(r.Body, make([]byte, 10))
			_ = r.Body.Close()
			if n, err := r.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
				t.Errorf("after Close: %d, %v", n, err)
			}
		}
		_, _ = io.WriteString(w, "ok")
	})
	chunked := fmt.Sprintf("Transfer-Encoding: chunked\n\n%x\n%s\n0\n\n", 100_000, strings.Repeat("x", 100_000))
	for _, path := range []string{"/none", "/some"} {
		for name, c := range map[string]struct {
			rest   string
			closes bool
		}{
			"little":        {"Content-Length: 20\n\n" + strings.Repeat("x", 20), false},
			"more":          {"Content-Length: 200000\n\n" + strings.Repeat("x", 200_000), false},
			"much":          {"Content-Length: 1000000\n\n" + strings.Repeat("x", 1_000_000), true},
			"chunks":        {chunked, false},
			"expected":      {"Content-Length: 20\nExpect: 100-continue\n\n", path == "/none"},
			"odd chunks":    {"Transfer-Encoding: chunked\n\n14\n" + strings.Repeat("x", 20) + "\nx\n", true},
			"endless chunk": {fmt.Sprintf("Transfer-Encoding: chunked\n\n%x\n%s", 10_000_000, strings.Repeat("x", 1_000_000)), true},
		} {
			k := dial(t, addr)
			k.say("POST " + path + " HTTP/1.1\nHost: a\n" + c.rest)
			if strings.Contains(name, "expected") && path == "/some" {
				if resp, _ := k.answer("POST"); resp.StatusCode != 100 {
					t.Errorf("it was not told to go on: %s", resp.Status)
				}
				k.say(strings.Repeat("x", 20))
			}
			if resp, body := k.answer("POST"); body != "ok" || resp.Close && !c.closes {
				t.Errorf("%s of %s: %q %v", path, name, body, resp.Header)
			}
			if c.closes {
				k.over()
				continue
			}
			k.say("GET /again HTTP/1.1\nHost: a\n\n")
			if _, body := k.answer("GET"); body != "ok" {
				t.Errorf("%s of %s: %q follows", path, name, body)
			}
		}
	}
}

// TestClient: net/http's own client finds all that it expects.
func TestClient(t *testing.T) {
	t.Parallel()
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.Method, n, err)
	})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for _, size := range []int{0, 1, 5000, 3 << 20} {
		for _, known := range []bool{true, false} {
			for _, expect := range []string{"", "100-continue"} {
				body := io.Reader(strings.NewReader(strings.Repeat("x", size)))
				if !known {
					body = io.MultiReader(body)
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+addr, body)
				if err != nil {
					t.Fatal(err)
				}
				if expect != "" {
					r.Header.Set("Expect", expect)
				}
				resp, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if want := fmt.Sprint("PUT", size, " <nil>"); err != nil || string(b) != want {
					t.Errorf("%d bytes, known %v, expect %q: %q, %v", size, known, expect, b, err)
				}
			}
		}
	}
}
