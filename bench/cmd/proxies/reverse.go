package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// reverse is the proxy of the standard library, set as well as it can be.
func reverse(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: proxies reverse UPSTREAM 'NAME: VALUE'")
	}
	name, value, _ := strings.Cut(args[1], ": ")
	to := &url.URL{Scheme: "http", Host: args[0]}
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Set(name, value)
		},
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		BufferPool:    &buffers{},
		FlushInterval: -1,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := show(map[string]string{"plain": l.Addr().String()}); err != nil {
		return err
	}
	return (&http.Server{Handler: p}).Serve(l) //nolint:gosec // no timeouts: its only clients are the benchmark's
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// port finds a free one for a server that cannot say which it has taken.
func port([]string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	return show(l.Addr().(*net.TCPAddr).Port)
}
