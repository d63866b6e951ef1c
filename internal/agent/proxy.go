package agent

import (
	"context"
	"net"
	"net/http"
	"sync"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/http1"
	"tacit/internal/server"
)

// baseURLs is the listener of base-URL mode. It is there from the start when the configuration says where, else from when somebody
// first asks for it.
type baseURLs struct {
	mu       sync.Mutex
	listener net.Listener
	server   *http1.Server
	done     chan struct{}
}

// viaBaseURL is the key of requests that came by that listener: they have no owner, whoever sent them (I32).
type viaBaseURL struct{}

// address is where it listens; empty: nowhere.
func (b *baseURLs) address() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listener == nil {
		return ""
	}
	return b.listener.Addr().String()
}

// url is the root of the base URLs; empty: there are none now.
func (b *baseURLs) url() string {
	at := b.address()
	if at == "" {
		return ""
	}
	return "http://" + at
}

// open listens on an address of this machine, unless it does already.
func (b *baseURLs) open(a *agent, on string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listener != nil {
		return nil
	}
	l, err := server.ListenProxy(on)
	if err != nil {
		return err
	}
	h, done := &http1.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.state.serveAs(work, w, r.WithContext(context.WithValue(r.Context(), viaBaseURL{}, true)))
	})}, make(chan struct{})
	server.ConfigureProxy(h, a.Log)
	b.listener, b.server, b.done = l, h, done
	go func() {
		defer close(done)
		_ = h.Serve(server.Limit(l, maxConnections)) // until close
	}()
	return nil
}

// close ends the listener and whoever is still connected.
func (b *baseURLs) close(ctx context.Context) {
	b.mu.Lock()
	h, done := b.server, b.done
	b.server = nil
	b.mu.Unlock()
	if h == nil {
		return
	}
	if h.Shutdown(ctx) != nil { // without the lock: requests that are under way ask for the address
		_ = h.Close()
	}
	<-done
	b.mu.Lock()
	b.listener = nil
	b.mu.Unlock()
}

// proxy says where base-URL mode is, and opens it for that.
func (a *agent) proxy(w http.ResponseWriter, _ *http.Request) error {
	if err := a.base.open(a, a.ProxyListen); err != nil {
		return fault.Wrap(fault.Failed, err, "agent")
	}
	return answer(w, client.AgentProxy{URL: a.base.url()})
}

// Proxy returns the address of the agent's base-URL mode, such as http://127.0.0.1:40123, which is there from then on.
func (c *Client) Proxy(ctx context.Context) (string, error) {
	var p client.AgentProxy
	err := c.Call(ctx, http.MethodPost, pathProxy, nil, &p)
	return p.URL, err
}
