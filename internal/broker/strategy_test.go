package broker

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// valuesOf turns pairs of placeholder and value into values.
func valuesOf(pairs ...string) Values {
	v := Values{}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = secret.New([]byte(pairs[i+1]))
	}
	return v
}

// serviceOf returns a service that authenticates so, with a secret for each placeholder.
func serviceOf(auth registry.Auth, placeholders ...string) *registry.Service {
	s := &registry.Service{ID: "acme", Origin: registry.Builtin, Hosts: []string{"api.acme.example"}, Auth: auth}
	for _, p := range placeholders {
		s.Secrets = append(s.Secrets, registry.Secret{Name: "ACME_" + strings.ToUpper(p), Placeholder: p})
	}
	return s
}

func outgoing() *Outgoing {
	return &Outgoing{Method: http.MethodGet, Scheme: "https", Host: "api.acme.example", Path: "/v1/things", Query: "a=b", Header: http.Header{}}
}

func withBody(out *Outgoing, contentType, body string) *Outgoing {
	out.Method, out.Body, out.ContentLength = http.MethodPost, strings.NewReader(body), int64(len(body))
	out.Header.Set("Content-Type", contentType)
	return out
}

func mustStrategy(t testing.TB, s *registry.Service, v Values) Strategy {
	t.Helper()
	made, err := NewStrategy(s, v, StrategyDeps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func apply(t testing.TB, s Strategy, out *Outgoing) {
	t.Helper()
	if _, err := s.Apply(context.Background(), out); err != nil {
		t.Fatal(err)
	}
}

func bodyOf(t testing.TB, out *Outgoing) string {
	t.Helper()
	if out.Body == nil {
		return ""
	}
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func injects(s Strategy, value string) bool {
	return slices.ContainsFunc(s.Injected(), func(b []byte) bool { return string(b) == value })
}

func TestStaticStrategies(t *testing.T) {
	t.Parallel()
	const key = "k-0123456789"
	for _, c := range []struct {
		name     string
		auth     registry.Auth
		public   []string
		values   Values
		check    func(out *Outgoing) bool
		injected []string
		not      []string
		reserved Reserved
	}{
		{
			name:     "header",
			auth:     registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "authorization", Value: "Bearer {{secret}}"}}},
			values:   valuesOf("secret", key),
			check:    func(out *Outgoing) bool { return out.Header.Get("Authorization") == "Bearer "+key },
			injected: []string{key, "Bearer " + key},
			reserved: Reserved{Headers: []string{"authorization"}},
		},
		{
			name: "headers, one of them constant",
			auth: registry.Auth{Kind: registry.KindHeaders, Fields: []registry.Field{
				{Name: "plaid-client-id", Value: "{{client_id}}"}, {Name: "plaid-secret", Value: "{{secret}}"}, {Name: "plaid-version", Value: "2020-09-14"},
			}},
			values: valuesOf("client_id", "id-of-client", "secret", key),
			check: func(out *Outgoing) bool {
				return out.Header.Get("Plaid-Client-Id") == "id-of-client" && out.Header.Get("Plaid-Secret") == key && out.Header.Get("Plaid-Version") == "2020-09-14"
			},
			injected: []string{key, "id-of-client"},
			not:      []string{"2020-09-14"},
			reserved: Reserved{Headers: []string{"plaid-client-id", "plaid-secret", "plaid-version"}},
		},
		{
			name: "headers, one secret not there",
			auth: registry.Auth{Kind: registry.KindHeaders, Fields: []registry.Field{
				{Name: "dd-api-key", Value: "{{secret}}"}, {Name: "dd-application-key", Value: "{{application}}"},
			}},
			values: valuesOf("secret", key),
			check: func(out *Outgoing) bool {
				return out.Header.Get("Dd-Api-Key") == key && len(out.Header) == 1
			},
			injected: []string{key},
			reserved: Reserved{Headers: []string{"dd-api-key"}},
		},
		{
			name:     "field of a JSON secret",
			auth:     registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "x-key", Value: "{{secret.key}}"}}},
			values:   valuesOf("secret", `{"key":"`+key+`","other":"never-used-here"}`),
			check:    func(out *Outgoing) bool { return out.Header.Get("X-Key") == key },
			injected: []string{key, `{"key":"` + key + `","other":"never-used-here"}`},
			not:      []string{"never-used-here"},
			reserved: Reserved{Headers: []string{"x-key"}},
		},
		{
			name:     "query",
			auth:     registry.Auth{Kind: registry.KindQuery, Fields: []registry.Field{{Name: "key", Value: "{{secret}}"}}},
			values:   valuesOf("secret", "a&b=c d/0123"),
			check:    func(out *Outgoing) bool { return out.Query == "a=b&key=a%26b%3Dc+d%2F0123" },
			injected: []string{"a&b=c d/0123", "a%26b%3Dc+d%2F0123"},
			reserved: Reserved{Queries: []string{"key"}},
		},
		{
			name:   "queries",
			auth:   registry.Auth{Kind: registry.KindQueries, Fields: []registry.Field{{Name: "key", Value: "{{key}}"}, {Name: "token", Value: "{{token}}"}}},
			values: valuesOf("key", key, "token", "t-0123456789"),
			check: func(out *Outgoing) bool {
				q, err := url.ParseQuery(out.Query)
				return err == nil && q.Get("key") == key && q.Get("token") == "t-0123456789" && q.Get("a") == "b"
			},
			injected: []string{key, "t-0123456789"},
			reserved: Reserved{Queries: []string{"key", "token"}},
		},
		{
			name:     "path",
			auth:     registry.Auth{Kind: registry.KindPath, Prefix: "/bot{{secret}}"},
			values:   valuesOf("secret", "1234:AbC-d_e"),
			check:    func(out *Outgoing) bool { return out.Path == "/bot1234:AbC-d_e/v1/things" },
			injected: []string{"1234:AbC-d_e", "/bot1234:AbC-d_e"},
		},
		{
			name:   "basic, public user name",
			auth:   registry.Auth{Kind: registry.KindBasic, Username: "{{username}}", Password: "{{password}}"},
			public: []string{"username"},
			values: valuesOf("username", "account-1", "password", key),
			check: func(out *Outgoing) bool { // net/http decodes it
				user, password, ok := (&http.Request{Header: out.Header}).BasicAuth()
				return ok && user == "account-1" && password == key
			},
			injected: []string{key, "account-1:" + key, "YWNjb3VudC0xOmstMDEyMzQ1Njc4OQ==", "Basic YWNjb3VudC0xOmstMDEyMzQ1Njc4OQ=="},
			not:      []string{"account-1"},
			reserved: Reserved{Headers: []string{"authorization"}},
		},
		{
			name:   "basic, the key is the user name",
			auth:   registry.Auth{Kind: registry.KindBasic, Username: "{{secret}}"},
			values: valuesOf("secret", key),
			check: func(out *Outgoing) bool {
				user, password, ok := (&http.Request{Header: out.Header}).BasicAuth()
				return ok && user == key && password == ""
			},
			injected: []string{key},
			reserved: Reserved{Headers: []string{"authorization"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var placeholders []string
			for p := range c.values {
				placeholders = append(placeholders, p)
			}
			service := serviceOf(c.auth, placeholders...)
			service.Public = c.public
			s := mustStrategy(t, service, c.values)
			for range 2 { // the second request is as good as the first
				out := outgoing()
				apply(t, s, out)
				if !c.check(out) {
					t.Errorf("sent %+v", out)
				}
			}
			for _, want := range c.injected {
				if !injects(s, want) {
					t.Errorf("%q may come back", want)
				}
			}
			for _, no := range c.not {
				if injects(s, no) {
					t.Errorf("%q is looked for in answers", no)
				}
			}
			if !s.OnWire() {
				t.Error("the secret is on the wire")
			}
			if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); text != "*** *** *** ***" {
				t.Errorf("it prints %s", text)
			}
			r := s.Reserved()
			if !slices.Equal(r.Headers, c.reserved.Headers) || !slices.Equal(r.Queries, c.reserved.Queries) || r.Fields != nil {
				t.Errorf("reserved %+v", r)
			}
		})
	}
}

// Whoever appends to a header of one request changes no other.
func TestHeaderValuesAreNotShared(t *testing.T) {
	t.Parallel()
	s := mustStrategy(t, serviceOf(registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "x-key", Value: "{{secret}}"}}}, "secret"),
		valuesOf("secret", "k-0123456789"))
	one, two := outgoing(), outgoing()
	apply(t, s, one)
	one.Header.Add("X-Key", "another")
	apply(t, s, two)
	if got := two.Header["X-Key"]; !slices.Equal(got, []string{"k-0123456789"}) {
		t.Errorf("the next request sends %q", got)
	}
}

// A value that cannot stand where it goes is refused when the strategy is made, by the name of the secret and not by its value.
func TestValuesThatCannotStandThere(t *testing.T) {
	t.Parallel()
	header := registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "authorization", Value: "Bearer {{secret}}"}}}
	field := registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "x-key", Value: "{{secret.key}}"}}}
	path := registry.Auth{Kind: registry.KindPath, Prefix: "/bot{{secret}}"}
	hook := registry.Auth{Kind: registry.KindPath, Prefix: "/hooks/{{secret}}"}
	basic := registry.Auth{Kind: registry.KindBasic, Username: "{{secret}}", Password: "x"}
	body := registry.Auth{Kind: registry.KindBody, Fields: []registry.Field{{Name: "key", Value: "{{secret}}"}}}
	for _, c := range []struct {
		name  string
		auth  registry.Auth
		value string
		why   string
	}{
		{"another header", header, "canary\r\nx-evil: 1", "line break"},
		{"a new line at the end", header, "canary-value\n", "line break"},
		{"a NUL in a header", header, "canary\x00value", "control"},
		{"a DEL in a header", header, "canary\x7fvalue", "control"},
		{"a space at the end", header, "canary-value ", "space"},
		{"a field with a new line", field, `{"key":"canary\nvalue"}`, "line break"},
		{"no object", field, `canary-value`, "no JSON object"},
		{"an array", field, `["canary-value"]`, "no JSON object"},
		{"no such field", field, `{"kee":"canary-value"}`, "no field key"},
		{"a null field", field, `{"key":null,"x":"canary"}`, "no field key"},
		{"a question mark in a path", path, "canary?x=", "path"},
		{"an escape in a path", path, "canary%2f..", "path"},
		{"a backslash in a path", path, `canary\..`, "path"},
		{"a line break in a path", path, "canary\n", "path"},
		{"dots in a path", path, "canary/../../admin", "dot segment"},
		{"dots as the whole", hook, "..", "dot segment"},
		{"an empty segment", path, "canary//value", "dot segment"},
		{"a slash at the end", path, "canary/", "dot segment"},
		{"a colon in a user name", basic, "canary:value", "colon"},
		{"a line break in a user name", basic, "canary\nvalue", "line break"},
		{"bytes in a body", body, "canary\xff\xfe", "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewStrategy(serviceOf(c.auth, "secret"), valuesOf("secret", c.value), StrategyDeps{Now: time.Now})
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("it was taken: %v", err)
			}
			if text := err.Error(); !strings.Contains(text, "ACME_SECRET") || !strings.Contains(text, c.why) || strings.Contains(text, "canary") {
				t.Errorf("it says %q", text)
			}
		})
	}
}

func TestMissingSecretsAreNamed(t *testing.T) {
	t.Parallel()
	for _, auth := range []registry.Auth{
		{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "x", Value: "{{secret}}"}}},
		{Kind: registry.KindQueries, Fields: []registry.Field{{Name: "x", Value: "{{secret}}"}, {Name: "y", Value: "constant"}}},
		{Kind: registry.KindPath, Prefix: "/{{secret}}"},
		{Kind: registry.KindBasic, Username: "x", Password: "{{secret}}"},
		{Kind: registry.KindBody, Fields: []registry.Field{{Name: "x", Value: "{{secret}}"}}},
		{Kind: registry.KindHMAC, HMAC: registry.HMAC{Algorithm: "sha256", Header: "x", Value: "{{signature}}", Canonical: "{{body}}"}},
		{Kind: registry.KindOAuth2, OAuth2: registry.OAuth2{Grant: "refresh_token", TokenURL: "https://auth.acme.example/token"}},
		{Kind: registry.KindMTLS, Certificate: "{{secret}}", PrivateKey: "{{secret}}"},
	} {
		for _, v := range []Values{{}, nil, valuesOf("secret", "")} {
			_, err := NewStrategy(serviceOf(auth, "secret"), v, StrategyDeps{Now: time.Now, TokenEndpoint: http.DefaultTransport})
			if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ACME_SECRET") {
				t.Errorf("%s without its secret: %v", auth.Kind, err)
			}
		}
	}
	if _, err := NewStrategy(serviceOf(registry.Auth{Kind: "psychic"}), nil, StrategyDeps{}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an unknown kind: %v", err)
	}
	// What holds no secret authenticates nobody.
	constant := registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "x", Value: "constant"}}}
	if _, err := NewStrategy(serviceOf(constant), nil, StrategyDeps{}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a constant: %v", err)
	}
}

// Apply of a static strategy is two moves of a pointer: a header set that was rendered before, at most one new string.
func TestStaticApplyAllocates(t *testing.T) {
	for _, c := range staticCases() {
		s := mustStrategy(t, serviceOf(c.auth, "secret"), valuesOf("secret", "k-0123456789"))
		out := outgoing()
		apply(t, s, out) // the map grows once
		n := testing.AllocsPerRun(100, func() {
			out.Path, out.Query = "/v1/things", "a=b"
			_, _ = s.Apply(context.Background(), out)
		})
		if n > 1 {
			t.Errorf("%s: %v allocations", c.auth.Kind, n)
		}
	}
}

func BenchmarkStaticApply(b *testing.B) {
	for _, c := range staticCases() {
		b.Run(string(c.auth.Kind), func(b *testing.B) {
			s := mustStrategy(b, serviceOf(c.auth, "secret"), valuesOf("secret", "k-0123456789"))
			out := outgoing()
			b.ReportAllocs()
			for b.Loop() {
				out.Path, out.Query = "/v1/things", "a=b"
				_, _ = s.Apply(context.Background(), out)
			}
		})
	}
}

func staticCases() []struct{ auth registry.Auth } {
	return []struct{ auth registry.Auth }{
		{registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "authorization", Value: "Bearer {{secret}}"}}}},
		{registry.Auth{Kind: registry.KindQuery, Fields: []registry.Field{{Name: "key", Value: "{{secret}}"}}}},
		{registry.Auth{Kind: registry.KindPath, Prefix: "/bot{{secret}}"}},
		{registry.Auth{Kind: registry.KindBasic, Username: "api", Password: "{{secret}}"}},
	}
}

// No strategy prints what it knows.
func TestI30NoStrategyErrorHoldsASecret(t *testing.T) {
	t.Parallel()
	const canary = "canary-0123456789"
	s := mustStrategy(t, serviceOf(registry.Auth{Kind: registry.KindBody, Fields: []registry.Field{{Name: "key", Value: "{{secret}}"}}}, "secret"),
		valuesOf("secret", canary))
	for _, body := range []string{"[]", "{", `{"key":1}`, `{"KEY":1}`, "null", `{"a":1}}`, "\xff", `{"a":1,}`} {
		_, err := s.Apply(context.Background(), withBody(outgoing(), "application/json", body))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
