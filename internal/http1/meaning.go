package http1

import (
	"net/http"
	"strings"

	"tacit/internal/httpgrammar"
)

// meaning takes out of the header what is about the message itself, and refuses what contradicts itself.
func (m *message) meaning() error {
	hosts := m.header["Host"]
	if len(hosts) > 1 || len(hosts) == 0 && !m.old {
		return bad("it must say the host once")
	}
	if len(hosts) == 1 {
		m.host = hosts[0]
		delete(m.header, "Host")
	}
	for i := range len(m.host) {
		if !isHost(m.host[i]) {
			return bad("the host is none")
		}
	}
	if m.url.Host != "" {
		m.host = m.url.Host // RFC 9112, section 3.2.2
	}
	if err := m.framing(); err != nil {
		return err
	}
	if expect := m.header["Expect"]; expect != nil {
		if len(expect) > 1 || !strings.EqualFold(expect[0], "100-continue") {
			return &refusal{http.StatusExpectationFailed, "nothing can be expected but 100-continue"}
		}
		m.expect = !m.old
	}
	delete(m.header, "Trailer") // those that come are dropped
	m.closes = m.old || httpgrammar.ListHas(m.header["Connection"], "close")
	return nil
}

// framing says how long the body is. Both ways of saying it, or one of them twice, would let two readers read two different requests
// (RFC 9112, sections 6.1 and 6.3; I25).
func (m *message) framing() error {
	lengths, codings := m.header["Content-Length"], m.header["Transfer-Encoding"]
	switch {
	case len(lengths) > 0 && len(codings) > 0:
		return bad("it has a length and comes in chunks")
	case len(codings) > 0:
		if m.old {
			return bad("there are no chunks in HTTP/1.0")
		}
		if len(codings) > 1 || !strings.EqualFold(codings[0], "chunked") {
			return &refusal{http.StatusNotImplemented, "no coding is understood but chunked"}
		}
		delete(m.header, "Transfer-Encoding")
		m.length = -1
	case len(lengths) > 0:
		n, ok := parseLength(lengths[0])
		if len(lengths) > 1 || !ok {
			return bad("the length is none")
		}
		m.length = n
	}
	return nil
}

// parseLength parses the value of Content-Length: digits, few enough that nothing overflows.
func parseLength(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = 10*n + int64(s[i]-'0')
	}
	return n, true
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// isHost reports whether b may be in the value of Host (RFC 3986, section 3.2.2).
func isHost(b byte) bool {
	return isLetter(b) || isDigit(b) || b == '.' || b == ':' || b == '-' || b != 0 && strings.IndexByte("_[]!$%&'()*+,;=~", b) >= 0
}
