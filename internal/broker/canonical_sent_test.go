package broker

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"tacit/internal/fault"
)

// TestI24OnlyWhatWasJudgedIsSent: nothing reaches the upstream that no capability admitted, or another one, or that sets what the
// strategy sets, even where somebody forgot to ask before.
func TestI24OnlyWhatWasJudgedIsSent(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	u := newUpstream(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	u.service.Capabilities = append(u.service.Capabilities, u.service.Capabilities[0])
	b := newTestBroker(t, Options{})
	use := u.use(t, b, headerSecret, "/")
	for name, change := range map[string]func(*CanonicalRequest){
		"by nobody":       func(c *CanonicalRequest) { c.admitted = nil },
		"by another":      func(c *CanonicalRequest) { c.admitted = &u.service.Capabilities[1] },
		"with a header":   func(c *CanonicalRequest) { c.header = http.Header{"AUTHORIZATION": {"mine"}} },
		"with underscore": func(c *CanonicalRequest) { c.header = http.Header{"Authorization_": {"mine"}} },
	} {
		r := *use.Request
		change(&r)
		bad := use
		bad.Request = &r
		if got := do(t, b, bad); !errors.Is(got.err, fault.Denied) {
			t.Errorf("%s: %v, want it refused", name, got.err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	if got := do(t, b, use); got.err != nil || reached.Load() != 1 {
		t.Errorf("the request itself: %v", got.err)
	}
}

// TestI24WhatIsSentArrives: a server of the standard library reads the request as it was judged, over HTTP/1 and HTTP/2.
func TestI24WhatIsSentArrives(t *testing.T) {
	t.Parallel()
	var method, target, host atomic.Value
	u := newUpstream(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		method.Store(r.Method + " " + r.Proto)
		target.Store(r.RequestURI)
		host.Store(r.Host)
	}))
	for _, o := range []struct {
		options Options
		proto   string
	}{{Options{HTTP2: true}, "HTTP/2.0"}, {Options{}, "HTTP/1.1"}} {
		b := newTestBroker(t, o.options)
		use := u.use(t, b, headerSecret, "/")
		for _, c := range []struct{ path, query, want string }{
			{"", "", "/"},
			{"/v1/%7eä;", "", ""},
			{"/v1/models/", "a+b=%7e&&c", "/v1/models/?a%20b=~&c"},
			{"/%76%31/a%2bb/x%3fy%23z%25/%c3%a4|", "u=https://evil.example/?x", "/v1/a%2Bb/x%3Fy%23z%25/%C3%A4%7C?u=https://evil.example/?x"},
		} {
			r, err := Canonicalise(Request{Method: "patch", Path: c.path, Query: c.query})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" { // no capability here admits it
				if _, err := Match(u.service, r); !errors.Is(err, fault.Denied) {
					t.Errorf("%s: %v", c.path, err)
				}
				continue
			}
			r.admitted = use.Capability
			use.Request = r
			if got := do(t, b, use); got.err != nil {
				t.Fatal(got.err)
			}
			if method.Load() != "PATCH "+o.proto || target.Load() != c.want || host.Load() != u.host {
				t.Errorf("%s?%s arrives as %s %s at %s", c.path, c.query, method.Load(), target.Load(), host.Load())
			}
		}
	}
}
