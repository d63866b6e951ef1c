package broker

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/roundtrip"
)

// How long a connection may take to be made, and how long an idle one is kept.
const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second
	idleTimeout = 90 * time.Second
)

const (
	// idlePerHost is how many connections to a host stay warm: as many as requests may run for one caller, so that a caller who uses
	// all of them opens no new ones for the next.
	idlePerHost = defaultConcurrency
	// maxHeaderBytes bounds the header of an answer, 1xx answers included.
	maxHeaderBytes = 256 << 10
	// streamBytes is how much of one answer an HTTP/2 upstream may send before anybody reads it.
	streamBytes = 256 << 10
)

// A route is what makes one set of connections unfit for another use: requests of different routes never share one.
type route struct {
	origin registry.Origin
	id     string
	how    [sha256.Size]byte // of what the service says about the network
}

func routeOf(s *registry.Service) route {
	how := sha256.New()
	for _, yes := range []bool{mayUsePrivate(s), mayUsePlain(s)} {
		if yes {
			how.Write([]byte{1})
		} else {
			how.Write([]byte{0})
		}
	}
	how.Write([]byte(ownRoots(s)))
	return route{s.Origin, s.ID, [sha256.Size]byte(how.Sum(nil))}
}

// transports are the warm connections of a broker.
type transports struct {
	resolver *net.Resolver
	http2    bool
	guard    *guard
	roots    func() (*x509.CertPool, error) // the system's, read once

	mu     sync.Mutex
	shared map[route]*roundtrip.Transport
	own    map[*roundtrip.Transport]bool // of credentials that have a certificate
}

func newTransports(resolver *net.Resolver, http2 bool) *transports {
	return &transports{
		resolver: resolver, http2: http2, guard: newGuard(), roots: sync.OnceValues(systemRoots),
		shared: map[route]*roundtrip.Transport{}, own: map[*roundtrip.Transport]bool{},
	}
}

// of returns the connections to s. With a certificate they are the credential's alone, and the caller gives them back with drop: a
// connection says who one is for as long as it lasts.
func (t *transports) of(s *registry.Service, certificate *tls.Certificate) (*roundtrip.Transport, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := routeOf(s)
	if certificate == nil {
		if tr, ok := t.shared[r]; ok {
			return tr, nil
		}
	}
	tr, err := t.make(s, certificate)
	switch {
	case err != nil:
		return nil, err
	case certificate == nil:
		t.shared[r] = tr
	default:
		t.own[tr] = true
	}
	return tr, nil
}

func (t *transports) make(s *registry.Service, certificate *tls.Certificate) (*roundtrip.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	var err error
	if pem := ownRoots(s); pem != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(pem)) {
			return nil, fault.New(fault.Invalid, "service %s: ca_pem has no certificate", s.ID).About(s.ID)
		}
	} else if config.RootCAs, err = t.roots(); err != nil {
		return nil, err
	}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: t.resolver, ControlContext: t.guard.control}
	if mayUsePrivate(s) {
		dialer.ControlContext = nil
	}
	// There is no proxy from the environment: it would see the credential, or move the host (I22).
	options := roundtrip.Options{
		Dial: dialer.DialContext, TLS: config, HandshakeTimeout: tlsTimeout,
		IdleTimeout: idleTimeout, IdlePerHost: idlePerHost, MaxHeaderBytes: maxHeaderBytes, UserAgent: userAgent,
	}
	if t.http2 {
		options.HTTP2 = &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamBytes,
			SendPingTimeout:           30 * time.Second,
			PingTimeout:               15 * time.Second,
		}
	}
	return roundtrip.New(options), nil
}

// drop closes connections that belonged to one credential.
func (t *transports) drop(tr *roundtrip.Transport) {
	t.mu.Lock()
	mine := t.own[tr]
	delete(t.own, tr)
	t.mu.Unlock()
	if mine {
		tr.CloseIdleConnections()
	}
}

// close closes every connection that is idle.
func (t *transports) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tr := range t.shared {
		tr.CloseIdleConnections()
	}
	for tr := range t.own {
		tr.CloseIdleConnections()
	}
}
