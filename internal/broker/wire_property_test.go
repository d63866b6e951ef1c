package broker

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tacit/internal/mask"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// A behaviour is what an upstream does with a request: it knows all that was sent, and does its worst with it.
type behaviour struct {
	status  int
	hints   bool
	coding  string
	headers []echo
	body    []echo
	trailer *echo
	abort   bool
}

// An echo is text around a form of something that the upstream got.
type echo struct {
	name          string
	what, form    int
	before, after string
	flush         bool
}

// say returns the text, of the values that the upstream got.
func (e echo) say(got [][]byte) string {
	if len(got) == 0 {
		return e.before + e.after
	}
	forms := mask.Forms(got[e.what%len(got)], minMasked)
	if len(forms) == 0 {
		return e.before + e.after
	}
	return e.before + string(forms[e.form%len(forms)]) + e.after
}

func drawEcho(t *rapid.T) echo {
	text := rapid.SampledFrom([]string{"", "x", "*", "Bearer ", "{\"key\":\"", "\"}", headerSecret[:5], headerSecret[3:], "%", "=", strings.Repeat("a", 3000)})
	return echo{
		name: rapid.SampledFrom([]string{"Location", "X-Echo", "Content-Type", "Set-Cookie", "Link", "Www-Authenticate", "Content-Disposition", "X-Api-Key", "\x00form"}).Draw(t, "name"),
		what: rapid.IntRange(0, 5).Draw(t, "what"), form: rapid.IntRange(0, 100).Draw(t, "form"),
		before: text.Draw(t, "before"), after: text.Draw(t, "after"), flush: rapid.Bool().Draw(t, "flush"),
	}
}

func drawBehaviour(t *rapid.T) *behaviour {
	b := &behaviour{
		status:  rapid.SampledFrom([]int{200, 201, 204, 206, 301, 302, 304, 307, 400, 401, 404, 429, 500, 503}).Draw(t, "status"),
		hints:   rapid.Bool().Draw(t, "hints"),
		coding:  rapid.SampledFrom([]string{"", "", "", "gzip", "deflate", "br", "gzip, gzip"}).Draw(t, "coding"),
		headers: rapid.SliceOfN(rapid.Custom(drawEcho), 0, 4).Draw(t, "headers"),
		body:    rapid.SliceOfN(rapid.Custom(drawEcho), 0, 6).Draw(t, "body"),
		abort:   rapid.IntRange(0, 9).Draw(t, "abort") == 0,
	}
	if rapid.Bool().Draw(t, "trailer") {
		e := drawEcho(t)
		b.trailer = &e
	}
	return b
}

func (b *behaviour) serve(w http.ResponseWriter, got [][]byte) {
	h := w.Header()
	set := func(prefix string, e echo) {
		name, value := prefix+e.name, e.say(got)
		if strings.HasSuffix(name, "form") {
			if name = e.say(got); !validToken(name) || name == "" {
				return
			}
		}
		h[name] = append(h[name], value)
	}
	for _, e := range b.headers {
		set("", e)
	}
	if b.hints {
		w.WriteHeader(http.StatusEarlyHints)
	}
	if b.trailer != nil {
		set(http.TrailerPrefix, *b.trailer)
	}
	if b.coding != "" {
		h.Set("Content-Encoding", b.coding)
	}
	w.WriteHeader(b.status)
	var to io.Writer = w
	switch b.coding {
	case "gzip":
		c := gzip.NewWriter(w)
		defer c.Close()
		to = c
	case "deflate":
		c := zlib.NewWriter(w)
		defer c.Close()
		to = c
	}
	for _, e := range b.body {
		said := e.say(got)
		for len(said) > 0 {
			n := 1 + (len(said)*7+e.form)%min(len(said), 50)
			_, _ = io.WriteString(to, said[:n])
			said = said[n:]
			if f, ok := to.(interface{ Flush() error }); ok && e.flush {
				_ = f.Flush()
			}
			if e.flush {
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	if b.abort {
		panic(http.ErrAbortHandler)
	}
}

// TestI28Property: for any upstream behaviour and any caller bytes, no form of I28 of an injected value reaches the caller, and no
// request with a credential reaches another host.
func TestI28Property(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[behaviour]
	var sent atomic.Pointer[[][]byte] // what was injected into the request
	var reached atomic.Int32
	elsewhere := newUpstream(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request reached another host") }))
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		now.Load().serve(w, *sent.Load())
	}))
	services := []registry.Auth{
		{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "authorization", Value: "Bearer {{secret}}"}}},
		{Kind: registry.KindQuery, Fields: []registry.Field{{Name: "api_key", Value: "{{secret}}"}}},
		{Kind: registry.KindBasic, Username: "ana", Password: "{{secret}}"},
		{Kind: registry.KindPath, Prefix: "/bot{{secret}}"},
	}
	value := map[registry.Kind]string{
		registry.KindHeader: headerSecret, registry.KindQuery: headerSecret, registry.KindBasic: headerSecret,
		registry.KindPath: strings.ReplaceAll(headerSecret, "/", ":"), // a slash would be another segment
	}
	type made struct {
		service *registry.Service
		broker  *Broker
		cred    *Prepared
	}
	var all []made
	for _, auth := range services {
		for _, http2 := range []bool{false, true} {
			described := *u.service
			described.Title, described.Docs, described.Auth = "Acme", "https://docs.acme.example", auth
			described.Capabilities = []registry.Capability{{
				ID: "acme/things", Title: "Things", Methods: []string{"DELETE", "GET", "HEAD", "POST"}, Paths: []registry.Path{{Text: "/"}}, Risk: registry.Write,
				Example: registry.Example{Method: "GET", Path: "/"},
			}}
			s, err := registry.DecodeService(described.Encode())
			if err != nil {
				t.Fatal(err)
			}
			b := newTestBroker(t, Options{HTTP2: http2})
			cred, err := b.Prepare(s, Values{"secret": secret.New([]byte(value[auth.Kind]))}, nil)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, made{s, b, cred})
		}
	}
	evil := elsewhere.host
	name := rapid.SampledFrom([]string{
		"Host", "X-Forwarded-Host", "X-Original-Url", "Forwarded", "Connection", "Range", "If-Range", "Accept-Encoding", "Te", "Expect", "X-A",
		"Authorization", "Cookie", "Upgrade", "Proxy-Authorization", "Content-Length", "Transfer-Encoding", "Trailer", "X-Http-Method-Override", "Content-Type",
	})
	field := rapid.OneOf(rapid.SampledFrom([]string{evil, "https://" + evil + "/", "bytes=0-9", "bytes=5-", "gzip", "trailers", "100-continue", "", "close, authorization", "h2c"}), rapid.String())
	path := rapid.OneOf(rapid.SampledFrom([]string{"/", "/v1/things", "//" + evil + "/", "/@" + evil, "https://" + evil + "/", "/..//" + evil, "/%2f%2f" + evil, "/x;y=z", "/a%20b", "\\\\" + evil, ":443@" + evil}), rapid.String())
	query := rapid.OneOf(rapid.SampledFrom([]string{"", "a=b", "api_key=x", "Api%5fKey=x", "u=https://" + evil, "x#y", "@" + evil}), rapid.String())

	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(all).Draw(t, "service")
		now.Store(drawBehaviour(t))
		// In one place at most: two would hide each other, since nearly all of it is refused.
		hostile := rapid.SampledFrom([]string{"", "", "header", "path", "query", "method"}).Draw(t, "hostile")
		header := http.Header{"X-A": {"b"}, "Range": {"bytes=3-20"}}
		method, at, parameters := rapid.SampledFrom([]string{"GET", "POST", "HEAD", "DELETE"}).Draw(t, "method"), "/v1/things", "a=b"
		switch hostile {
		case "header":
			header[name.Draw(t, "name")] = []string{field.Draw(t, "value")}
		case "path":
			at = path.Draw(t, "path")
		case "query":
			parameters = query.Draw(t, "query")
		case "method":
			method = rapid.SampledFrom([]string{"get", "CONNECT", "OPTIONS", "G T", ""}).Draw(t, "hostile method")
		}
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		r := Request{
			Method: method, Path: at, Query: parameters, Header: header, ContentLength: int64(len(body)),
		}
		if len(body) > 0 {
			r.Body = io.MultiReader(bytes.NewReader(body))
			if rapid.Bool().Draw(t, "chunked") {
				r.ContentLength = -1
			}
		}
		canonical, err := Canonicalise(r)
		if err != nil {
			return
		}
		capability, err := Match(m.service, canonical)
		if err != nil {
			return
		}
		use := Use{
			Request: canonical, Service: m.service, Capability: capability, Host: u.host, Credential: m.cred, Principal: "agent/test",
			Limits: Limits{Timeout: 10 * time.Second},
		}
		injected := append(slices.Clone(m.cred.strategy.Injected()), []byte(value[m.service.Auth.Kind]))
		sent.Store(&injected)
		o := outcomeOf(m.broker, use)
		var values []string
		for _, v := range injected {
			values = append(values, string(v))
		}
		noForm(t, o, values...)
		for n := range o.header {
			for _, form := range m.cred.injected.folded {
				if bytes.Contains(bytes.ToLower([]byte(n)), form) {
					t.Errorf("the name of the header %s holds the secret", n)
				}
			}
			if dropped(n) {
				t.Errorf("the caller gets %s", n)
			}
		}
	})
	if n := reached.Load(); n < 10 {
		t.Errorf("only %d requests reached the upstream", n)
	}
}

// outcomeOf is do for a property.
func outcomeOf(b *Broker, u Use) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := b.Do(ctx, u)
	if err != nil {
		return outcome{err: err}
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	return outcome{r.Status, r.Header, body, err, r.Stats()}
}
