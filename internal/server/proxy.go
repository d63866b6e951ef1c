package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// ProxyPath is what a service's base URL begins with, after the listener's address; the service's id follows.
const ProxyPath = "/svc/"

// ProxyOptions are what base-URL mode works with.
type ProxyOptions struct {
	API keeper.Services
	Log *slog.Logger // nil: none
	// Host is the address it listens on, such as 127.0.0.1:7717: the only name that it answers to, beside localhost.
	Host func() string
}

// NewProxy returns the handler of base-URL mode: http://127.0.0.1:PORT/svc/openai/v1/models, with a tacit token in the place of the
// service's own key, is the request that https://api.openai.com/v1/models would be with the key (I32).
//
// It knows no owner: whoever has no token is nobody, whatever its uid. It takes the token out of the request, and leaves all else to
// keeper.
func NewProxy(o ProxyOptions) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &proxy{ProxyOptions: o}
}

type proxy struct {
	ProxyOptions
	passes passes
}

// isOurs reports whether a request is addressed to this listener, and not to a name that somebody made point here.
func (p *proxy) isOurs(host string) bool {
	own := p.Host()
	port := own[strings.LastIndexByte(own, ':')+1:]
	return host == own || strings.EqualFold(host, "localhost:"+port)
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := false
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler || began { //nolint:errorlint // the value itself is the signal
			panic(http.ErrAbortHandler)
		}
		p.Log.Error("panic in the proxy") // what panicked may hold a secret
		decline(w, fault.New(fault.Failed, "the request failed inside tacit"), 0)
	}()
	if status, why := p.refuses(r); why != "" {
		decline(w, fault.New(fault.Usage, "request: %s", why), status)
		return
	}
	if err := p.serve(w, r, &began); err != nil {
		if began {
			panic(http.ErrAbortHandler) // nobody shall take half of an answer for all of it
		}
		decline(w, err, 0)
	}
}

// decline answers with a problem. A 401 asks for the token as a password too: git, and whatever else uses curl's library like it, sends
// none before it is asked in that way.
func decline(w http.ResponseWriter, err error, status int) {
	problemFor(w, err, status, `Bearer realm="tacit"`, `Basic realm="tacit"`)
}

// refuses says what is wrong with the form of a request: what a web page could send, what means to be sent elsewhere.
func (p *proxy) refuses(r *http.Request) (status int, why string) {
	h := r.Header
	site, fetched := h["Sec-Fetch-Site"]
	_, origin := h["Origin"]
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodOptions:
		return http.StatusMethodNotAllowed, "this method is not for services"
	case r.URL.IsAbs() || r.URL.Host != "" || !strings.HasPrefix(r.RequestURI, "/"):
		return http.StatusBadRequest, "this is a base URL, not a proxy for any host"
	case !p.isOurs(r.Host):
		return http.StatusMisdirectedRequest, "it is not addressed by that name"
	case origin, fetched && !slices.Equal(site, []string{"none"}):
		return http.StatusForbidden, "requests of web pages are not answered"
	case h.Get("Upgrade") != "" || h.Get("Http2-Settings") != "":
		return http.StatusBadRequest, "no other protocol is spoken here"
	case !strings.HasPrefix(r.URL.EscapedPath(), ProxyPath):
		return http.StatusNotFound, "nothing but " + ProxyPath + "SERVICE/ is here"
	}
	return 0, ""
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, began *bool) error {
	in, err := readProxied(r)
	if err != nil {
		return err
	}
	deadline := http.NewResponseController(w)
	if r.ContentLength != 0 {
		_ = deadline.EnableFullDuplex() // the service may answer before it has all
		body := &guardedBody{body: r.Body, deadline: deadline, token: in.caller.Token.Reveal()}
		if in.use.Body, err = body.held(r.ContentLength); err != nil {
			return err
		}
		in.use.ContentLength = r.ContentLength
	}
	_ = deadline.SetReadDeadline(time.Time{})
	working(r)
	used, err := p.API.Use(r.Context(), in.caller, in.use)
	if err != nil {
		return err
	}
	defer func() { _ = used.Body.Close() }()
	h := w.Header()
	for name, values := range used.Header {
		h[name] = values
	}
	*began = true
	w.WriteHeader(used.Status)
	return p.passes.pass(w, deadline, used.Body)
}

// passes are the buffers of pass, from one answer to the next. What is in them was sent to the caller, or is about to be.
type passes struct{ sync.Pool }

func (p *passes) get() *[]byte {
	if b, ok := p.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 32<<10)
	return &b
}

// put gives a buffer back, without what one caller got in it.
func (p *passes) put(b *[]byte, used int) {
	clear((*b)[:used])
	p.Put(b)
}

// pass sends what there is as soon as it is there: an event must not wait for the next one. An answer that is there at once, and short, is
// one write.
func (p *passes) pass(w io.Writer, deadline *http.ResponseController, body io.Reader) error {
	buffer, used := p.get(), 0
	defer func() { p.put(buffer, used) }()
	b := *buffer
	for {
		n, err := body.Read(b)
		if n > 0 {
			used = max(used, n)
			_ = deadline.SetWriteDeadline(time.Now().Add(writeTime))
			if _, werr := w.Write(b[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n > 0:
			if ferr := deadline.Flush(); ferr != nil {
				return ferr
			}
		}
	}
}
