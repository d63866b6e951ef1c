package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// MaxAnswer is how many bytes an answer may have unless the configuration says otherwise: twenty values of 64 KiB in base64, twice.
const MaxAnswer = 4 << 20

const (
	dialTimeout    = 10 * time.Second
	idleTimeout    = 90 * time.Second
	idlePerHost    = 16 // as many as the chain asks at once, so that a connection that was made is used again
	maxHeaderBytes = 64 << 10
	maxRedirects   = 3
)

// Config is an address and how to reach it. Base is all that must be there.
type Config struct {
	Name  string // of the provider, for errors
	Base  string // "https://host", "https://host:8200/path"
	CAPEM string // the authorities to trust in place of the system's, PEM
	Plain bool   // http:// is meant, also to other machines

	MaxAnswer int64 // bytes; 0: [MaxAnswer]

	// Direct leaves out the proxy that the process's environment names (HTTPS_PROXY, NO_PROXY): for metadata services. Plain HTTP is
	// always direct: a proxy would read it.
	Direct bool
	// Debug hears of each exchange: its what, status and duration. nil: nobody does.
	Debug func(message string, args ...any)
	// Getenv is asked for GODEBUG: net/http prints the headers of HTTP/2, keys included, when http2debug is on, so it is not spoken then.
	Getenv func(string) string
	// Now reads the clock, for a Retry-After that is a date; nil: time.Now.
	Now func() time.Time
	// Dial makes the connections; nil: a net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client asks one store. Several goroutines may use it.
type Client struct {
	name      string
	base      *url.URL
	limit     int64
	debug     func(string, ...any)
	now       func() time.Time
	http      *http.Client
	transport *http.Transport
}

// New returns a client and asks nothing. Errors are of class fault.Usage.
func New(c Config) (*Client, error) {
	base, err := address(c)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAPEM != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(c.CAPEM)) {
			return nil, provider.Errorf(fault.Usage, c.Name, "ca_pem has no certificate")
		}
	}
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(c.Getenv == nil || !strings.Contains(c.Getenv("GODEBUG"), "http2debug"))
	transport := &http.Transport{
		DialContext: dial, TLSClientConfig: config, Protocols: protocols, DisableCompression: true,
		TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: idlePerHost,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	if !c.Direct && base.Scheme == "https" {
		transport.Proxy = http.ProxyFromEnvironment
	}
	client := &Client{
		name: c.Name, base: base, limit: c.MaxAnswer, debug: c.Debug, now: c.Now, transport: transport,
		http: &http.Client{Transport: transport, CheckRedirect: sameHost},
	}
	if client.limit <= 0 {
		client.limit = MaxAnswer
	}
	if client.debug == nil {
		client.debug = func(string, ...any) {}
	}
	if client.now == nil {
		client.now = time.Now
	}
	return client, nil
}

// address checks Base.
func address(c Config) (*url.URL, error) {
	u, err := url.Parse(c.Base) // its error repeats the address
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http", u.Opaque != "":
		return nil, provider.Errorf(fault.Usage, c.Name, "the address is not of the form https://host")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, provider.Errorf(fault.Usage, c.Name, "the address holds more than host and path")
	case u.Scheme == "http" && !c.Plain && !ThisMachine(u.Hostname()):
		return nil, provider.Errorf(fault.Usage, c.Name, "the address is http://, which everybody on the way reads").WithFix("use https://")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath = strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

// ThisMachine reports whether host is a loopback address or localhost.
func ThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// sameHost lets a redirect pass that stays where it is: same scheme, host and port, same method. Any other becomes the answer.
func sameHost(to *http.Request, via []*http.Request) error {
	from := via[0]
	if len(via) > maxRedirects || to.URL.Scheme != from.URL.Scheme || to.URL.Host != from.URL.Host || to.Method != from.Method {
		return http.ErrUseLastResponse
	}
	return nil
}

// A Request is one question.
type Request struct {
	What   string // in words, for errors: "read db.password"; empty: nothing to add. No value stands in it
	Method string // empty: GET
	Path   string // below the base, escaped already: "/v1/secret/data/a%20b"
	Query  url.Values
	Header http.Header
	Body   []byte
	// Sign is called with the finished request before it goes out, when not nil.
	Sign func(*http.Request) error
}

// An Answer is what came back, of any status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // whole
}

// OK reports whether the status is 2xx.
func (a *Answer) OK() bool { return a.Status/100 == 2 }

// Base returns the address that the client asks, without a slash at the end.
func (c *Client) Base() string { return c.base.String() }

// Close gives idle connections back.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do asks once and returns the whole answer, whatever its status: the provider looks at it, and turns one that it does not expect into
// an error with [Client.Refused]. Do's own errors are fault.Unavailable — nobody answered, in time or to the end — and fault.Invalid —
// the answer is too large; a cause of package context can be asked for with errors.Is.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	request, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	began := c.now()
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.failed(ctx, r, "the store cannot be reached", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(response.Body, c.limit+1))
	switch {
	case err != nil:
		return nil, c.failed(ctx, r, "the answer broke off", err)
	case int64(len(body)) > c.limit:
		return nil, provider.Errorf(fault.Invalid, c.name, "%sthe answer has more than %d bytes", r.what(), c.limit).
			WithFix("check the address: is it the store's, or that of something in between?")
	}
	c.debug("asked a store", "provider", c.name, "what", r.What, "status", response.StatusCode, "bytes", len(body), "took", c.now().Sub(began))
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	u := *c.base
	u.RawQuery = r.Query.Encode()
	escaped := c.base.EscapedPath() + r.Path
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, provider.Errorf(fault.Invalid, c.name, "%sthis name makes no path", r.what())
	}
	u.Path, u.RawPath = path, escaped
	request, err := http.NewRequestWithContext(ctx, method, c.base.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, provider.Errorf(fault.Invalid, c.name, "%sno request can be made of this", r.what())
	}
	request.URL = &u
	for name, values := range r.Header {
		request.Header[name] = values
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "tacit")
	}
	if r.Sign != nil {
		if err := r.Sign(request); err != nil {
			return nil, err
		}
	}
	return request, nil
}

// failed turns an error of net/http into one of ours. A url.Error repeats the address, and what the other side sent may stand in the
// text of others, so that only errors whose text is our machine's are shown.
func (c *Client) failed(ctx context.Context, r Request, why string, err error) error {
	e := provider.Errorf(fault.Unavailable, c.name, "%s%s", r.what(), why)
	fix := wayOut(fault.Unavailable)
	var dns *net.DNSError
	var op *net.OpError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate x509.CertificateInvalidError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Message, e.Err = c.name+": "+r.what()+"stopped", context.Canceled
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		e = provider.Errorf(fault.Unavailable, c.name, "%sno answer in time", r.what())
		e.Err = context.DeadlineExceeded
	case errors.As(err, &dns):
		e = provider.Errorf(fault.Unavailable, c.name, "%sthe name of the host was not found", r.what())
		fix = "check the address and the network"

	case errors.As(err, &unknown):
		e = provider.Errorf(fault.Unavailable, c.name, "%sthe certificate is signed by an unknown authority", r.what())
		fix = "if it is your own authority, give its certificate to the provider (ca_pem) or to the system"
	case errors.As(err, &host), errors.As(err, &certificate):
		e = provider.Errorf(fault.Unavailable, c.name, "%sthe certificate is not good for this host", r.what())
		fix = "check the address, and the certificate of the store"
	case errors.As(err, &op) && op.Op == "dial" && op.Err != nil:
		e = provider.Errorf(fault.Unavailable, c.name, "%s%s: %s", r.what(), why, op.Err.Error())
	}
	_ = e.WithFix("%s", fix)
	c.debug("a store did not answer", "provider", c.name, "what", r.What, "why", e.Message)
	return e
}

// what is how the text of an error begins.
func (r Request) what() string {
	if r.What == "" {
		return ""
	}
	return r.What + ": "
}
