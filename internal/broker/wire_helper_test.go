package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tacit/internal/mask"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// headerSecret is what must not come back, in any form. It has what each encoding writes in its own way, and can stand in a header.
const headerSecret = "demo-Key/7+q&te=0123456789~abcDEF"

// An authority signs certificates for upstreams of tests.
type authority struct {
	pem  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), cert, key}
}

// certificate is one for the names, which may be addresses, signed by a.
func (a *authority) certificate(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// An upstream is a TLS server of 127.0.0.1 and the service that a user has described for it.
type upstream struct {
	service *registry.Service
	host    string
}

// newUpstream starts a server with the handler.
func newUpstream(t testing.TB, h http.Handler) *upstream {
	t.Helper()
	return newUpstreamConfig(t, h, func(*http.Server) {})
}

// newUpstreamConfig is newUpstream with more to say about the server.
func newUpstreamConfig(t testing.TB, h http.Handler, configure func(*http.Server)) *upstream {
	t.Helper()
	ca := newAuthority(t)
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	configure(s.Config)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "127.0.0.1")}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return upstreamAt(s.Listener.Addr().String(), ca)
}

// newRawUpstream starts a TLS server that speaks as talk does, on each connection.
func newRawUpstream(t testing.TB, talk func(net.Conn)) *upstream {
	t.Helper()
	ca := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "127.0.0.1")}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				talk(c)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return upstreamAt(l.Addr().String(), ca)
}

func upstreamAt(host string, ca *authority) *upstream {
	return &upstream{host: host, service: &registry.Service{
		ID: "acme", Origin: registry.Own, Hosts: []string{host},
		Secrets:      []registry.Secret{{Name: "ACME_KEY", Placeholder: "secret"}},
		Auth:         registry.Auth{Kind: registry.KindHeader, Fields: []registry.Field{{Name: "authorization", Value: "Bearer {{secret}}"}}},
		Capabilities: []registry.Capability{{ID: "acme/things", Methods: []string{"GET", "POST"}}},
		Network:      registry.Network{AllowPrivate: true, CAPEM: ca.pem},
	}}
}

func newTestBroker(t testing.TB, o Options) *Broker {
	t.Helper()
	b := New(o)
	t.Cleanup(b.Close)
	return b
}

// use returns a use of u with the secret, for GET path.
func (u *upstream) use(t testing.TB, b *Broker, value, path string) Use {
	t.Helper()
	p, err := b.Prepare(u.service, Values{"secret": secret.New([]byte(value))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return Use{
		Request: &CanonicalRequest{method: "GET", path: path, plain: path, header: http.Header{}, admitted: &u.service.Capabilities[0]},
		Service: u.service, Capability: &u.service.Capabilities[0], Host: u.host, Credential: p, Principal: "agent/test",
	}
}

// post makes u a POST of body.
func post(u Use, body io.Reader, length int64) Use {
	r := *u.Request
	r.method, r.body, r.length = "POST", body, length
	u.Request = &r
	return u
}

// An outcome is all that a caller has of a request.
type outcome struct {
	status int
	header http.Header
	body   []byte
	err    error // of Do, or of the body
	stats  Stats
}

// do carries out u and reads the answer in pieces.
func do(t testing.TB, b *Broker, u Use) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := b.Do(ctx, u)
	if err != nil {
		var p *Problem
		if !errors.As(err, &p) {
			t.Errorf("not a Problem: %T %v", err, err)
		}
		return outcome{err: err}
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	return outcome{r.Status, r.Header, body, err, r.Stats()}
}

// text is everything that the caller can read of the outcome.
func (o outcome) text() []byte {
	var b bytes.Buffer
	for name, values := range o.header {
		for _, v := range values {
			b.WriteString(name + ": " + v + "\n")
		}
	}
	b.Write(o.body)
	if o.err != nil {
		b.WriteString("\n" + o.err.Error())
	}
	return b.Bytes()
}

// noForm fails when a form of the values is in what the caller can read.
func noForm(t interface {
	Helper()
	Errorf(string, ...any)
}, o outcome, values ...string,
) {
	t.Helper()
	text := o.text()
	for _, v := range values {
		for _, form := range mask.Forms([]byte(v), minMasked) {
			if i := bytes.Index(text, form); i >= 0 {
				t.Errorf("the caller reads a form of the secret, %q, in %q", form, text[max(0, i-40):min(len(text), i+len(form)+40)])
				return
			}
		}
	}
}

// nothing is a strategy that adds nothing.
type nothing struct{ injected [][]byte }

func (nothing) Apply(context.Context, *Outgoing) ([][]byte, error) { return nil, nil }
func (n nothing) Injected() [][]byte                               { return n.injected }
func (nothing) Reserved() Reserved                                 { return Reserved{} }
func (nothing) OnWire() bool                                       { return false }
