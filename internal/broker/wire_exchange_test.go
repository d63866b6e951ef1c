package broker

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestExchange is an ordinary request on an ordinary day, with both versions of HTTP.
func TestExchange(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != http2 {
				t.Errorf("the protocol is %s", r.Proto)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer "+headerSecret {
				t.Errorf("authorization is %q", got)
			}
			if r.RequestURI != "/v1/a%20b?x=%2F&y" || r.Host != r.Context().Value(http.LocalAddrContextKey).(interface{ String() string }).String() {
				t.Errorf("the request is %s to %s", r.RequestURI, r.Host)
			}
			if r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Range") != "" || r.Header.Get("User-Agent") != userAgent {
				t.Errorf("headers are %v", r.Header)
			}
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Etag", `"x"`)
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write(append([]byte("key "+headerSecret+" body "), body...))
		}))
		b := newTestBroker(t, Options{HTTP2: http2})
		use := u.use(t, b, headerSecret, "/v1/a%20b")
		use.Request.query = "x=%2F&y"
		use.Request.header.Set("Range", "bytes=0-9")
		got := do(t, b, post(use, strings.NewReader("hello"), 5))
		if got.err != nil || got.status != http.StatusCreated || string(got.body) != "key *** body hello" {
			t.Errorf("got %d %q %v", got.status, got.body, got.err)
		}
		if got.header.Get("X-Echo") != "***" || got.header.Get("Etag") != "" || got.header.Get("Content-Length") != "" {
			t.Errorf("headers are %v", got.header)
		}
		if got.stats != (Stats{BytesUp: 5, BytesDown: int64(len("key  body hello") + len(headerSecret)), Redactions: 2}) {
			t.Errorf("stats are %+v", got.stats)
		}
	}
}

// TestExchangeStreams sends and gets more than any buffer holds, each piece answered before the next is sent.
func TestExchangeStreams(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			_ = c.EnableFullDuplex()
			w.WriteHeader(http.StatusOK)
			_ = c.Flush()
			buf := make([]byte, 4096)
			for {
				n, err := r.Body.Read(buf)
				_, _ = w.Write(bytes.ToUpper(buf[:n]))
				_ = c.Flush()
				if err != nil {
					return
				}
			}
		}))
		b := newTestBroker(t, Options{HTTP2: http2})
		in, out := io.Pipe()
		r, err := b.Do(t.Context(), post(u.use(t, b, headerSecret, "/"), in, -1))
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		for range 100 {
			go func() { _, _ = io.WriteString(out, "ping") }()
			if _, err := io.ReadFull(r.Body, buf[:4]); err != nil || string(buf[:4]) != "PING" {
				t.Fatalf("http2 %v: %q %v", http2, buf[:4], err)
			}
		}
		_ = out.Close()
		if rest, err := io.ReadAll(r.Body); len(rest) > 0 || err != nil {
			t.Errorf("at the end: %q %v", rest, err)
		}
		_ = r.Body.Close()
		if s := r.Stats(); s.BytesUp != 400 || s.BytesDown != 400 {
			t.Errorf("stats are %+v", s)
		}
	}
}
