package http1

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestI25Strict: what could be read in two ways, or in a way that the next server does not share, is refused before a handler hears of it,
// and the connection ends. CR and LF are written out here.
func TestI25Strict(t *testing.T) {
	t.Parallel()
	var heard atomic.Int64
	addr := serving(t, func(http.ResponseWriter, *http.Request) { heard.Add(1) })
	const (
		get  = "GET / HTTP/1.1\r\nHost: a\r\n"
		post = "POST / HTTP/1.1\r\nHost: a\r\n"
		end  = "\r\n"
	)
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"no method":                        {" / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a method that is no token":        {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"an empty line first":              {end + get + end, 400},
		"a TLS hello":                      {"\x16\x03\x01\x02\x00", 400},
		"HTTP/2":                           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"HTTP/1.2":                         {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
		"HTTP/0.9":                         {"GET /\r\n\r\n", 400},
		"http in small letters":            {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
		"a version with a zero":            {"GET / HTTP/1.01\r\nHost: a\r\n\r\n", 400},
		"two spaces":                       {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"two spaces later":                 {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a tab":                            {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a space at the end":               {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
		"a space in the target":            {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no target":                        {"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a fragment":                       {"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a NUL in the target":              {"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a CR in the target":               {"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"bytes in the target":              {"GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a bad escape":                     {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target that is none":            {"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"another scheme":                   {"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a user in the target":             {"GET http://u@a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a star":                           {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"CONNECT to a path":                {"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"CONNECT without a port":           {"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"CONNECT to more than a host":      {"CONNECT a:1/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"bare LF":                          {"GET / HTTP/1.1\nHost: a\n\n", 400},
		"bare LF in the first line":        {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
		"bare LF in a field":               {get + "X: 1\n\r\n", 400},
		"bare LF at the end":               {get + "\n", 400},
		"a bare CR":                        {get + "X: 1\rY: 2\r\n\r\n", 400},
		"a bare CR first":                  {get + "\rX: 1\r\n\r\n", 400},
		"a length behind a bare CR":        {post + "\rX: 1\r\nContent-Length: 5\r\n\r\nhello", 400},
		"two CRs":                          {get + "X: 1\r\r\n\r\n", 400},
		"no name":                          {get + ": 1\r\n\r\n", 400},
		"no colon":                         {get + "X\r\n\r\n", 400},
		"a space before the colon":         {get + "X : 1\r\n\r\n", 400},
		"a length with one":                {post + "Content-Length : 5\r\n\r\nhello", 400},
		"a tab before the colon":           {post + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400},
		"a space before the name":          {get + " X: 1\r\n\r\n", 400},
		"a line that goes on":              {get + "X: 1\r\n 2\r\n\r\n", 400},
		"a length that goes on":            {post + "Content-Length:\r\n 5\r\n\r\nhello", 400},
		"a length behind one that goes on": {post + "X: 1\r\n\tContent-Length: 5\r\n\r\nhello", 400},
		"a space in a name":                {get + "X Y: 1\r\n\r\n", 400},
		"a NUL in a name":                  {get + "X\x00: 1\r\n\r\n", 400},
		"bytes in a name":                  {get + "X\xff: 1\r\n\r\n", 400},
		"a NUL in a value":                 {get + "X: a\x00b\r\n\r\n", 400},
		"a DEL in a value":                 {get + "X: a\x7fb\r\n\r\n", 400},
		"a vertical tab":                   {post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400},
		"no host":                          {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":                        {get + "Host: a\r\n\r\n", 400},
		"two hosts in 1.0":                 {"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400},
		"a host with a path":               {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		"a host with a user":               {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
		"a host with a space":              {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		"the same length twice":            {post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
		"two lengths":                      {post + "Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello", 400},
		"two lengths in one":               {post + "Content-Length: 5, 5\r\n\r\nhello", 400},
		"a sign":                           {post + "Content-Length: +5\r\n\r\nhello", 400},
		"a negative one":                   {post + "Content-Length: -1\r\n\r\n", 400},
		"hexadecimal":                      {post + "Content-Length: 0x5\r\n\r\nhello", 400},
		"an underscore":                    {post + "Content-Length: 1_0\r\n\r\nhello", 400},
		"an empty length":                  {post + "Content-Length:\r\n\r\n", 400},
		"a huge one":                       {post + "Content-Length: 9223372036854775808\r\n\r\n", 400},
		"a length and chunks":              {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"chunks and a length":              {post + "transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n", 400},
		"no length and chunks":             {post + "Content-Length:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"a length and another coding":      {post + "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello", 400},
		"chunks in HTTP/1.0":               {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"identity":                         {post + "Transfer-Encoding: identity\r\n\r\n", 501},
		"xchunked":                         {post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		"gzip and chunks":                  {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"chunks twice":                     {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
		"chunks twice in one":              {post + "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
		"no coding":                        {post + "Transfer-Encoding:\r\n\r\n", 501},
		"quoted chunks":                    {post + "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
		"chunks with a parameter":          {post + "Transfer-Encoding: chunked;a=b\r\n\r\n", 501},
		"expects something else":           {post + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417},
		"a long target":                    {"GET /" + strings.Repeat("x", 9<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		"a long value":                     {get + "X: " + strings.Repeat("x", 9<<10) + "\r\n\r\n", 431},
		"a long line without an end":       {get + strings.Repeat("x", 20<<10), 431},
		"many lines":                       {get + strings.Repeat("X: 1\r\n", 200) + "\r\n", 431},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := dial(t, addr)
			if _, err := io.WriteString(k, c.text); err != nil {
				t.Fatal(err)
			}
			resp, body := k.answer("GET")
			if resp.StatusCode != c.status || !resp.Close {
				t.Errorf("%s, want %d: %s", resp.Status, c.status, body)
			}
			k.over()
		})
	}
	t.Cleanup(func() {
		if n := heard.Load(); n > 0 {
			t.Errorf("%d requests were answered", n)
		}
	})
}

// TestI25StrictBodies: chunks that are not exactly as they should be end the request, and what follows is never taken for another one.
func TestI25StrictBodies(t *testing.T) {
	t.Parallel()
	var whole atomic.Int64
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/smuggled" {
			t.Error("a request came out of a body")
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		} else {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	for name, body := range map[string]string{
		"no size":                 "\r\n",
		"a size that is none":     "g\r\nabc\r\n0\r\n\r\n",
		"a prefix":                "0x3\r\nabc\r\n0\r\n\r\n",
		"a sign":                  "+3\r\nabc\r\n0\r\n\r\n",
		"a negative size":         "-1\r\nabc\r\n0\r\n\r\n",
		"a space before":          " 3\r\nabc\r\n0\r\n\r\n",
		"a space after":           "3 \r\nabc\r\n0\r\n\r\n",
		"an extension":            "3;a=b\r\nabc\r\n0\r\n\r\n",
		"an extension at the end": "3\r\nabc\r\n0;a\r\n\r\n",
		"bare LF after a size":    "3\nabc\r\n0\r\n\r\n",
		"bare LF in an extension": "3;\nabc\r\n0\r\n\r\n",
		"bare LF after a chunk":   "3\r\nabc\n0\r\n\r\n",
		"bare LF at the end":      "3\r\nabc\r\n0\r\n\n",
		"bare LF after the last":  "3\r\nabc\r\n0\n\r\n",
		"a bare CR in a size":     "3\r3\r\nabc\r\n0\r\n\r\n",
		"too short":               "4\r\nabc\r\n0\r\n\r\n",
		"too long":                "2\r\nabc\r\n0\r\n\r\n",
		"a huge size":             "fffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
		"one that overflows":      "10000000000000003\r\nabc\r\n0\r\n\r\n",
		"zeros without end":       strings.Repeat("0", 100) + "3\r\nabc\r\n0\r\n\r\n",
		"a trailer without name":  "0\r\n: 1\r\n\r\n",
		"a trailer that goes on":  "0\r\nX: 1\r\n 2\r\n\r\n",
		"a request as a trailer":  "0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
		"a huge trailer":          "0\r\nX: " + strings.Repeat("x", 8<<10) + "\r\n\r\n",
		"many trailers":           "0\r\n" + strings.Repeat("X: 1\r\n", 2<<10) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := dial(t, addr)
			_, _ = io.WriteString(k, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+body+"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
			if resp, _ := k.answer("POST"); resp.StatusCode != http.StatusBadRequest || !resp.Close {
				t.Errorf("%s", resp.Status)
			}
			k.over()
		})
	}
	t.Cleanup(func() {
		if n := whole.Load(); n > 0 {
			t.Errorf("%d bodies were taken for whole", n)
		}
	})
}

// TestForms: what is odd but right is understood, wherever it is cut into packets.
func TestForms(t *testing.T) {
	t.Parallel()
	addr := serving(t, echo)
	for name, c := range map[string]struct{ text, want string }{
		"plain":            {"GET /a?b=c HTTP/1.1\nHost: h\n\n", `GET /a?b=c h ""`},
		"no host to speak": {"GET / HTTP/1.1\nHost:\n\n", `GET /  ""`},
		"absolute":         {"GET http://other:1/x HTTP/1.1\nHost: h\n\n", `GET http://other:1/x other:1 ""`},
		"a star":           {"OPTIONS * HTTP/1.1\nHost: h\n\n", `OPTIONS * h ""`},
		"CONNECT":          {"CONNECT a:1 HTTP/1.1\nHost: h\n\n", `CONNECT a:1 a:1 ""`},
		"two slashes":      {"GET //evil.example/ HTTP/1.1\nHost: h\n\n", `GET //evil.example/ h ""`},
		"a length":         {"PUT / HTTP/1.1\nHost: h\ncontent-length:\t 5 \t\n\nhello", `PUT / h "hello"`},
		"no length":        {"PUT / HTTP/1.1\nHost: h\nContent-Length: 0\n\n", `PUT / h ""`},
		"chunks":           {"PUT / HTTP/1.1\nHost: h\nTransfer-Encoding: Chunked\n\n3\nhel\n00002\nlo\n0\n\n", `PUT / h "hello"`},
		"a trailer":        {"PUT / HTTP/1.1\nHost: h\nTrailer: X\nTransfer-Encoding: chunked\n\nA\n0123456789\n0\nX: 1\n\n", `PUT / h "0123456789"`},
		"a large head":     {"GET / HTTP/1.1\nHost: h\nX: " + strings.Repeat("x", 7<<10) + "\n\n", `GET / h ""`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, piece := range []int{1, 2, 3, 7, 4096, 1 << 20} {
				k := dial(t, addr)
				_ = k.Conn.(*net.TCPConn).SetNoDelay(true)
				for range 3 {
					text := strings.ReplaceAll(c.text, "\n", "\r\n")
					for part := range slices.Chunk([]byte(text), piece) {
						if _, err := k.Write(part); err != nil {
							t.Fatal(err)
						}
					}
					if _, got := k.answer("GET"); got != c.want {
						t.Errorf("in pieces of %d: %s", piece, got)
					}
				}
			}
		})
	}
}

// TestPipelined: requests that do not wait are answered one after the other, whatever ends the one before.
func TestPipelined(t *testing.T) {
	t.Parallel()
	addr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(2 * patience) // somebody looks meanwhile, and reads ahead
		}
		if r.URL.Path != "/unread" {
			echo(w, r)
		}
	})
	var text strings.Builder
	var want []string
	for range 50 {
		text.WriteString("GET /1 HTTP/1.1\nHost: h\n\nPOST /2 HTTP/1.1\nHost: h\nContent-Length: 29\n\nGET /no HTTP/1.1\r\nHost: h\r\n\r\n" +
			"POST /3 HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n" +
			"POST /unread HTTP/1.1\nHost: h\nContent-Length: 5\n\nhelloPOST /unread HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\nX: 1\n\n")
		want = append(want, `GET /1 h ""`, `POST /2 h "GET /no HTTP/1.1\r\nHost: h\r\n\r\n"`, `POST /3 h "abc"`, "", "")
	}
	said := strings.ReplaceAll(strings.ReplaceAll(text.String(), "\r\n", "\n"), "\n", "\r\n")
	for _, first := range []string{"", "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"} {
		k := dial(t, addr)
		go func() { _, _ = io.WriteString(k, first+said) }()
		if first != "" {
			k.answer("GET")
		}
		for i, w := range want {
			if _, got := k.answer("GET"); got != w {
				t.Fatalf("answer %d: %s, want %s", i, got, w)
			}
		}
	}
}
