package demo_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/broker"
	"tacit/internal/demo"
	"tacit/internal/mask"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// key is what must not come back. It has what each encoding writes in its own way.
const key = `demo-Key/7+q"te&=0123456789~abc`

func start(t *testing.T, o demo.Options) *demo.Upstream {
	t.Helper()
	u, err := demo.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return u
}

// service is the upstream's own, as a user adds it.
func service(t *testing.T, u *demo.Upstream, api string) *registry.Service {
	t.Helper()
	text, err := u.ServiceFile(api)
	if err != nil {
		t.Fatal(err)
	}
	s, err := registry.ParseService([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// An account is a service, and the credential that reaches it.
type account struct {
	broker     *broker.Broker
	service    *registry.Service
	credential *broker.Prepared
}

func newAccount(t *testing.T, s *registry.Service, v broker.Values, tokens broker.TokenStore, http2 bool) *account {
	t.Helper()
	b := broker.New(broker.Options{HTTP2: http2})
	t.Cleanup(b.Close)
	p, err := b.Prepare(s, v, tokens)
	if err != nil {
		t.Fatalf("%s: %v", s.ID, err)
	}
	t.Cleanup(p.Close)
	return &account{b, s, p}
}

func withKey(t *testing.T, s *registry.Service) *account {
	t.Helper()
	return newAccount(t, s, broker.Values{"secret": secret.New([]byte(key))}, nil, true)
}

// An outcome is all that a caller has of a request.
type outcome struct {
	capability *registry.Capability
	status     int
	header     http.Header
	body       []byte
	redactions int
}

// do sends a request as keeper does: canonical, matched, with the credential.
func (a *account) do(t *testing.T, r broker.Request) outcome {
	t.Helper()
	canonical, err := broker.Canonicalise(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	c, err := broker.Match(a.service, canonical)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	if err := canonical.Reserve(a.credential.Reserved()); err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := a.broker.Do(ctx, broker.Use{
		Request: canonical, Service: a.service, Capability: c, Host: a.service.HostsOf(c)[0], Credential: a.credential, Principal: "agent/test",
	})
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	_ = answer.Body.Close()
	return outcome{c, answer.Status, answer.Header, body, answer.Stats().Redactions}
}

// example is a service's example as a request, with the content type that its body has unless it says otherwise.
func example(e registry.Example) broker.Request {
	r := broker.Request{Method: e.Method, Path: e.Path, Query: e.Query, Header: http.Header{}}
	for _, h := range e.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	if e.Body != "" {
		r.Body, r.ContentLength = strings.NewReader(e.Body), int64(len(e.Body))
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	return r
}

// noForm fails when a form of the secret is in what the caller gets.
func noForm(t *testing.T, o outcome, value string) {
	t.Helper()
	var all bytes.Buffer
	_ = o.header.Write(&all)
	all.Write(o.body)
	for _, form := range mask.Forms([]byte(value), 8) {
		if bytes.Contains(all.Bytes(), form) {
			t.Errorf("the caller reads %q of the key, in\n%s", form, all.Bytes())
			return
		}
	}
}
