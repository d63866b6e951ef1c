package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// TestI26TLS meets upstreams that are not who they say, or speak an old version: none gets a request.
func TestI26TLS(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	for _, c := range []struct {
		name   string
		config *tls.Config
		says   string
	}{
		{"of an authority that is not trusted", &tls.Config{Certificates: []tls.Certificate{other.certificate(t, "127.0.0.1")}}, "signed by nobody"},
		{"of another host", &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "evil.example")}}, "for another host"},
		{"old", &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "127.0.0.1")}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, "TLS with it fails"}, //nolint:gosec // that is the point
	} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s: reached", c.name) }))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = c.config
		s.StartTLS()
		b := newTestBroker(t, Options{})
		got := do(t, b, upstreamAt(s.Listener.Addr().String(), ca).use(t, b, headerSecret, "/"))
		if !errors.Is(got.err, fault.Unavailable) || !strings.Contains(got.err.Error(), c.says) {
			t.Errorf("%s: got %v", c.name, got.err)
		}
		s.Close()
	}
}

// TestI26PlainHTTP sends nothing in the clear unless the owner of the service says so.
func TestI26PlainHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) }))
	defer s.Close()
	u := upstreamAt(s.Listener.Addr().String(), newAuthority(t))
	b := newTestBroker(t, Options{})
	if got := do(t, b, u.use(t, b, headerSecret, "/")); !errors.Is(got.err, fault.Unavailable) {
		t.Errorf("got %q %v", got.body, got.err)
	}
	u.service.Network.PlainHTTP = true
	if got := do(t, b, u.use(t, b, headerSecret, "/")); got.err != nil || string(got.body) != "***" {
		t.Errorf("with plain_http: got %q %v", got.body, got.err)
	}
}

// TestI22Environment sets every variable that net/http and crypto/x509 follow elsewhere. It is not parallel: the variables are the process's.
func TestI22Environment(t *testing.T) {
	evil := newAuthority(t)
	file := filepath.Join(t.TempDir(), "evil.pem")
	if err := os.WriteFile(file, []byte(evil.pem), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	go func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			t.Error("the proxy was asked")
			_ = c.Close()
		}
	}()
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("SSL_CERT_DIR", filepath.Dir(file))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+proxy.Addr().String())
	}
	roots, err := systemRoots()
	if err != nil {
		t.Fatal(err)
	}
	if (roots == nil) != (runtime.GOOS == "darwin" || runtime.GOOS == "windows") {
		t.Errorf("roots are %v", roots)
	}
	if roots != nil {
		leaf := evil.certificate(t, "api.acme.example")
		cert, err := x509.ParseCertificate(leaf.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: "api.acme.example"}); err == nil {
			t.Error("a variable of the environment added an authority")
		}
	}
	u := newUpstream(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b := newTestBroker(t, Options{})
	if got := do(t, b, u.use(t, b, headerSecret, "/")); got.err != nil {
		t.Error(got.err)
	}
}

// TestI22Host gives a use every host that is not the capability's.
func TestI22Host(t *testing.T) {
	t.Parallel()
	s := &registry.Service{ID: "acme", Hosts: []string{"api.acme.example", "*.tenant.example", "own.example:8443"}}
	c := &registry.Capability{ID: "acme/x"}
	for host, want := range map[string]bool{
		"api.acme.example": true, "a.tenant.example": true, "a.b.tenant.example": true, "own.example:8443": true,
		"": false, "API.acme.example": false, "api.acme.example.": false, "api.acme.example:443": false, "api.acme.example:8443": false,
		"evil.example": false, "tenant.example": false, ".tenant.example": false, "eviltenant.example": false, "evil.example/.tenant.example": false,
		"evil.example:1@.tenant.example": false, "evil.example#.tenant.example": false, "evil.example?.tenant.example": false,
		"evil.example\\.tenant.example": false, "a.tenant.example:8443": false, "own.example": false, "*.tenant.example": false,
	} {
		if got := allowsHost(s, c, host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	c.Hosts = []string{"a.tenant.example"}
	if allowsHost(s, c, "b.tenant.example") || allowsHost(s, c, "api.acme.example") || !allowsHost(s, c, "a.tenant.example") {
		t.Error("the capability's hosts are fewer than the service's")
	}

	u := newUpstream(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	b := newTestBroker(t, Options{})
	use := u.use(t, b, headerSecret, "/")
	use.Host = "localhost" + use.Host[strings.Index(use.Host, ":"):]
	if got := do(t, b, use); !errors.Is(got.err, fault.Denied) {
		t.Errorf("got %v", got.err)
	}
}

// TestI26Certificate presents the certificate of the credential, and on connections of its own.
func TestI26Certificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr+" "+r.TLS.PeerCertificates[0].DNSNames[0])
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.certificate(t, "127.0.0.1")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()
	u := upstreamAt(s.Listener.Addr().String(), ca)
	b := newTestBroker(t, Options{})
	seen := map[string]string{}
	for range 3 {
		for _, name := range []string{"one.example", "two.example"} {
			cert := ca.certificate(t, name)
			p, err := b.prepare(u.service, &certifiedStrategy{cert: &cert})
			if err != nil {
				t.Fatal(err)
			}
			use := Use{Request: &CanonicalRequest{method: "GET", path: "/", admitted: &u.service.Capabilities[0]}, Service: u.service, Capability: &u.service.Capabilities[0], Host: u.host, Credential: p}
			for range 2 { // the second on the warm connection
				got := do(t, b, use)
				from, who, _ := strings.Cut(string(got.body), " ")
				if got.err != nil || who != name {
					t.Fatalf("got %q %v", got.body, got.err)
				}
				if was, ok := seen[from]; ok && was != name {
					t.Errorf("the connection %s was %s before it was %s", from, was, name)
				}
				seen[from] = name
			}
			p.Close()
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d connections for 6 credentials", len(seen))
	}
	if len(b.transports.own) != 0 {
		t.Errorf("%d transports are kept of credentials that are gone", len(b.transports.own))
	}
}

// A certifiedStrategy authenticates with a certificate.
type certifiedStrategy struct {
	nothing
	cert *tls.Certificate
}

func (c *certifiedStrategy) Certificate() *tls.Certificate { return c.cert }
