//go:build unix && !darwin

package broker

import (
	"crypto/x509"
	"os"
	"path/filepath"

	"tacit/internal/fault"
)

// systemRoots returns the certificates that the system trusts.
//
// x509.SystemCertPool would do, but it follows SSL_CERT_FILE and SSL_CERT_DIR: with these whoever sets a variable of a command that
// uses a secret adds an authority, and gets between (I22). So the places are those of crypto/x509 (root_linux.go, root_bsd.go), and
// nothing else.
func systemRoots() (*x509.CertPool, error) {
	files := []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo, Arch, NixOS
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
		"/etc/ssl/cert.pem",                                 // Alpine, OpenBSD, FreeBSD
		"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
		"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD, DragonFly
		"/etc/openssl/certs/ca-certificates.crt",            // NetBSD
	}
	pool := x509.NewCertPool()
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && pool.AppendCertsFromPEM(b) {
			return pool, nil
		}
	}
	found := false
	for _, dir := range []string{"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs", "/usr/local/share/certs"} {
		names, _ := filepath.Glob(dir + "/*") // the pattern is a good one
		for _, f := range names {
			if b, err := os.ReadFile(f); err == nil && pool.AppendCertsFromPEM(b) {
				found = true
			}
		}
	}
	if !found {
		return nil, fault.New(fault.Unavailable, "this system has no certificates to verify a service with").
			WithFix("install the package ca-certificates; SSL_CERT_FILE is not followed where secrets are used")
	}
	return pool, nil
}
