package broker

import (
	"crypto/rand"
	"io"
	"net"
	"time"
)

// Options are what a broker takes from its surroundings.
type Options struct {
	// Now is the clock of limits and signatures; nil: time.Now.
	Now func() time.Time
	// Random is where jitter and nonces come from; nil: crypto/rand.
	Random io.Reader
	// Resolver resolves the names of hosts; nil: the system's.
	Resolver *net.Resolver
	// HTTP2 lets upstreams speak HTTP/2. Only a process that knows its environment sets it: with http2debug in GODEBUG net/http prints
	// every header that it sends, the secret too, and nothing turns that off but HTTP/1.
	HTTP2 bool
}

// A Broker uses secrets. It keeps what outlasts a request: warm connections, and what the limits count. It is for any number of
// requests at once.
type Broker struct {
	now        func() time.Time
	random     io.Reader
	transports *transports
	limits     *limiter
}

// New returns a broker.
func New(o Options) *Broker {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Broker{now: o.Now, random: o.Random, transports: newTransports(o.Resolver, o.HTTP2), limits: newLimiter(o.Now)}
}

// Close closes the connections that are idle, and refuses requests from now on. Those under way go on; cancel their contexts to end
// them. Their connections may stay open for idleTimeout after that, or until Close is called again.
func (b *Broker) Close() {
	b.limits.close()
	b.transports.close()
}
