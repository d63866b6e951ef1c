// Package roundtrip sends requests to HTTP/1.1 servers on the goroutine of the caller.
//
// [Transport] is an [http.RoundTripper] for one set of servers. Where http.Transport has two goroutines for each connection, which
// hand a request and its answer on to each other and to the caller, here the caller writes the request to a connection, reads the
// answer from it, and puts it back when the answer has ended: nobody is woken. Only a body that is not small and in memory has a
// goroutine, while it is sent. Servers that choose HTTP/2 are left to http.Transport, which is good at it.
//
// It is stricter than net/http about answers. Whatever could be read in two ways, so that an answer ends here in another place than
// where its server, or one before it, thinks that it ends (RFC 9112, sections 6.1, 6.3 and 11.2), is an error and the end of its connection.
// The same goes for bytes behind an answer.
//
// It is no client: it follows no redirect, keeps no cookie, asks for no coding, and knows no proxy.
package roundtrip

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// bufferBytes is the size of the buffer of a connection that is in use. Connections at rest have none.
	bufferBytes = 8 << 10
	// inlineBytes is up to which size a body in memory is written together with its header.
	inlineBytes = 16 << 10
)

// Options say how servers are reached. All but UserAgent and HTTP2 must be set.
type Options struct {
	// Dial makes a connection to an address with a port.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for https. The name of the server and the protocols are filled in.
	TLS *tls.Config
	// HandshakeTimeout bounds the TLS handshake, IdleTimeout how long a connection rests before it is closed.
	HandshakeTimeout, IdleTimeout time.Duration
	// IdlePerHost is how many connections to one server may rest.
	IdlePerHost int
	// MaxHeaderBytes bounds the header of an answer, 1xx answers included.
	MaxHeaderBytes int
	// UserAgent is what a request says that has none; empty: nothing.
	UserAgent string
	// HTTP2 allows HTTP/2, with these settings, where a server chooses it in the TLS handshake; nil: HTTP/1.1 only.
	HTTP2 *http.HTTP2Config
}

// A Transport sends requests and keeps connections warm. It is for any number of requests at once.
type Transport struct {
	o       Options
	http2   *http.Transport // nil without HTTP/2
	buffers sync.Pool       // of *[]byte: what is written
	readers sync.Pool       // of *bufio.Reader: what is read
	pieces  sync.Pool       // of *[]byte: what is read of a body to be sent

	mu      sync.Mutex
	rest    map[server][]*conn // the longest at rest first
	chose2  map[string]bool    // addresses that chose HTTP/2
	handed  map[string]net.Conn
	closing bool        // what comes back is closed; until the next request
	sweeper *time.Timer // nil while nothing rests
}

// A server is an address with a port, spoken to in TLS or in the clear.
type server struct {
	secure  bool
	address string
}

// New returns a Transport without connections.
func New(o Options) *Transport {
	t := &Transport{o: o, rest: map[server][]*conn{}, chose2: map[string]bool{}, handed: map[string]net.Conn{}}
	t.buffers.New = func() any { return new([]byte) }
	t.readers.New = func() any { return bufio.NewReaderSize(nil, bufferBytes) }
	t.pieces.New = func() any { b := make([]byte, pieceBytes); return &b }
	if o.HTTP2 != nil {
		t.http2 = t.newHTTP2()
	}
	return t
}

// errHTTP2 is why there is no connection for HTTP/1.1: the server chose the other.
var errHTTP2 = errors.New("the server chose HTTP/2")

// RoundTrip sends r and returns the answer as soon as its header is there. See [http.RoundTripper]. When the context of r ends, so does
// whatever is under way, and the error is its cause. The answer has no trailers.
//
// A request is sent a second time, on a new connection, when the one that it was written to had been used before and is gone without
// having said anything: where it is certain that nothing arrived, or where the request may be repeated (as net/http decides).
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := serverOf(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	if to.secure && t.speaksHTTP2(to.address) {
		return t.http2.RoundTrip(r)
	}
	buffer := t.buffers.Get().(*[]byte) //nolint:forcetypeassert // it holds nothing else
	out, err := t.compose((*buffer)[:0], r)
	defer func() {
		clear(out) // it holds what authenticates
		*buffer = out[:0]
		t.buffers.Put(buffer)
	}()
	if err != nil {
		closeBody(r)
		return nil, err
	}
	head := len(out)
	c := t.take(to)
	for again := false; ; again = true {
		if c == nil {
			c, err = t.connect(r.Context(), to)
			if errors.Is(err, errHTTP2) && !again {
				return t.http2.RoundTrip(r)
			}
			if err != nil {
				closeBody(r)
				return nil, err
			}
		}
		if !again && isInline(r) {
			if out, err = appendBody(out, r); err != nil {
				t.put(c)
				return nil, err
			}
		}
		x := &trip{t: t, c: c, r: r}
		answer, err := x.run(out, len(out) > head)
		if err == nil {
			return answer, nil
		}
		if again || !x.stale || !x.rewind() {
			return nil, x.explain(err)
		}
		r, c = x.r, nil
	}
}

// CloseIdleConnections closes the connections that are at rest, and those in use as soon as they would be.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	all := t.rest
	t.rest = map[server][]*conn{}
	t.closing = true
	for address, c := range t.handed {
		_ = c.Close()
		delete(t.handed, address)
	}
	t.mu.Unlock()
	for _, some := range all {
		for _, c := range some {
			c.goodbye()
		}
	}
	if t.http2 != nil {
		t.http2.CloseIdleConnections()
	}
}
