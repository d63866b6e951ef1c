package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/roundtrip"
)

// A failer is a test or a property.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

const fuzzHost = "api.gate.example"

// FuzzCanonicalise: whatever comes in is refused, or has one spelling that stays as it is, is read by others as it was judged here, and
// sets nothing that is reserved.
func FuzzCanonicalise(f *testing.F) {
	for _, s := range [][5]string{
		{"GET", "/v1/models", "a=b", "X-A", "b"},
		{"post", "/public/%7e+ä/", "a+b=%zz&c", "Content-Type", "application/json"},
		{"GET", "/public/..%2fadmin", "KEY[]=x", "X_Api_Key", "x"},
		{"GET", "/projects/a%2Fb/files/c", "_method=DELETE", "Connection", "close, x-a"},
		{"PUT", "/objects/b//../;%252f|", "&&a=b;c", "Transfer-Encoding", "chunked"},
		{"GET", "//evil.example", "%e2%84%aaey=1", "Host", "evil.example"},
		{"GET", "http://evil.example/", "a=b HTTP/1.1\r\nHost: evil.example", "X-A\r\nHost", "a\r\nHost: evil.example"},
		{"GET", "/public/%c0%ae", "a=%c0%ae", "Expect", "100-continue"},
		{"PUT", "/objects/b/%2e%2E", "acl", "Content-Length", "3"},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4], []byte("abc"), true)
	}
	service := gateService(f)
	reserved := Reserved{Headers: []string{"x-gate"}, Queries: []string{"key", "api_key"}}
	f.Fuzz(func(t *testing.T, method, escaped, query, name, value string, body []byte, known bool) {
		r := Request{Method: method, Path: escaped, Query: query, Header: http.Header{name: {value}}, ContentLength: -1}
		if len(body) > 0 {
			r.Body = bytes.NewReader(body)
		}
		if known {
			r.ContentLength = int64(len(body))
		}
		c, capability, err := pass(service, r)
		if err == nil {
			err = c.Reserve(reserved)
		}
		if err != nil {
			if !errors.Is(err, fault.Denied) && !errors.Is(err, fault.Invalid) {
				t.Fatalf("class %s: %v", fault.CodeOf(err), err)
			}
			return
		}
		if !capability.OpaquePath {
			cleanPath(t, c, capability.EncodedSlash)
		}
		nothingReserved(t, c)

		again, same, err := pass(service, printed(c))
		switch {
		case err != nil || same != capability:
			t.Fatalf("%+v is judged another way the second time: %v, %v", printed(c), same, err)
		case again.Method() != c.Method() || again.Path() != c.Path() || again.Query() != c.Query() || again.Length() != c.Length() || !slices.Equal(again.Segments(), c.Segments()):
			t.Fatalf("%+v becomes %+v", printed(c), printed(again))
		case !sameHeader(again.Header(), c.Header()):
			t.Fatalf("%v becomes %v", c.Header(), again.Header())
		}
		isSent(t, c, body)
	})
}

// cleanPath looks at segments as a suspicious server would.
func cleanPath(t failer, c *CanonicalRequest, slashes bool) {
	t.Helper()
	for _, s := range c.Segments() {
		if strings.Contains(s, "/") && !slashes || strings.ContainsAny(s, "\\;\x00\r\n\x7f") {
			t.Fatalf("a segment %q", s)
		}
		for part := range strings.SplitSeq(s, "/") {
			if part == "" || part == "." || part == ".." {
				t.Fatalf("a segment %q", s)
			}
		}
		if twice, err := url.PathUnescape(s); err == nil && twice != s {
			t.Fatalf("a segment %q that decodes to %q", s, twice)
		}
	}
	if path.Clean(c.Path()) != "/"+strings.Trim(c.Path(), "/") {
		t.Fatalf("cleaning changes %s", c.Path())
	}
}

// nothingReserved compares names as a lenient server does, by other means than the code under test.
func nothingReserved(t failer, c *CanonicalRequest) {
	t.Helper()
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, s)
	}
	values, err := url.ParseQuery(c.Query())
	if err != nil {
		t.Fatalf("net/url does not read %q: %v", c.Query(), err)
	}
	for name := range values {
		first, _, _ := strings.Cut(name, "[")
		for _, spelled := range []string{name, first} {
			for _, reserved := range []string{"key", "apikey", "accesstoken"} {
				if strings.EqualFold(letters(spelled), reserved) {
					t.Fatalf("the parameter %q is let through", name)
				}
			}
		}
	}
	for name, values := range c.Header() {
		switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
		case "authorization", "proxy-authorization", "cookie", "x-api-key", "x-gate", "host", "connection", "content-length", "transfer-encoding",
			"te", "trailer", "upgrade", "expect", "x-http-method-override", "x-original-url", "x-rewrite-url", "forwarded", "x-forwarded-host", "x-forwarded-for":
			t.Fatalf("the header %s is let through", name)
		case "accept-encoding":
			if len(values) != 1 || values[0] != "identity" {
				t.Fatalf("Accept-Encoding: %q", values)
			}
		}
	}
}

// isSent writes the request as the exchange does, and reads it with net/http and with a parser that knows only RFC 9112.
func isSent(t failer, c *CanonicalRequest, body []byte) {
	t.Helper()
	out := &Outgoing{Method: c.Method(), Scheme: "http", Host: fuzzHost, Path: c.Path(), Query: c.Query(), Header: c.Header(), Body: nil, ContentLength: c.Length()}
	r := (&exchange{ctx: context.Background()}).request(out)
	if c.Body() != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), c.Length()
		if r.ContentLength == 0 {
			r.Body = http.NoBody
		}
	}
	wire := &recorder{answer: strings.NewReader("HTTP/1.1 204 No Content\r\n\r\n")}
	transport := roundtrip.New(roundtrip.Options{
		Dial: func(context.Context, string, string) (net.Conn, error) { return wire, nil }, MaxHeaderBytes: 1 << 10,
	})
	answer, err := transport.RoundTrip(r) // which waits for the body, whose connection would be used again
	if err != nil {
		t.Fatalf("%+v is not sent: %v", printed(c), err)
	}
	_ = answer.Body.Close()

	read, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire.Bytes())))
	if err != nil {
		t.Fatalf("net/http does not read %q: %v", wire.Bytes(), err)
	}
	if read.Method != c.Method() || read.URL.EscapedPath() != c.Path() || read.URL.RawQuery != c.Query() || read.Host != fuzzHost || read.URL.Host != "" {
		t.Fatalf("net/http reads %q as %s %s at %s", wire.Bytes(), read.Method, read.URL, read.Host)
	}
	if got, err := io.ReadAll(read.Body); err != nil || c.Body() != nil && !bytes.Equal(got, body) || c.Body() == nil && len(got) > 0 {
		t.Fatalf("net/http reads the body %q, %v", got, err)
	}

	strict, err := readStrictly(wire.Bytes())
	if err != nil {
		t.Fatalf("%v: %q", err, wire.Bytes())
	}
	if strict.method != c.Method() || strict.path != c.Path() || strict.query != c.Query() || strict.hosts != fuzzHost || !slices.Equal(strict.segments, c.Segments()) {
		t.Fatalf("%q is read as %+v", wire.Bytes(), strict)
	}
}

// A recorder is a connection that keeps what is written to it.
type recorder struct {
	net.Conn
	bytes.Buffer
	answer io.Reader
}

func (r *recorder) Read(p []byte) (int, error)  { return r.answer.Read(p) }
func (r *recorder) Write(p []byte) (int, error) { return r.Buffer.Write(p) }
func (*recorder) Close() error                  { return nil }
func (*recorder) SetDeadline(time.Time) error   { return nil }

// A strictRequest is what a parser reads that takes no more than RFC 9112 and RFC 3986 give.
type strictRequest struct {
	method, path, query, hosts string
	segments                   []string // decoded; a slash at the end is none
}

func readStrictly(wire []byte) (r strictRequest, err error) {
	head, _, ok := strings.Cut(string(wire), "\r\n\r\n")
	if !ok {
		return r, errors.New("no end of the header")
	}
	lines := strings.Split(head, "\r\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" || strings.Trim(words[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return r, errors.New("no request line")
	}
	r.method = words[0]
	r.path, r.query, _ = strings.Cut(words[1], "?")
	const pchar = "-._~!$&'()*+,;=:@%"
	legal := func(s, more string) bool {
		for i := range len(s) {
			switch b := s[i]; {
			case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte(pchar+more, b) >= 0:
			default:
				return false
			}
		}
		return true
	}
	if !strings.HasPrefix(r.path, "/") || strings.HasPrefix(r.path, "//") || !legal(r.path, "/") || !legal(r.query, "/?") {
		return r, errors.New("no request target in origin form")
	}
	for s := range strings.SplitSeq(strings.TrimSuffix(r.path[1:], "/"), "/") {
		var decoded []byte
		for i := 0; i < len(s); i++ {
			if s[i] != '%' {
				decoded = append(decoded, s[i])
				continue
			}
			if i+2 >= len(s) {
				return r, errors.New("an escape is cut")
			}
			b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return r, err
			}
			decoded = append(decoded, byte(b))
			i += 2
		}
		r.segments = append(r.segments, string(decoded))
	}
	if r.path == "/" {
		r.segments = nil
	}
	framing := 0
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c) }) {
			return r, errors.New("no field line")
		}
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return r, errors.New("a control character in a value")
		}
		switch strings.ToLower(name) {
		case "host":
			r.hosts += value
		case "content-length", "transfer-encoding":
			framing++
		}
	}
	if framing > 1 {
		return r, errors.New("framed twice")
	}
	return r, nil
}

func sameHeader(a, b http.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for name, values := range a {
		if !slices.Equal(values, b[name]) {
			return false
		}
	}
	return true
}

// TestI22NothingMovesTheHost: the host on the wire is the one that was chosen, whatever a caller writes anywhere.
func TestI22NothingMovesTheHost(t *testing.T) {
	t.Parallel()
	service := gateService(t)
	lures := []string{
		"evil.example", "//evil.example", "https://evil.example", "http://evil.example/", "@evil.example", ":80@evil.example/", "user:pass@evil.example",
		"/@evil.example", "/\\evil.example", "%2f%2fevil.example", "/%2f/evil.example", "\r\nHost: evil.example", " HTTP/1.1\r\nHost: evil.example\r\n", "#@evil.example",
		"?url=https://evil.example", ".evil.example", "evil.example:443", "[::1]", "\tevil.example",
	}
	names := []string{"Host", "host", "X-Forwarded-Host", "X-Host", "Forwarded", ":authority", "X-Original-Url", "X-Rewrite-Url", "Referer", "Origin", "X-A"}
	rapid.Check(t, func(t *rapid.T) {
		lure := rapid.SampledFrom(lures)
		r := Request{
			Method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "CONNECT", "GET http://evil.example/"}).Draw(t, "method"),
			Path:   rapid.SampledFrom([]string{"", "/", "/public", "/public/", "/objects/b/", "/objects/b"}).Draw(t, "path") + lure.Draw(t, "after"),
			Query:  rapid.SampledFrom([]string{"", "a=b", "url="}).Draw(t, "query"),
			Header: http.Header{rapid.SampledFrom(names).Draw(t, "name"): {lure.Draw(t, "value")}},
		}
		if rapid.Bool().Draw(t, "lured") {
			r.Query += lure.Draw(t, "query")
		}
		c, _, err := pass(service, r)
		if err != nil {
			return
		}
		isSent(t, c, nil)
	})
}
