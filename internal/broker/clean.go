package broker

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// dropped are headers of an answer that nobody gets, in canonical case: what authenticates or sets up authentication, what belongs to
// one connection, and what speaks about the origin of the upstream, which is not where the caller is.
func dropped(name string) bool {
	switch name {
	case "Set-Cookie", "Set-Cookie2", "Cookie", "Authorization", "Proxy-Authorization", "Www-Authenticate", "Proxy-Authenticate",
		"Authentication-Info", "Proxy-Authentication-Info", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Amz-Security-Token":
		return true
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Content-Encoding":
		return true
	case "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data", "Public-Key-Pins", "Service-Worker-Allowed", "Refresh":
		return true
	}
	return strings.HasPrefix(name, "Access-Control-")
}

// aboutBody are the headers that say something about the bytes of a body, which are others once it is cleaned. They are also a way to
// learn what was there before.
func aboutBody(name string) bool {
	switch name {
	case "Content-Length", "Content-Md5", "Content-Digest", "Repr-Digest", "Digest", "Want-Digest", "Etag":
		return true
	}
	return false
}

// clean makes the answer what the caller gets (I28). Of a body it reads nothing, or all when it is small.
func (x *exchange) clean(answer *http.Response) (*Response, error) {
	switch {
	case answer.StatusCode == http.StatusSwitchingProtocols:
		return nil, errSwitch
	case answer.StatusCode < 200 || answer.StatusCode > 599:
		return nil, errStatus
	}
	x.watch.alive()
	p := x.use.Credential.patternsWith(x.fetched)
	empty := answer.ContentLength == 0 || x.use.Request.method == http.MethodHead ||
		answer.StatusCode == http.StatusNoContent || answer.StatusCode == http.StatusNotModified
	a := &answerBody{x: x, raw: answer.Body, patterns: p, scrub: p.get()}
	header := a.header(answer.Header, !empty)
	if empty {
		a.finish(true)
		return &Response{answer.StatusCode, header, a, 0, x.stats}, nil
	}

	coding, err := codingOf(answer.Header)
	if err != nil {
		return nil, err
	}
	x.answerLimit = x.use.Limits.MaxResponseBytes
	if x.answerLimit <= 0 && coding != identity {
		x.answerLimit = maxDecoded
	}
	if a.fields, err = fieldsOf(&x.use, answer); err != nil {
		return nil, err
	}
	a.from = decode(coding, &counted{a})
	if answer.ContentLength > 0 && answer.ContentLength <= block && coding == identity {
		whole, err := a.whole()
		if err != nil {
			return nil, err
		}
		return &Response{answer.StatusCode, header, &wholeBody{whole}, int64(len(whole)), x.stats}, nil
	}
	return &Response{answer.StatusCode, header, a, -1, x.stats}, nil
}

// whole reads a body that is known to be small to its end. So the caller is told how long it is, an answer that breaks off is an error
// and not half of an answer, and the connection is warm again before anybody reads.
func (a *answerBody) whole() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []byte
	for a.err == nil {
		a.fill()
		all = append(all, a.ready...)
	}
	err := a.err
	a.finish(isEnd(err))
	if !isEnd(err) {
		return nil, err
	}
	return all, nil
}

// A wholeBody is one that is in memory. Its end comes with its last bytes, so that nobody sends those before it.
type wholeBody struct{ left []byte }

func (b *wholeBody) Read(p []byte) (int, error) {
	n := copy(p, b.left)
	if b.left = b.left[n:]; len(b.left) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (*wholeBody) Close() error { return nil }

// header returns the headers that the caller gets. scanned says that there is a body, and that it is cleaned.
func (a *answerBody) header(from http.Header, scanned bool) http.Header {
	reserved := a.x.use.Credential.strategy.Reserved().Headers
	var named []string // by Connection
	for _, v := range from["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			named = append(named, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	to := make(http.Header, len(from))
	all := make([]string, 0, len(from)+8) // of all fields, in one allocation mostly
	onWire := a.x.use.Credential.strategy.OnWire()
	for name, values := range from {
		if onWire && (name == "Content-Range" || name == "Accept-Ranges") {
			continue // no part was asked for
		}
		if dropped(name) || scanned && aboutBody(name) || slices.Contains(named, name) || slices.Contains(reserved, strings.ToLower(name)) {
			continue
		}
		if !a.patterns.cleanName(name) {
			a.replaced(1)
			continue
		}
		first := len(all)
		for _, v := range values {
			clean, n := a.scrub.text(v)
			all = append(all, clean)
			a.replaced(n)
		}
		to[name] = all[first:len(all):len(all)]
	}
	return to
}

// An answerBody is the body of an answer, as the caller reads it: decoded, with its fields hidden and what was injected replaced.
type answerBody struct {
	x        *exchange
	raw      io.ReadCloser // of the transport
	from     io.Reader     // decoded
	fields   fields        // nil when none is hidden
	patterns *patterns
	decoded  int64

	mu    sync.Mutex // of a Read; Close waits for one that is under way, once it has been interrupted
	scrub *scrub     // nil when the stream is over
	ready []byte     // cleaned and not read yet: part of scrub.out
	text  []byte     // with fields hidden
	err   error
}

func (a *answerBody) replaced(n int) {
	if n > 0 {
		a.x.mu.Lock()
		a.x.redactions += n
		a.x.mu.Unlock()
	}
}

// Read returns what there is as soon as it is there, but for an end of it that something to be hidden may begin with.
func (a *answerBody) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for len(a.ready) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		a.fill()
	}
	n := copy(p, a.ready)
	if a.ready = a.ready[n:]; len(a.ready) == 0 && a.err != nil {
		whole := isEnd(a.err)
		if a.finish(whole); whole {
			return n, io.EOF // who gets the end with the last bytes need not send them before it
		}
	}
	return n, nil
}

// fill reads the next piece and cleans it. What was held back when the stream breaks is lost: it may be most of a secret.
func (a *answerBody) fill() {
	s := a.scrub
	n, err := a.from.Read(s.in)
	piece := s.in[:n]
	if a.decoded += int64(n); a.x.answerLimit > 0 && a.decoded > a.x.answerLimit {
		piece, err = nil, errAnswerLarge
	}
	if a.fields != nil {
		var broken error
		before := a.fields.hidden()
		a.text, broken = a.fields.append(a.text[:0], piece)
		if broken == nil && err != nil && isEnd(err) {
			broken = a.fields.end()
		}
		if piece = a.text; broken != nil {
			err = broken
		}
		a.replaced(a.fields.hidden() - before)
	}
	before := s.scanner.Replaced()
	s.out = s.scanner.Append(s.out[:0], piece)
	if err != nil && isEnd(err) {
		s.out = s.scanner.End(s.out)
	}
	a.ready = s.out
	a.replaced(int(s.scanner.Replaced() - before))
	switch {
	case err == nil:
	case isEnd(err):
		a.err = io.EOF
	default:
		a.err = a.x.problem(err)
	}
	if a.err != nil && len(a.ready) == 0 {
		a.finish(isEnd(a.err))
	}
}

// finish ends the exchange. whole says that the scanner has come to the end of its stream, and may be used for another.
func (a *answerBody) finish(whole bool) {
	if a.err == nil {
		a.err = io.EOF
	}
	if a.scrub == nil {
		return
	}
	if whole {
		a.patterns.put(a.scrub)
	}
	a.scrub, a.ready, a.text = nil, nil, nil
	_ = a.raw.Close()
	a.x.end()
}

// Close ends the exchange. The connection stays warm when the body was read to its end.
func (a *answerBody) Close() error {
	a.x.end() // first: it interrupts a Read
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = errFinished
	}
	a.finish(false)
	return nil
}

// counted is the body as it came, which is what a watch looks at and what an exchange costs.
type counted struct{ a *answerBody }

func (c *counted) Read(p []byte) (int, error) {
	c.a.x.watch.alive()
	n, err := c.a.raw.Read(p)
	c.a.x.watch.alive()
	c.a.x.mu.Lock()
	c.a.x.down += int64(n)
	c.a.x.mu.Unlock()
	if err != nil && isEnd(err) && c.a.x.ctx.Err() != nil {
		// What was cancelled has no proper end. TLS says goodbye before the connection is closed, and an upstream that hears it may end
		// its answer in time: half of one, as if it were all.
		err = context.Cause(c.a.x.ctx)
	}
	return n, err
}
