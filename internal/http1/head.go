package http1

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tacit/internal/httpgrammar"
)

// A refusal is what is wrong with a request that is none.
type refusal struct {
	status int
	why    string
}

func (r *refusal) Error() string { return r.why }

// answer is the last that a connection gets.
func (r *refusal) answer() string {
	text := http.StatusText(r.status) + ": " + r.why + "\n"
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		r.status, http.StatusText(r.status), len(text), text)
}

func bad(why string) error { return &refusal{http.StatusBadRequest, why} }

// maxFields bounds the lines of a header.
const maxFields = 128

// head reads the head of a request and parses it.
func (c *conn) head() (*message, error) {
	most := c.server.MaxHeaderBytes
	if most <= 0 {
		most = defaultHeaderBytes
	}
	if !httpgrammar.IsTokenByte(c.buf[c.r]) {
		return nil, bad("it does not begin with a method")
	}
	for line, at := c.r, c.r; ; { // of the line that is looked at: where it begins, and how far that is
		i := bytes.IndexByte(c.buf[at:c.w], '\n')
		if i >= 0 {
			end := at + i
			if end == line || c.buf[end-1] != '\r' {
				return nil, bad("a line does not end with CR and LF")
			}
			if end-line == 1 && line > c.r { // an empty one
				if end+1-c.r > most {
					return nil, tooLarge()
				}
				m, err := parse(c.buf[c.r:end+1], &c.fields)
				c.r = end + 1
				return m, err
			}
			line, at = end+1, end+1
			continue
		}
		at = c.w
		if c.w-c.r >= most {
			return nil, tooLarge()
		}
		if c.w == len(c.buf) {
			line, at = line-c.r, at-c.r
			c.room(most)
		}
		c.apply(c.deadline)
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

func tooLarge() error {
	return &refusal{http.StatusRequestHeaderFieldsTooLarge, "the header is too large"}
}

// room makes room in the buffer, which is full, for a head of so many bytes.
func (c *conn) room(most int) {
	to := c.buf
	if c.r == 0 {
		to = make([]byte, min(4*len(c.buf), most+bufferSize))
	}
	n := copy(to, c.buf[c.r:c.w])
	if c.r == 0 {
		clear(c.buf)
		c.buf = to
	}
	clear(c.buf[n:])
	c.r, c.w = 0, n
}

// A message is a parsed head.
type message struct {
	method, target, proto string
	url                   *url.URL
	host                  string
	header                http.Header
	length                int64 // of the body; -1: it comes in chunks
	old                   bool  // HTTP/1.0
	closes                bool  // no request shall follow
	expect                bool  // the body comes when it is asked for
}

// request is the request of a message without its context and body.
func (m *message) request(remote string) *http.Request {
	r := &http.Request{
		Method: m.method, URL: m.url, Proto: m.proto, ProtoMajor: 1, ProtoMinor: 1, Header: m.header, Host: m.host,
		RequestURI: m.target, RemoteAddr: remote, Body: http.NoBody, ContentLength: m.length, Close: m.closes,
	}
	if m.old {
		r.ProtoMinor = 0
	}
	if m.length < 0 {
		r.TransferEncoding = []string{"chunked"}
	}
	return r
}

// A field is where a line of a header has its name and its value.
type field struct{ name, colon, value, end int }

// parse parses a head, from its first byte to its empty line, whose lines end with CR and LF. It puts names into their canonical form where
// they stand.
func parse(head []byte, fields *[]field) (*message, error) {
	all := (*fields)[:0]
	first := bytes.IndexByte(head, '\n') + 1
	for at := first; at < len(head)-2; {
		end := at + bytes.IndexByte(head[at:], '\n') - 1
		f, err := parseField(head, at, end)
		if err != nil {
			return nil, err
		}
		if all = append(all, f); len(all) > maxFields {
			return nil, tooLarge()
		}
		at = end + 2
	}
	*fields = all
	text := string(head)
	m := &message{header: make(http.Header, len(all))}
	if err := m.line(text[:first-2]); err != nil {
		return nil, err
	}
	values := make([]string, len(all))
	for i, f := range all {
		name, value := text[f.name:f.colon], text[f.value:f.end]
		values[i] = value
		if have := m.header[name]; have != nil {
			m.header[name] = append(have, value)
		} else {
			m.header[name] = values[i : i+1 : i+1]
		}
	}
	return m, m.meaning()
}

// parseField finds name and value in the line from at to end, which is where its CR is.
func parseField(head []byte, at, end int) (field, error) {
	f := field{name: at, colon: at, end: end}
	upper := true
	for ; f.colon < end && head[f.colon] != ':'; f.colon++ {
		b := head[f.colon]
		if !httpgrammar.IsTokenByte(b) {
			return f, bad("the name of a header is none")
		}
		switch {
		case upper && 'a' <= b && b <= 'z':
			head[f.colon] = b - 'a' + 'A'
		case !upper && 'A' <= b && b <= 'Z':
			head[f.colon] = b - 'A' + 'a'
		}
		upper = b == '-'
	}
	if f.colon == end || f.colon == at {
		return f, bad("a line of the header has no name")
	}
	for f.value = f.colon + 1; f.value < end && isBlank(head[f.value]); f.value++ {
	}
	for f.end > f.value && isBlank(head[f.end-1]) {
		f.end--
	}
	if httpgrammar.HasControl(head[f.value:f.end]) {
		return f, bad("the value of a header has a control character")
	}
	return f, nil
}

// line parses the first line.
func (m *message) line(text string) error {
	var ok1, ok2 bool
	var rest string
	m.method, rest, ok1 = strings.Cut(text, " ")
	m.target, m.proto, ok2 = strings.Cut(rest, " ")
	if !ok1 || !ok2 || m.method == "" || m.target == "" {
		return bad("the first line is not METHOD TARGET HTTP/1.1")
	}
	if !httpgrammar.IsToken(m.method) {
		return bad("the method is none")
	}
	for i := range len(m.target) {
		if b := m.target[i]; b <= ' ' || b >= 0x7f || b == '#' {
			return bad("the target has a character that does not belong there")
		}
	}
	switch {
	case m.proto == "HTTP/1.1":
	case m.proto == "HTTP/1.0":
		m.old = true
	case len(m.proto) == 8 && m.proto[:5] == "HTTP/" && isDigit(m.proto[5]) && m.proto[6] == '.' && isDigit(m.proto[7]):
		return &refusal{http.StatusHTTPVersionNotSupported, "only HTTP/1.1 is spoken here"}
	default:
		return bad("the first line does not end with HTTP/1.1")
	}
	return m.parseTarget()
}

// parseTarget parses the target in one of the four forms that there are (RFC 9112, section 3.2).
func (m *message) parseTarget() (err error) {
	odd := bad("the target is none")
	switch {
	case m.method == http.MethodConnect:
		m.url, err = url.ParseRequestURI("http://" + m.target)
		if err != nil || m.url.Host != m.target || m.url.Port() == "" {
			return odd
		}
		m.url.Scheme = ""
	case m.target[0] == '/':
		m.url, err = url.ParseRequestURI(m.target)
	case m.target == "*" && m.method == http.MethodOptions:
		m.url = &url.URL{Path: "*"}
	default:
		m.url, err = url.ParseRequestURI(m.target)
		if err != nil || m.url.Scheme != "http" && m.url.Scheme != "https" || m.url.Host == "" || m.url.User != nil {
			return odd
		}
	}
	if err != nil {
		return odd
	}
	return nil
}
