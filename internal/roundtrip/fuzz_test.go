package roundtrip

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// read is what there was beside the header.
type read struct{ body, left string }

// ours reads one answer as a trip does.
func ours(in io.Reader, method string) (*http.Response, read, error) {
	c := &conn{br: bufio.NewReaderSize(in, bufferBytes)}
	x := &trip{t: &Transport{o: Options{MaxHeaderBytes: 64 << 10}}, c: c, r: &http.Request{Method: method, URL: &url.URL{}}}
	a, err := x.answer()
	if err != nil {
		return nil, read{}, err
	}
	answer := &http.Response{StatusCode: a.status, Status: a.text, Header: a.header, ContentLength: a.length}
	var all bytes.Buffer
	if a.ends != nothing {
		b := &body{trip: x, ends: a.ends, left: a.length}
		if a.ends == chunked {
			b.chunks = httputil.NewChunkedReader(c.br)
		}
		piece := make([]byte, 512)
		for err == nil {
			var n int
			n, err = b.read(piece)
			all.Write(piece[:n])
		}
		if err != io.EOF { //nolint:errorlint // the proper end is exactly that
			return nil, read{}, err
		}
	}
	left, err := io.ReadAll(c.br)
	return answer, read{all.String(), string(left)}, err
}

// theirs reads one answer as net/http does.
func theirs(in io.Reader, method string) (*http.Response, read, error) {
	br := bufio.NewReaderSize(in, bufferBytes)
	for {
		a, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return nil, read{}, err
		}
		if a.StatusCode < 200 && a.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(a.Body)
		if err != nil {
			return nil, read{}, err
		}
		_ = a.Body.Close()
		left, err := io.ReadAll(br)
		return a, read{string(body), string(left)}, err
	}
}

// FuzzAnswer compares with net/http: what is an answer here is the same one there, and ends in the same place.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		okAnswer, okAnswer + okAnswer, "HTTP/1.1 100 Continue\r\n\r\n" + okAnswer,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX: y\r\n\r\nrest",
		"HTTP/1.0 404 Not Found\r\n\r\nto the end", "HTTP/1.1 204 x\nA:b\n\nrest", "HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\nrest",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2\r\nPragma: no-cache\r\nConnection:\r\nTrailer: X\r\n\r\nokk",
		"HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\nrest",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		got, here, err := ours(strings.NewReader(s), method) //nolint:bodyclose // it has none
		if err != nil {
			return
		}
		want, there, err := theirs(strings.NewReader(s), method) //nolint:bodyclose // it was read and closed
		if err != nil {
			t.Fatalf("net/http: %v", err)
		}
		if want.StatusCode == http.StatusSwitchingProtocols {
			return // its connection is closed here: nothing is read of what follows
		}
		if got.StatusCode != want.StatusCode || got.Status != want.Status || here != there {
			t.Fatalf("got %q %+v, net/http has %q %+v", got.Status, here, want.Status, there)
		}
		if got.ContentLength != want.ContentLength {
			t.Fatalf("the length is %d, for net/http %d", got.ContentLength, want.ContentLength)
		}
		for _, h := range []http.Header{got.Header, want.Header} {
			// net/http takes some out and adds one. Framing is done with.
			for _, name := range []string{"Content-Length", "Trailer", "Connection", "Cache-Control"} {
				delete(h, name)
			}
		}
		if !maps.EqualFunc(got.Header, want.Header, slices.Equal[[]string]) {
			t.Fatalf("got %q, net/http has %q", got.Header, want.Header)
		}
	})
}
