package roundtrip

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// TestAnswers reads answers as servers send them: what they are, and whether their connection is used again.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, answer string
		status         int
		length         int64
		body           string
		again          bool
	}{
		"sized":                  {"GET", okAnswer, 200, 2, "ok", true},
		"empty":                  {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0, "", true},
		"no phrase":              {"GET", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, 2, "ok", true},
		"bare line feeds":        {"GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, 2, "ok", true},
		"the same length twice":  {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length:2\r\n\r\nok", 200, 2, "ok", true},
		"chunked":                {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", 200, -1, "ok", true},
		"trailers":               {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n", 200, -1, "ok", true},
		"to the end":             {"GET", "HTTP/1.1 200 OK\r\n\r\nok", 200, -1, "ok", false},
		"old":                    {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", 200, 2, "ok", false},
		"closes":                 {"GET", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok", 200, 2, "ok", false},
		"HEAD":                   {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", 200, 200, "", true},
		"HEAD chunked":           {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, -1, "", true},
		"204":                    {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0, "", true},
		"204 with a body":        {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 204, 0, "", false},
		"204 chunked":            {"GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204, 0, "", false},
		"304":                    {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, 0, "", true},
		"interim":                {"POST", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, 2, "ok", true},
		"switches":               {"GET", "HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n", 101, 0, "", false},
		"more than was said":     {"GET", okAnswer + "!", 200, 2, "ok", false},
		"two answers":            {"GET", okAnswer + okAnswer, 200, 2, "ok", false},
		"two, the first without": {"HEAD", okAnswer, 200, 2, "", false},
	} {
		raw := newRaw(t, func(conn net.Conn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			if _, err := io.WriteString(conn, c.answer); err != nil || name == "to the end" {
				return
			}
			answering(okAnswer)(conn, in)
		})
		tr := newTransport(t, nil, nil)
		r := raw.get(t.Context(), "/")
		r.Method = c.method
		a, body, err := fetch(tr, r)
		if err != nil || a.StatusCode != c.status || a.ContentLength != c.length || body != c.body {
			t.Errorf("%s: got %+v %q %v", name, a, body, err)
			continue
		}
		if _, body, err := fetch(tr, raw.get(t.Context(), "/")); err != nil || body != "ok" && c.again {
			t.Errorf("%s: the next request: %q %v", name, body, err)
		}
		if again := raw.connections.Load() == 1; again != c.again {
			t.Errorf("%s: on the same connection: %v", name, again)
		}
	}
}

// TestMalformedAnswers sends what could be read in two ways, or is no HTTP/1.1: each is an error, and the end of its connection.
func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, answer := range map[string]string{
		"length and chunked":     ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunked and length":     ok + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
		"chunked twice":          ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunked, chunked":       ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
		"gzip, chunked":          ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"identity":               ok + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
		"no coding":              ok + "Transfer-Encoding:\r\nContent-Length: 2\r\n\r\nok",
		"vertical tab":           ok + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n",
		"old and chunked":        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":            ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"two spellings":          ok + "Content-Length: 2\r\nContent-Length: 02\r\n\r\nok",
		"a list of lengths":      ok + "Content-Length: 2, 2\r\n\r\nok",
		"negative":               ok + "Content-Length: -2\r\n\r\nok",
		"positive":               ok + "Content-Length: +2\r\n\r\nok",
		"hexadecimal":            ok + "Content-Length: 0x2\r\n\r\nok",
		"empty length":           ok + "Content-Length:\r\n\r\nok",
		"huge":                   ok + "Content-Length: 18446744073709551618\r\n\r\nok",
		"length of HEAD":         ok + "Content-Length: x\r\n\r\n",
		"folded":                 ok + "X-A: b\r\n Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
		"folded first":           ok + " X-A: b\r\nContent-Length: 2\r\n\r\nok",
		"space before the colon": ok + "Content-Length : 2\r\n\r\nok",
		"no name":                ok + ": x\r\nContent-Length: 2\r\n\r\nok",
		"no colon":               ok + "X\r\nContent-Length: 2\r\n\r\nok",
		"carriage return":        ok + "X-A: b\rContent-Length: 3\r\nContent-Length: 2\r\n\r\nok",
		"carriage returns":       ok + "X-A: b\r\r\nContent-Length: 2\r\n\r\nok",
		"zero byte":              ok + "X-A: \x00\r\nContent-Length: 2\r\n\r\nok",
		"no number":              "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok",
		"long number":            "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
		"low number":             "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
		"two spaces":             "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok",
		"version":                "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"version 2":              "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"lower case":             "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"empty line first":       "\r\n" + okAnswer,
		"something else":         "SSH-2.0-x\r\n\r\n",
		"header cut off":         ok + "X-A: b\r\n",
		"line cut off":           ok + "X-A",
		"large header":           ok + "X-A: " + strings.Repeat("x", 64<<10) + "\r\nContent-Length: 2\r\n\r\nok",
		"many fields":            ok + strings.Repeat("X-A: b\r\n", 8<<10) + "Content-Length: 2\r\n\r\nok",
		"many interim answers":   strings.Repeat("HTTP/1.1 103 x\r\n\r\n", maxInterim) + okAnswer,
		"large interim answers":  strings.Repeat("HTTP/1.1 103 x\r\nX: "+strings.Repeat("x", 8<<10)+"\r\n\r\n", 9) + okAnswer,
		"cut off":                ok + "Content-Length: 3\r\n\r\nok",
		"chunk cut off":          ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nok",
		"no last chunk":          ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
		"no end of trailers":     ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
		"chunk too long":         ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok!\r\n0\r\n\r\n",
		"chunk of no size":       ok + "Transfer-Encoding: chunked\r\n\r\n\r\nok\r\n0\r\n\r\n",
		"chunk of bad size":      ok + "Transfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
		"chunk of negative size": ok + "Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
		"chunk of huge size":     ok + "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n",
		"bad trailer":            ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX A: b\r\n\r\n",
		"large trailer":          ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
	} {
		s := newRaw(t, func(c net.Conn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err == nil {
				_, _ = io.WriteString(c, answer)
			}
		})
		tr := newTransport(t, nil, nil)
		r := s.get(t.Context(), "/")
		if name == "length of HEAD" {
			r.Method = "HEAD"
		}
		a, body, err := fetch(tr, r)
		if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %+v %q %v", name, a, body, err)
		}
		if err != nil && strings.Contains(err.Error(), "X-A") {
			t.Errorf("%s: the error quotes the answer: %v", name, err)
		}
		if n := tr.resting(); n != 0 {
			t.Errorf("%s: %d connections are kept", name, n)
		}
	}
}

// TestParsingIsTheSameHoweverItComes gives an answer in pieces of each size.
func TestParsingIsTheSameHoweverItComes(t *testing.T) {
	t.Parallel()
	const answer = "HTTP/1.1 200 OK\r\nX-A: b\r\nX-A: c\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
	for _, in := range []io.Reader{strings.NewReader(answer), iotest.OneByteReader(strings.NewReader(answer)), iotest.HalfReader(strings.NewReader(answer)), iotest.DataErrReader(strings.NewReader(answer))} {
		got, rest, err := ours(in, "GET") //nolint:bodyclose // it has none
		if err != nil || got.StatusCode != 200 || len(got.Header["X-A"]) != 2 || rest.body != "ok" || rest.left != "" {
			t.Errorf("got %+v %+v %v", got, rest, err)
		}
	}
}
