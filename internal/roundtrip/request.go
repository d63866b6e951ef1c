package roundtrip

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"tacit/internal/httpgrammar"
)

// Why a request is not sent.
var (
	errTarget  = errors.New("the address of the request is none that can be sent")
	errMethod  = errors.New("the method of the request is none")
	errField   = errors.New("a header of the request is none")
	errLonger  = errors.New("the body of the request is longer than was said")
	errShorter = errors.New("the body of the request is shorter than was said")
)

// serverOf returns where r goes.
func serverOf(r *http.Request) (server, error) {
	if r.URL == nil {
		return server{}, errTarget
	}
	var to server
	port := "80"
	switch r.URL.Scheme {
	case "http":
	case "https":
		to.secure, port = true, "443"
	default:
		return server{}, fmt.Errorf("%w: the scheme is not http or https", errTarget)
	}
	if !isHost(r.URL.Host) {
		return server{}, fmt.Errorf("%w: no host", errTarget)
	}
	if to.address = r.URL.Host; r.URL.Port() == "" {
		to.address = net.JoinHostPort(r.URL.Hostname(), port)
	}
	return to, nil
}

// compose appends the header of r, as it is sent: the target and the fields as they stand, fields in the order of their names. What
// says where the message ends is of this package; nothing that r holds can add a line.
func (t *Transport) compose(b []byte, r *http.Request) ([]byte, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	if !httpgrammar.IsToken(method) || method == http.MethodConnect {
		return b, errMethod
	}
	b = append(append(b, method...), ' ')
	b, err := appendTarget(b, r)
	if err != nil {
		return b, err
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if !isHost(host) {
		return b, errTarget
	}
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	if t.o.UserAgent != "" && len(r.Header["User-Agent"]) == 0 {
		b = append(append(append(b, "User-Agent: "...), t.o.UserAgent...), "\r\n"...)
	}
	switch {
	case hasBody(r) && r.ContentLength > 0:
		b = appendLength(b, r.ContentLength)
	case hasBody(r):
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.ContentLength > 0:
		return b, errShorter
	case method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch:
		b = appendLength(b, 0)
	}
	if r.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	if b, err = appendFields(b, r.Header); err != nil {
		return b, err
	}
	return append(b, "\r\n"...), nil
}

func appendLength(b []byte, n int64) []byte {
	return append(strconv.AppendInt(append(b, "Content-Length: "...), n, 10), "\r\n"...)
}

func appendTarget(b []byte, r *http.Request) ([]byte, error) {
	start := len(b)
	if r.URL.Opaque != "" {
		if b = append(b, r.URL.Opaque...); r.URL.RawQuery != "" || r.URL.ForceQuery {
			b = append(append(b, '?'), r.URL.RawQuery...)
		}
	} else {
		b = append(b, r.URL.RequestURI()...)
	}
	if target := b[start:]; target[0] != '/' || slices.ContainsFunc(target, func(c byte) bool { return c <= ' ' || c == 0x7f }) {
		return b, errTarget
	}
	return b, nil
}

func appendFields(b []byte, h http.Header) ([]byte, error) {
	var room [32]string
	names := room[:0]
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !httpgrammar.IsToken(name) {
			return b, errField
		}
		if isOurs(name) {
			continue
		}
		for _, v := range h[name] {
			if httpgrammar.HasControl(v) {
				return b, errField
			}
			b = append(append(append(b, name...), ": "...), textproto.TrimString(v)...)
			b = append(b, "\r\n"...)
		}
	}
	return b, nil
}

// isOurs reports whether a header says where the message goes or ends.
func isOurs(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// isInline reports whether the body of r is small and at hand, so that it goes with the header.
func isInline(r *http.Request) bool {
	return hasBody(r) && r.GetBody != nil && r.ContentLength > 0 && r.ContentLength <= inlineBytes
}

// appendBody appends the body of r, which is an inline one, and closes it.
func appendBody(b []byte, r *http.Request) ([]byte, error) {
	defer closeBody(r)
	start, want := len(b), int(r.ContentLength)
	b = slices.Grow(b, want+1)[:start+want+1]
	n, err := io.ReadFull(r.Body, b[start:])
	switch b = b[:start+n]; {
	case n > want:
		return b, errLonger
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return b, err
	case n < want:
		return b, errShorter
	}
	return b, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// mayRepeat reports whether r may be sent a second time when it is not known whether the first arrived, as net/http decides: it has a
// method that is safe (RFC 9110, section 9.2.1), or says itself that it is idempotent.
func mayRepeat(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return len(r.Header["Idempotency-Key"]) > 0 || len(r.Header["X-Idempotency-Key"]) > 0
}
