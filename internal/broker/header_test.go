package broker

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"tacit/internal/fault"
)

func withHeader(pairs ...string) Request {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return Request{Method: "POST", Path: "/", Header: h, Body: strings.NewReader("abc"), ContentLength: 3}
}

// TestI25RefusedHeaders tries to set what authenticates, steers or frames.
func TestI25RefusedHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Authorization", "authorization", "AUTHORIZATION", "Proxy-Authorization", "Proxy-Authenticate", "Proxy", "X-Forwarded-Authorization-Is-Fine",
		"X-Authorization", "Cookie", "cookie", "Cookie2", "Set-Cookie",
		"X-Api-Key", "x_api_key", "X_Api-Key", "Api-Key", "ApiKey", "X-ApiKey", "X-Goog-Api-Key", "Xi-Api-Key", "DD-API-KEY", "DD-APPLICATION-KEY",
		"X-Auth-Token", "X_AUTH_TOKEN", "X-Access-Token", "X-Shopify-Access-Token", "Private-Token", "X-Auth-Key", "X-Amz-Security-Token",
		"X.Api.Key", "X-Vault-Token", "Remote-User", "Client-Cert",
		"X-Http-Method-Override", "X-HTTP-Method-Override", "X_HTTP_METHOD_OVERRIDE", "X-Http-Method", "X-Method-Override",
		"X-Original-Url", "X-Original-URI", "X-Rewrite-Url", "X_Original_URL", "X-Original-Host", "X-Host", "X-Http-Host-Override",
		"Host", "host", "Transfer-Encoding", "transfer_encoding", "Trailer", "Upgrade", "Http2-Settings",
	} {
		c, err := Canonicalise(withHeader(name, "mine"))
		if name == "X-Forwarded-Authorization-Is-Fine" { // because it goes nowhere
			if err != nil || c.Header().Get(name) != "" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v, want it refused", name, err)
		} else if strings.Contains(err.Error(), "mine") {
			t.Errorf("%s: the refusal repeats the value: %v", name, err)
		}
	}
	for _, pair := range [][]string{
		{"Connection", "Authorization"},
		{"Connection", "close, X-Api-Key"},
		{"Connection", "Upgrade, HTTP2-Settings"},
		{"Connection", "keep-alive", "Connection", "x-foo"},
		{"Expect", "200-maybe"},
		{"Expect", "100-continue", "Expect", "100-continue"},
		{"Content-Length", "4"},
		{"Content-Length", "3", "Content-Length", "3"},
		{"Content-Length", "3, 3"},
		{"Content-Length", "+3"},
		{"Content-Length", ""},
		{"Content-Type", "a/b", "Content-Type", "c/d"},
		{"X-A", "1", "x-a", "2"},
		{"x-a", "1", "X-a", "2"},
		{"X-A", "a\r\nAuthorization: mine"},
		{"X-A", "a\nb"},
		{"X-A", "a\rb"},
		{"X-A", "a\x00b"},
		{"X-A", "a\r\n b"},
		{"X-A", "\x7f"},
		{"X-A", "\x1b[2J"},
		{"X A", "1"},
		{"X-A:", "1"},
		{"", "1"},
		{"X-A\r\nAuthorization", "1"},
		{":authority", "evil.example"},
		{"X-Ä", "1"},
		{"X-A\x00", "1"},
		{strings.Repeat("x", maxFieldName+1), "1"},
	} {
		if _, err := Canonicalise(withHeader(pair...)); !errors.Is(err, fault.Denied) {
			t.Errorf("%q: %v, want it refused", pair, err)
		}
	}
}

// TestI25DroppedHeaders are what clients and proxies send of themselves: they go nowhere, and nobody is refused for them.
func TestI25DroppedHeaders(t *testing.T) {
	t.Parallel()
	c, err := Canonicalise(withHeader(
		"Connection", "keep-alive, TE", "Keep-Alive", "timeout=5", "Proxy-Connection", "keep-alive", "Te", "trailers", "Expect", "100-continue",
		"Content-Length", "3", "Accept-Encoding", "gzip, br", "Via", "1.1 x", "Forwarded", "host=evil.example", "X-Forwarded-For", "127.0.0.1",
		"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "X_Forwarded_Host", "evil.example", "X-Real-Ip", "127.0.0.1",
		"content-type", " application/json\t", "X-Custom", "a", "X-Custom", "b", "Range", "bytes=0-9", "Accept", "*/*", "user-agent", "sdk/1", "X-Empty", "",
	))
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Accept-Encoding": {"identity"}, "Content-Type": {"application/json"}, "X-Custom": {"a", "b"}, "Range": {"bytes=0-9"}, "Accept": {"*/*"},
		"User-Agent": {"sdk/1"}, "X-Empty": {""},
	}
	if got := c.Header(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// TestI25ReservedHeaders tries to set what the strategy sets.
func TestI25ReservedHeaders(t *testing.T) {
	t.Parallel()
	reserved := Reserved{Headers: []string{"plaid-secret", "x-tenant"}}
	for _, name := range []string{"Plaid-Secret", "plaid-secret", "PLAID_SECRET", "Plaid.Secret", "PlaidSecret", "X-Tenant", "x_tenant"} {
		c, err := Canonicalise(withHeader(name, "mine"))
		if err == nil {
			err = c.Reserve(reserved)
		}
		if !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
	c, err := Canonicalise(withHeader("Plaid-Version", "2020-09-14", "X-Tenants", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reserve(reserved); err != nil {
		t.Error(err)
	}
}

// TestI24HeaderIsACopy: what happens to the header that came in, or was handed out, does not change what is sent.
func TestI24HeaderIsACopy(t *testing.T) {
	t.Parallel()
	r := withHeader("X-A", "a")
	r.Path = "/v1/models"
	c, err := Canonicalise(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["X-A"][0] = "changed"
	r.Header.Set("Authorization", "mine")
	out := c.Header()
	out.Set("X-A", "changed")
	out["Accept-Encoding"][0] = "gzip"
	c.Segments()[0] = "changed"
	if h := c.Header(); c.Segments()[0] != "v1" || h.Get("X-A") != "a" || h.Get("Authorization") != "" || h.Get("Accept-Encoding") != "identity" {
		t.Errorf("%v", h)
	}
}

func TestHeaderBounds(t *testing.T) {
	t.Parallel()
	many := http.Header{}
	for i := range maxFields + 1 {
		many[fmt.Sprint("X-", i)] = []string{""}
	}
	for _, h := range []http.Header{many, {"X": make([]string, maxFields+1)}, {"X": {strings.Repeat("x", maxFieldBytes)}}} {
		if _, err := Canonicalise(Request{Method: "GET", Path: "/", Header: h}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	}
}

func TestI24Methods(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"GET": "GET", "get": "GET", "Patch": "PATCH", "head": "HEAD", "put": "PUT", "delete": "DELETE", "pOsT": "POST"} {
		if c, err := Canonicalise(Request{Method: in, Path: "/"}); err != nil || c.Method() != want {
			t.Errorf("%s: %v, %v", in, c, err)
		}
	}
	for in, want := range map[string]fault.Code{
		"": fault.Invalid, "GET /admin HTTP/1.1\r\nX:": fault.Invalid, "GE T": fault.Invalid, "PO\u017fT": fault.Invalid, "GET\x00": fault.Invalid,
		"TRACE": fault.Denied, "CONNECT": fault.Denied, "OPTIONS": fault.Denied, "PROPFIND": fault.Denied, "GETS": fault.Denied, "PRI": fault.Denied,
	} {
		if _, err := Canonicalise(Request{Method: in, Path: "/"}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestCanonicalBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body   io.Reader
		length int64
		want   int64 // -2: refused
	}{
		{nil, 0, 0},
		{nil, -1, 0},
		{http.NoBody, 0, 0},
		{strings.NewReader("abc"), 3, 3},
		{strings.NewReader("abc"), -1, -1},
		{nil, 3, -2},
		{strings.NewReader("abc"), -2, -2},
	} {
		got, err := Canonicalise(Request{Method: "POST", Path: "/", Body: c.body, ContentLength: c.length})
		switch {
		case c.want == -2:
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("%v, %d: %v", c.body, c.length, err)
			}
		case err != nil || got.Length() != c.want || (got.Body() != nil) != (c.want != 0):
			t.Errorf("%v, %d: %v, %v", c.body, c.length, got, err)
		}
	}
}
