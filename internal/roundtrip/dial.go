package roundtrip

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
)

// connect makes a connection for HTTP/1.1. With errHTTP2 the server chose the other, and what was made waits for it.
func (t *Transport) connect(ctx context.Context, to server) (*conn, error) {
	l, rw, err := t.dial(ctx, to)
	if err != nil {
		if ended := context.Cause(ctx); ended != nil {
			return nil, ended
		}
		return nil, err
	}
	if secure, ok := rw.(*tls.Conn); ok && t.http2 != nil && secure.ConnectionState().NegotiatedProtocol == "h2" {
		t.hand(to.address, secure)
		return nil, errHTTP2
	}
	c := newConn(to, l, rw)
	t.lend(c)
	return c, nil
}

func (t *Transport) dial(ctx context.Context, to server) (*link, net.Conn, error) {
	raw, err := t.o.Dial(ctx, "tcp", to.address)
	if err != nil {
		return nil, nil, err
	}
	l := newLink(raw)
	if !to.secure {
		return l, l, nil
	}
	config := t.o.TLS.Clone()
	if config.NextProtos = []string{"http/1.1"}; t.http2 != nil {
		config.NextProtos = slices.Insert(config.NextProtos, 0, "h2")
	}
	if config.ServerName == "" {
		if config.ServerName, _, err = net.SplitHostPort(to.address); err != nil {
			_ = l.Close()
			return nil, nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, t.o.HandshakeTimeout)
	defer cancel()
	secure := tls.Client(l, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = l.Close()
		return nil, nil, err
	}
	return l, secure, nil
}

// newHTTP2 returns a transport for the servers that chose HTTP/2. Its connections come from the same hands as all others.
func (t *Transport) newHTTP2() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // a server may choose otherwise the next time
	protocols.SetHTTP2(true)
	return &http.Transport{
		Proxy:       nil,
		DialContext: t.o.Dial,
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			if c := t.handedOver(address); c != nil {
				return c, nil
			}
			_, c, err := t.dial(ctx, server{true, address})
			return c, err
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    t.o.IdlePerHost,
		IdleConnTimeout:        t.o.IdleTimeout,
		MaxResponseHeaderBytes: int64(t.o.MaxHeaderBytes),
		WriteBufferSize:        bufferBytes,
		ReadBufferSize:         bufferBytes,
		Protocols:              protocols,
		HTTP2:                  t.o.HTTP2,
	}
}

func (t *Transport) speaksHTTP2(address string) bool {
	if t.http2 == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.chose2[address]
}

// hand keeps c, on which a server chose HTTP/2, for the transport that speaks it. Of several that were made at once one is enough.
func (t *Transport) hand(address string, c net.Conn) {
	t.mu.Lock()
	known := t.chose2[address]
	if t.chose2[address] = true; !known {
		t.handed[address] = c
	}
	t.mu.Unlock()
	if known {
		_ = c.Close()
	}
}

func (t *Transport) handedOver(address string) net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.handed[address]
	delete(t.handed, address)
	return c
}
