package broker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tacit/internal/registry"
)

// userAgent is what a request says that has none of its caller: some services refuse one without.
const userAgent = "tacit"

// Do sends one request to its service, authenticated, and returns the cleaned answer as soon as its header is there. Redirects are
// answers like others (I27). ctx is that of the whole exchange: when it ends, so does the answer.
//
// An error is a [*Problem]. One that comes later, from the answer's body, is too.
func (b *Broker) Do(ctx context.Context, u Use) (*Response, error) {
	who := share{u.Principal, u.Capability.ID}
	if err := b.limits.enter(who, u.Limits); err != nil {
		return nil, err
	}
	x := &exchange{broker: b, use: u, who: who}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	x.watch.start(u.Limits.Timeout, x.cancel)
	response, err := x.run()
	if err != nil {
		err = x.problem(err)
		x.end()
		return nil, err
	}
	return response, nil
}

// An exchange is one request and its answer.
type exchange struct {
	broker *Broker
	use    Use
	who    share
	ctx    context.Context //nolint:containedctx // it spans two calls: Do, and the reading of the body
	cancel context.CancelCauseFunc
	watch  watch

	upload      *upload // nil without a body
	fetched     [][]byte
	answerLimit int64

	mu         sync.Mutex
	ended      bool
	down       int64
	redactions int
}

// run sends the request, a second time when the first was refused for tokens that can be renewed.
func (x *exchange) run() (*Response, error) {
	r := x.use.Request
	if err := x.admit(); err != nil {
		return nil, err
	}
	if r.body != nil {
		if limit := x.use.Limits.MaxRequestBytes; limit > 0 && r.length > limit {
			return nil, errUploadLarge
		}
		body := r.body
		if section(body) == nil { // neither in memory nor in a file: it may keep us waiting
			body = newPump(x.ctx, body, r.length)
		}
		x.upload = newUpload(body, r.length, x.use.Limits.MaxRequestBytes, x.watch.alive)
	}
	answer, fetched, err := x.send()
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusUnauthorized {
		refresher, ok := x.use.Credential.strategy.(Refresher)
		if ok && (x.upload == nil || x.upload.whole != nil) && refresher.Invalidate(fetched) {
			_ = answer.Body.Close()
			if x.upload != nil {
				x.upload = x.upload.again()
			}
			if answer, _, err = x.send(); err != nil {
				return nil, err
			}
		}
	}
	response, err := x.clean(answer)
	if err != nil {
		_ = answer.Body.Close()
	}
	return response, err
}

// admit checks what was decided before: that a mistake elsewhere sends no secret to another host (I22, I26), nothing but what was
// judged (I24), and no header or parameter of the caller's beside the strategy's own (I25).
func (x *exchange) admit() error {
	u := &x.use
	switch {
	case u.Credential.broker != x.broker || u.Credential.service != u.Service:
		return errMoved
	case !u.Request.isFor(u.Capability):
		return errNotMatched
	case !allowsHost(u.Service, u.Capability, u.Host):
		return errNoSuchHost
	}
	return u.Request.Reserve(u.Credential.Reserved())
}

// allowsHost reports whether host is one of the capability's, or below one that is a pattern.
func allowsHost(s *registry.Service, c *registry.Capability, host string) bool {
	hosts := s.HostsOf(c)
	if slices.Contains(hosts, host) {
		return !strings.HasPrefix(host, "*")
	}
	return s.HostProblem(host) == "" && slices.ContainsFunc(hosts, func(pattern string) bool { return registry.MatchHost(pattern, host) })
}

func scheme(s *registry.Service) string {
	if mayUsePlain(s) {
		return "http"
	}
	return "https"
}

// send authenticates the request and sends it. It returns the answer, and the tokens that were fetched for it.
func (x *exchange) send() (*http.Response, [][]byte, error) {
	u, r, p := &x.use, x.use.Request, x.use.Credential
	out := &Outgoing{
		Method: r.method, Scheme: scheme(u.Service), Host: u.Host, Path: r.path, Query: r.query,
		Header: r.header.Clone(), ContentLength: r.length,
	}
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if x.upload != nil {
		out.Body = x.upload
	}
	out.Header.Set("Accept-Encoding", "identity")
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", userAgent)
	}
	if p.strategy.OnWire() {
		// A part of an answer may begin in the middle of an echoed secret, where nobody recognises it (I28).
		out.Header.Del("Range")
		out.Header.Del("If-Range")
	}
	fetched, err := p.strategy.Apply(x.ctx, out)
	if err != nil {
		return nil, nil, err
	}
	x.fetched = append(x.fetched, fetched...)
	if out.Host != u.Host || out.Scheme != scheme(u.Service) || !strings.HasPrefix(out.Path, "/") {
		return nil, nil, errMoved
	}
	answer, err := p.transport.RoundTrip(x.request(out)) //nolint:bodyclose // the exchange closes it when it ends
	return answer, fetched, err
}

// request is out for the transport. The path is sent as it stands: as Opaque, it is not escaped once more.
func (x *exchange) request(out *Outgoing) *http.Request {
	r := &http.Request{
		Method: out.Method, Header: out.Header, Host: out.Host,
		URL: &url.URL{Scheme: out.Scheme, Host: out.Host, Opaque: out.Path, RawQuery: out.Query},
	}
	switch body := out.Body.(type) {
	case nil:
	case *upload:
		r.Body, r.ContentLength = body, out.ContentLength
	default: // the strategy has read it
		r.Body, r.ContentLength = newUpload(body, out.ContentLength, 0, x.watch.alive), out.ContentLength
	}
	if r.ContentLength == 0 && r.Body != nil {
		r.Body = http.NoBody
	}
	if body, ok := r.Body.(*upload); ok && body.whole != nil {
		// Small ones go with the header. And a warm connection may turn out to be closed: then another is tried, where it is known that
		// nothing was done yet.
		r.GetBody = func() (io.ReadCloser, error) { return body.again(), nil }
	}
	return r.WithContext(x.ctx)
}

// end gives back what the exchange holds. It may be called more than once.
func (x *exchange) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return
	}
	x.ended = true
	x.upload.finish()
	x.watch.stop()
	x.cancel(errFinished)
	x.broker.limits.leave(x.who)
}

func (x *exchange) stats() Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	return Stats{BytesUp: x.upload.total(), BytesDown: x.down, Redactions: x.redactions}
}

// A watch cancels an exchange in which nothing moves, or that goes on for ever.
type watch struct {
	silence time.Duration
	until   time.Time
	timer   *time.Timer
}

func (w *watch) start(silence time.Duration, cancel context.CancelCauseFunc) {
	if silence <= 0 {
		silence = DefaultTimeout
	}
	w.silence, w.until = silence, time.Now().Add(MaxDuration)
	w.timer = time.AfterFunc(min(silence, MaxDuration), func() {
		if time.Now().Before(w.until) {
			cancel(errSilent)
		} else {
			cancel(errTooLong)
		}
	})
}

// alive says that a byte came or went.
func (w *watch) alive() { w.timer.Reset(min(w.silence, time.Until(w.until))) }

func (w *watch) stop() { w.timer.Stop() }

// isEnd reports whether err is the proper end of a stream.
func isEnd(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }
