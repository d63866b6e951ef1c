// Package remote is keeper.API at a distance: it asks an agent over its socket, or a server over https, and gives back what
// keeper answered there. Errors come back as the *fault.Error that keeper returned, so that a caller cannot tell near from far.
package remote

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// Options say where the other side is, and who asks.
type Options struct {
	// Dial opens a connection to an agent's socket. BaseURL and HTTP are not looked at then.
	Dial func(ctx context.Context) (net.Conn, error)
	// BaseURL is where a server is: "https://tacit.example.com". HTTP sends the requests; nil is http.DefaultTransport.
	BaseURL string
	HTTP    *http.Client

	Token   string // "tacit_…"; empty: whoever the socket's peer is
	Version string // of this program
}

// Client implements keeper.API. It is safe for concurrent use. Of a keeper.Caller it sends the workspace and the group; all else
// the other side knows better.
type Client struct {
	opts   Options
	target url.URL
	send   transport

	single atomic.Bool // the other side does not know how to be asked for several secrets at once

	mu      sync.Mutex
	version string // of the other side, as it last said
}

var _ keeper.API = (*Client)(nil)

// New returns a client. It connects when the first call needs it.
func New(o Options) *Client {
	c := &Client{opts: o}
	if o.Dial != nil {
		c.target = url.URL{Scheme: "http", Host: "tacit"}
		c.send = &socket{dial: o.Dial}
		return c
	}
	if u, err := url.Parse(strings.TrimRight(o.BaseURL, "/")); err == nil {
		c.target = *u
	}
	h := http.Client{}
	if o.HTTP != nil {
		h = *o.HTTP
	}
	// A redirect would take the token, and maybe a value, to another place.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.send = &web{client: &h}
	return c
}

// Close closes the connections that are not in use.
func (c *Client) Close() error {
	c.send.close()
	return nil
}

// ServerVersion returns the version of the program on the other side, as its last answer said; empty before.
func (c *Client) ServerVersion() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// Call makes one request with a shape in and reads the answer into a shape out; either may be nil. It is for endpoints beside
// keeper.API, such as those of the agent itself.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = wire.MarshalRequest(in); err != nil {
			return err
		}
		defer clear(body)
	}
	return c.ask(ctx, call{method: method, path: path, body: body}, func(answer []byte) error {
		if out == nil {
			return nil
		}
		return wire.Unmarshal(answer, out)
	})
}

// Ask makes one request without a body and has read, which is written by hand, read the answer: what looks at types as it runs takes
// longer for its first answer than the agent does. Only read may look at the answer, and only until it returns.
func (c *Client) Ask(ctx context.Context, method, path string, read func(answer []byte) error) error {
	return c.ask(ctx, call{method: method, path: path}, read)
}

func (c *Client) ask(ctx context.Context, what call, read func(answer []byte) error) error {
	answer, err := c.exchange(ctx, keeper.Caller{}, what)
	if err != nil {
		return err
	}
	defer clear(answer)
	return c.understood(read(answer))
}

func (c *Client) unmarshal(answer []byte, out any) error {
	return c.understood(wire.Unmarshal(answer, out))
}

// understood is the error for an answer that could not be read.
func (c *Client) understood(err error) error {
	if err != nil {
		return c.notUnderstood("the answer is not as expected")
	}
	return nil
}

// notUnderstood is the error for an answer that is none of this API. The two programs being of different versions is the likely
// reason, if they are.
func (c *Client) notUnderstood(why string) error {
	if v := c.ServerVersion(); v != "" && v != c.opts.Version {
		return fault.New(fault.Unavailable, "this is tacit %s, and %s is %s: %s", c.opts.Version, c.other(), v, why).WithFix("%s", c.update())
	}
	return fault.New(fault.Unavailable, "%s: %s", c.other(), why)
}

// other names the other side.
func (c *Client) other() string {
	if c.opts.Dial != nil {
		return "the agent"
	}
	return "the server"
}

func (c *Client) update() string {
	if c.opts.Dial != nil {
		return "restart the agent: tacit agent stop, then tacit unlock"
	}
	return "use the same version here and there"
}
