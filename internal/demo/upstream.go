package demo

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"tacit/internal/fault"
	"tacit/internal/http1"
)

// Options are what an upstream is made of. The zero value is one that takes any key, on a free port.
type Options struct {
	Listen  string           // 127.0.0.1:PORT, and nothing else; empty: a free port
	Key     string           // the only key that is accepted; empty: any but none
	Now     func() time.Time // nil: time.Now
	Handler http.Handler     // what answers instead of [NewHandler]
}

// An Upstream is a running server.
type Upstream struct {
	address   string
	authority string // PEM
	server    *http1.Server
	done      chan struct{}
	err       error // why it ended, once done is closed
}

// Start starts an upstream. Errors are of class fault.Usage for an address that is not this machine's alone, and fault.Unavailable for
// one that is taken.
func Start(o Options) (*Upstream, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Handler == nil {
		o.Handler = NewHandler(o.Key, o.Now)
	}
	if host, _, err := net.SplitHostPort(o.Listen); err != nil || host != "127.0.0.1" {
		return nil, fault.New(fault.Usage, "the demo upstream listens on 127.0.0.1 only").WithFix("--listen 127.0.0.1:PORT, or leave it out")
	}
	leaf, authority, err := newCertificate(o.Now())
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "start the demo upstream")
	}
	l, err := net.Listen("tcp4", o.Listen)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "listen on %s", o.Listen)
	}
	u := &Upstream{address: l.Addr().String(), authority: authority, done: make(chan struct{})}
	secure := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12})
	u.server = &http1.Server{Handler: o.Handler, RequestTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() {
		defer close(u.done)
		if err := u.server.Serve(secure); !errors.Is(err, http.ErrServerClosed) {
			u.err = err
		}
	}()
	return u, nil
}

// Address returns where it listens: 127.0.0.1:PORT.
func (u *Upstream) Address() string { return u.address }

// Authority returns the certificate that it is verified with, in PEM.
func (u *Upstream) Authority() string { return u.authority }

// Done is closed when it has ended.
func (u *Upstream) Done() <-chan struct{} { return u.done }

// Close ends it with all its connections. It returns why it had ended before, if it had.
func (u *Upstream) Close() error {
	_ = u.server.Close()
	<-u.done
	return u.err
}
