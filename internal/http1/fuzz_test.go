package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"reflect"
	"testing"
	"time"
)

// said is a connection of which the peer has said all that it will.
type said struct {
	net.Conn
	r io.Reader
}

func (s said) Read(p []byte) (int, error)     { return s.r.Read(p) }
func (said) SetReadDeadline(time.Time) error  { return nil }
func (said) SetWriteDeadline(time.Time) error { return nil }
func (said) Write(p []byte) (int, error)      { return len(p), nil }
func (said) Close() error                     { return nil }
func (s said) rest(c *conn) ([]byte, error) {
	b, err := io.ReadAll(s.r)
	return append(bytes.Clone(c.buf[c.r:c.w]), b...), err
}

func talking(r io.Reader) (*conn, said) {
	s := said{r: r}
	c := &conn{server: &Server{}, nc: s, buf: make([]byte, bufferSize)}
	c.idle.L = &c.mu
	return c, s
}

// FuzzRequest: what is a request here is the same one to net/http, with the same body, and the next one begins at the same byte; so whoever
// stands before or behind, and reads it as net/http does, reads nothing else. It may be cut anywhere.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a:1/b?c HTTP/1.1\r\nHost: b\r\nX-y-Z: \t1 \r\nx-Y-z:2\r\n\r\nGET",
		"OPTIONS * HTTP/1.0\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: x, close\r\n\r\n",
		"POST /%2f//../a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET / HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0a\r\n0123456789\r\n000\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\n\rX: 1\r\nContent-Length: 5\r\n\r\nhello",
	} {
		f.Add([]byte(text), uint8(1))
		f.Add([]byte(text), uint8(255))
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		c, s := talking(&pieces{text, int(piece) + 1})
		if c.fill() != nil {
			return
		}
		m, err := c.head()
		if err != nil {
			return
		}
		in := bufio.NewReader(bytes.NewReader(text))
		want, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		got := m.request("")
		if got.Method != want.Method || got.RequestURI != want.RequestURI || !reflect.DeepEqual(got.URL, want.URL) || got.Host != want.Host || got.Proto != want.Proto ||
			got.ProtoMinor != want.ProtoMinor || got.ContentLength != want.ContentLength || !reflect.DeepEqual(got.TransferEncoding, want.TransferEncoding) {
			t.Fatalf("%+v\n%+v", got, want)
		}
		if want.Close && !got.Close {
			t.Fatal("net/http would close the connection")
		}
		for _, name := range []string{"Trailer", "Cache-Control"} { // dropped here; made of Pragma there
			got.Header.Del(name)
			want.Header.Del(name)
		}
		if !reflect.DeepEqual(got.Header, want.Header) {
			t.Fatalf("%q\n%q", got.Header, want.Header)
		}
		var whole []byte
		if m.length != 0 {
			w := &response{conn: c, message: m, cancel: func() {}}
			w.timed.Store(true)
			b := &nibbled{&body{conn: c, response: w, remain: max(m.length, 0), chunked: m.length < 0}}
			if whole, err = io.ReadAll(b); err != nil {
				return // net/http may be content with less
			}
			c.unwatch()
			c.watch.end()
		}
		wantBody, err := io.ReadAll(want.Body)
		if err != nil || !bytes.Equal(whole, wantBody) {
			t.Fatalf("%q, net/http reads %q, %v", whole, wantBody, err)
		}
		rest, err := s.rest(c)
		wantRest, werr := io.ReadAll(in)
		if err != nil || werr != nil || !bytes.Equal(rest, wantRest) {
			t.Fatalf("%q follows, to net/http %q", rest, wantRest)
		}
	})
}

// nibbled is a body that is read a few bytes at a time.
type nibbled struct{ *body }

func (b *nibbled) Read(p []byte) (int, error) { return b.body.Read(p[:min(len(p), 3)]) }

// pieces is a text that comes in pieces.
type pieces struct {
	text []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}

// FuzzServe: whatever comes, the server ends, and what it wrote are answers.
func FuzzServe(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Add([]byte("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		var methods []string
		c, _ := talking(nil)
		c.nc = &heard{said{r: bytes.NewReader(text)}, &out}
		c.ctx = t.Context()
		c.server = &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			methods = append(methods, r.Method)
			if len(r.URL.Path) > 1 {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(w, "answer")
		})}
		c.server.init()
		c.server.conns[c] = struct{}{}
		c.serve()
		in := bufio.NewReader(&out)
		for i := 0; ; {
			r := &http.Request{}
			if i < len(methods) {
				r.Method = methods[i]
			}
			resp, err := http.ReadResponse(in, r)
			if err != nil {
				if i < len(methods) || out.Len() > 0 || in.Buffered() > 0 {
					t.Fatalf("answer %d to %q: %v", i, methods, err)
				}
				return
			}
			if _, err := io.ReadAll(resp.Body); err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode >= 200 {
				i++
			}
		}
	})
}

// heard keeps what is written.
type heard struct {
	said
	to io.Writer
}

func (h *heard) Write(p []byte) (int, error) { return h.to.Write(p) }
func (*heard) RemoteAddr() net.Addr          { return nil }
