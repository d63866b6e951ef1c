package rest_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands in headers, addresses and bodies, and must stand in no error.
const canary = "canary-7Tq2"

// store starts a store that answers with handler.
func store(t *testing.T, handler http.HandlerFunc) (*rest.Client, *[]string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	var log []string
	c, err := rest.New(rest.Config{Name: "prod", Base: s.URL + "/base/", MaxAnswer: 1000, Debug: func(m string, args ...any) {
		log = append(log, m+fmt.Sprint(args...))
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &log
}

// ask makes a request that is full of canaries.
func ask(t *testing.T, c *rest.Client) (*rest.Answer, error) {
	t.Helper()
	return c.Do(t.Context(), rest.Request{
		What: "read db.password", Method: http.MethodPost, Path: "/a%2Fb", Query: map[string][]string{"q": {canary}},
		Header: http.Header{"X-Key": {canary}}, Body: []byte(canary),
	})
}

func silent(t *testing.T, err error, log []string) {
	t.Helper()
	if all := fmt.Sprintf("%v %+v", err, log); strings.Contains(all, canary) {
		t.Errorf("a canary is in %s", all)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	c, log := store(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "/base/a%2Fb?q="+canary || r.Header.Get("X-Key") != canary || r.Header.Get("User-Agent") != "tacit" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("the request is %s %v", r.RequestURI, r.Header)
		}
		_, _ = w.Write([]byte(`{"value":"x"}`))
	})
	a, err := ask(t, c)
	if err != nil || !a.OK() {
		t.Fatal(a, err)
	}
	var got struct {
		Value string `json:"value"`
	}
	if err := c.JSON(rest.Request{}, a, &got); err != nil || got.Value != "x" {
		t.Error(got, err)
	}
	silent(t, nil, *log)
	if len(*log) != 1 {
		t.Errorf("debug heard %q", *log)
	}
}

// TestI19StatusIsNeverNotFound: whatever the status, and with a page of a proxy, the class is not the one that falls through.
func TestI19StatusIsNeverNotFound(t *testing.T) {
	t.Parallel()
	want := map[int]fault.Code{
		302: fault.Unavailable, 400: fault.Invalid, 401: fault.Denied, 403: fault.Denied, 404: fault.Unavailable, 407: fault.Denied, 408: fault.Unavailable,
		409: fault.Conflict, 410: fault.Unavailable, 413: fault.Invalid, 429: fault.Limited, 500: fault.Unavailable, 503: fault.Unavailable,
	}
	for status, class := range want {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			c, log := store(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "https://elsewhere.example/"+canary)
				http.Error(w, "<html>not found "+canary, status)
			})
			a, err := ask(t, c)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Refused(rest.Request{What: "read x"}, a, "")
			if !errors.Is(err, class) || errors.Is(err, fault.NotFound) || !strings.HasPrefix(err.Error(), "prod: ") {
				t.Errorf("%v has class %s, want %s", err, fault.CodeOf(err), class)
			}
			if d, ok := provider.RetryAfter(err); !ok || d != 7*time.Second {
				t.Errorf("RetryAfter = %v %v", d, ok)
			}
			var shown *fault.Error
			if !errors.As(err, &shown) || shown.Origin != provider.Origin {
				t.Errorf("origin of %v", err)
			}
			silent(t, err, *log)
		})
	}
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want fault.Code
	}{
		"a page":            {"<html>" + canary, fault.Invalid},
		"cut off":           {`{"value":"` + canary, fault.Invalid},
		"twice":             {`{"value":"a","value":"` + canary + `"}`, fault.Invalid},
		"not UTF-8":         {"{\"value\":\"\xff" + canary + "\"}", fault.Invalid},
		"a lone surrogate":  {`{"value":"\ud800` + canary + `"}`, fault.Invalid},
		"another type":      {`{"value":["` + canary + `"]}`, fault.Invalid},
		"nothing":           {"", fault.Invalid},
		"more than allowed": {strings.Repeat(canary, 100), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, log := store(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.body)) })
			var got struct {
				Value string `json:"value"`
			}
			a, err := ask(t, c)
			if err == nil {
				err = c.JSON(rest.Request{What: "read x"}, a, &got)
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want class %s", err, test.want)
			}
			silent(t, err, *log)
		})
	}
}

// hijacked answers with raw bytes and hangs up.
func hijacked(t *testing.T, raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte(raw))
		_ = conn.Close()
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"hangs up":      "",
		"no HTTP":       canary + "\r\n\r\n",
		"breaks off":    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + canary,
		"chunks break":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"bad location":  "HTTP/1.1 307 x\r\nLocation: http://%zz" + canary + "\r\nContent-Length: 0\r\n\r\n",
		"endless head":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+canary+"\r\n", 10000),
		"strange codes": "HTTP/1.1 " + canary + " OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, log := store(t, hijacked(t, raw))
			_, err := ask(t, c)
			if !errors.Is(err, fault.Unavailable) {
				t.Errorf("%v has class %s", err, fault.CodeOf(err))
			}
			silent(t, err, *log)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := rest.New(rest.Config{Name: "prod", Base: "http://" + l.Addr().String() + "/" + canary})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, err = ask(t, c)
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	silent(t, err, nil)
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	c, _ := store(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		<-done // a body that never ends
	})
	defer close(done)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, rest.Request{What: "read x"})
	if !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err = c.Do(ctx, rest.Request{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestRedirects: one that stays on the host is followed; one to another host, port, scheme or method is the answer, and nothing is
// sent there.
func TestRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was sent to another host", r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	to := map[string]string{
		"/base/same": "/base/end", "/base/other": elsewhere.URL, "/base/scheme": "https://" + elsewhere.Listener.Addr().String(),
		"/base/name": strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), "/base/loop": "/base/loop",
	}
	c, _ := store(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/end" {
			return
		}
		status := http.StatusTemporaryRedirect
		if r.Method == http.MethodPut {
			status = http.StatusSeeOther // makes it a GET
		}
		http.Redirect(w, r, to[r.URL.Path], status)
	})
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/same", 200},
		{"GET", "/same", 200},
		{"PUT", "/same", 303},
		{"GET", "/other", 307},
		{"POST", "/scheme", 307},
		{"GET", "/name", 307},
		{"GET", "/loop", 307},
	} {
		a, err := c.Do(t.Context(), rest.Request{Method: test.method, Path: test.path, Header: http.Header{"X-Key": {canary}}, Body: []byte("x")})
		if err != nil || a.Status != test.want {
			t.Errorf("%s %s: %v %v, want %d", test.method, test.path, a, err, test.want)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://kv.example": true, "https://kv.example:8200/path": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost:1": true,
		"": false, "kv.example": false, "http://kv.example": false, "http://localhost.example": false, "http://127.0.0.1.example": false,
		"ftp://kv.example": false, "https://user:" + canary + "@kv.example": false, "https://kv.example?" + canary: false, "https://%zz" + canary: false, "https:kv.example": false,
	} {
		_, err := rest.New(rest.Config{Name: "prod", Base: base})
		if (err == nil) != ok || err != nil && !errors.Is(err, fault.Usage) {
			t.Errorf("%s: %v", base, err)
		}
		silent(t, err, nil)
	}
	if _, err := rest.New(rest.Config{Name: "prod", Base: "http://kv.example", Plain: true}); err != nil {
		t.Error(err)
	}
	if _, err := rest.New(rest.Config{Name: "prod", Base: "https://kv.example", CAPEM: "nothing"}); !errors.Is(err, fault.Usage) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	c, err := rest.New(rest.Config{Name: "prod", Base: s.URL, Direct: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := ask(t, c); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "authority") {
		t.Error(err)
	}
}

// TestI01HeadersAreNotPrinted: net/http prints what HTTP/2 sends, keys included, to whoever set http2debug; so it is not spoken then.
func TestI01HeadersAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for godebug, want := range map[string]string{"": "HTTP/2.0", "http2debug=1": "HTTP/1.1", "madvdontneed=1,http2debug=2": "HTTP/1.1"} {
		c, err := rest.New(rest.Config{Name: "prod", Base: s.URL, CAPEM: authority, Getenv: func(string) string { return godebug }})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := ask(t, c); err != nil || string(a.Body) != want {
			t.Errorf("GODEBUG=%s: %s, %v", godebug, a.Body, err)
		}
		c.Close()
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "3": 3 * time.Second, " 3 ": 3 * time.Second, "-3": 0, "soon": 0, "99999999": 24 * time.Hour, "9999999999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat):    time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat):   0,
		now.Add(99 * time.Hour).Format(http.TimeFormat): 24 * time.Hour,
		now.Add(time.Minute).Format(time.RFC3339Nano):   0,
		"1.5": 0,
	} {
		if got := rest.RetryAfter(http.Header{"Retry-After": {header}}, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
