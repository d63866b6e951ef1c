package demo_test

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

// withHints collects the header of answers that come before the answer.
func withHints(r *http.Request) (*strings.Builder, *http.Request) {
	var hints strings.Builder
	return &hints, r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { return http.Header(h).Write(&hints) },
	}))
}

// inflated decodes the body of an answer. Its trailer is there when all of it was read.
func inflated(t *testing.T, answer *http.Response) io.Reader {
	t.Helper()
	var r io.Reader
	var err error
	switch answer.Header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(answer.Body)
	case "deflate":
		r, err = zlib.NewReader(answer.Body)
	default:
		return answer.Body
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
