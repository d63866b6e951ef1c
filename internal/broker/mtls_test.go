package broker

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// A pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem, keyPEM string
}

// issue makes a certificate that parent signs, or one that signs itself.
func issue(t testing.TB, name string, parent *pair) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: parent == nil,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	p := &pair{key: key}
	signer := parent
	if parent == nil {
		signer = &pair{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, &key.PublicKey, signer.key)
	if err != nil {
		t.Fatal(err)
	}
	if p.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.keyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	return p
}

func mtlsService() *registry.Service {
	return serviceOf(registry.Auth{Kind: registry.KindMTLS, Certificate: "{{certificate}}", PrivateKey: "{{private_key}}"}, "certificate", "private_key")
}

// opensslServer starts OpenSSL's server, which wants a certificate of ca and answers with a page about the connection.
func opensslServer(t *testing.T, ca, server *pair) (address string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	cmd := exec.Command("openssl", "s_server", "-accept", "127.0.0.1:0", "-www",
		"-cert", write("server.pem", server.pem), "-key", write("server.key", server.keyPEM),
		"-CAfile", write("ca.pem", ca.pem), "-Verify", "1", "-verify_return_error")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("openssl is needed: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return at
		}
	}
	t.Fatal("openssl s_server says nothing")
	return ""
}

// OpenSSL verifies that we hold the key of a certificate of its authority, and says whose.
func TestMutualTLSBeforeOpenSSL(t *testing.T) {
	t.Parallel()
	ca := issue(t, "authority.example", nil)
	server, client := issue(t, "api.acme.example", ca), issue(t, "client-of-acme", ca)
	address := opensslServer(t, ca, server)
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	get := func(certificates ...tls.Certificate) (string, error) {
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: "api.acme.example", Certificates: certificates,
		}}
		answer, err := (&http.Client{Transport: transport}).Get("https://" + address + "/")
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		return string(page), err
	}

	s := mustStrategy(t, mtlsService(), valuesOf("certificate", client.pem, "private_key", client.keyPEM))
	page, err := get(*s.(Certifier).Certificate()) //nolint:errorlint // no error
	if err != nil || !strings.Contains(page, "client-of-acme") {
		t.Errorf("OpenSSL says %v:\n%s", err, page)
	}
	if s.OnWire() || !injects(s, client.keyPEM) {
		t.Error("the key is looked for, and does not travel")
	}
	out := outgoing()
	apply(t, s, out)
	if len(out.Header) != 0 || fmt.Sprint(s.Reserved()) != fmt.Sprint(Reserved{}) {
		t.Errorf("sent %v", out.Header)
	}

	// And it is the certificate that lets us in.
	stranger := issue(t, "client-of-acme", issue(t, "authority.example", nil))
	other := mustStrategy(t, mtlsService(), valuesOf("certificate", stranger.pem, "private_key", stranger.keyPEM))
	if page, err := get(*other.(Certifier).Certificate()); err == nil { //nolint:errorlint // no error
		t.Errorf("a stranger gets\n%s", page)
	}
	if page, err := get(); err == nil {
		t.Errorf("nobody gets\n%s", page)
	}
}

func TestMutualTLSPairsThatAreNone(t *testing.T) {
	t.Parallel()
	one, two := issue(t, "one", nil), issue(t, "two", nil)
	encrypted := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8GCSqGSIb3DQEFDTBS\n-----END ENCRYPTED PRIVATE KEY-----\n"
	for name, values := range map[string]Values{
		"another's key":     valuesOf("certificate", one.pem, "private_key", two.keyPEM),
		"no PEM":            valuesOf("certificate", one.pem, "private_key", "canary-0123456789"),
		"a key alone":       valuesOf("certificate", one.keyPEM, "private_key", one.keyPEM),
		"an encrypted key":  valuesOf("certificate", one.pem, "private_key", encrypted),
		"swapped":           valuesOf("certificate", one.keyPEM, "private_key", one.pem),
		"a certificate cut": valuesOf("certificate", one.pem[:len(one.pem)/2], "private_key", one.keyPEM),
	} {
		_, err := NewStrategy(mtlsService(), values, StrategyDeps{Now: time.Now})
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ACME_PRIVATE_KEY") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	constant := mtlsService()
	constant.Auth.Certificate, constant.Auth.PrivateKey = one.pem, one.keyPEM
	if _, err := NewStrategy(constant, nil, StrategyDeps{Now: time.Now}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a key in the service file: %v", err)
	}
	// One secret may hold both.
	both := serviceOf(registry.Auth{Kind: registry.KindMTLS, Certificate: "{{secret}}", PrivateKey: "{{secret}}"}, "secret")
	s := mustStrategy(t, both, valuesOf("secret", one.pem+one.keyPEM))
	if _, err := s.Apply(context.Background(), outgoing()); err != nil || s.(Certifier).Certificate().PrivateKey == nil { //nolint:errorlint // no error
		t.Errorf("%v", err)
	}
}
