package roundtrip

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestEarlyAnswer has servers that answer before they have the body: the answer is there, and its connection is not used again unless
// the body was sent to its end.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	s := newRaw(t, func(c net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
		_, _ = in.Peek(64 << 10) // no more of it, but the connection stays
	})
	for name, change := range map[string]func(*http.Request){
		"stops":   func(r *http.Request) { in, _ := io.Pipe(); r.Body, r.ContentLength = in, -1 },
		"endless": func(r *http.Request) { r.Body, r.ContentLength = onlyReader{endless{}}, -1 },
		"large":   func(r *http.Request) { withBody(r, strings.Repeat("x", 16<<20)) },
	} {
		tr := newTransport(t, nil, nil)
		r := s.get(t.Context(), "/")
		r.Method = "POST"
		change(r)
		if a, got, err := fetch(tr, r); err != nil || a.StatusCode != 413 || got != "no" {
			t.Errorf("%s: got %q %v", name, got, err)
		}
		if n := tr.resting(); n != 0 {
			t.Errorf("%s: %d connections are kept", name, n)
		}
		_ = r.Body.Close()
	}
}

// TestStreams sends and answers piece by piece, each before the next one is there, both ways at once.
func TestStreams(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		s := newServer(t, secure, false, func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			_ = c.EnableFullDuplex()
			b := make([]byte, 64)
			for {
				n, err := r.Body.Read(b)
				if _, _ = w.Write(bytes.ToUpper(b[:n])); c.Flush() != nil || err != nil {
					return
				}
			}
		})
		tr := newTransport(t, s, nil)
		in, out := io.Pipe()
		r := request(t, "POST", s.URL, in)
		go func() { _, _ = io.WriteString(out, "first") }() // the header of the answer comes with it
		a, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 16)
		for _, want := range []string{"FIRST", "SECOND", "THIRD"} {
			if n, err := io.ReadFull(a.Body, b[:len(want)]); err != nil || string(b[:n]) != want {
				t.Fatalf("got %q %v", b[:n], err)
			}
			switch want {
			case "FIRST":
				_, _ = io.WriteString(out, "second")
			case "SECOND":
				_, _ = io.WriteString(out, "third")
			default:
				_ = out.Close()
			}
		}
		if _, err := a.Body.Read(b); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		_ = a.Body.Close()
		if n := tr.resting(); n != 1 {
			t.Errorf("%d connections are kept", n)
		}
	}
}

// TestBrokenUpload has bodies that break off: the server does not get them as if they were whole.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		want   error
	}{
		"chunked":       {io.MultiReader(strings.NewReader("text"), failing{broken}), -1, broken},
		"sized":         {io.MultiReader(strings.NewReader("text"), failing{broken}), 9, broken},
		"fails in time": {io.MultiReader(strings.NewReader("text"), failing{broken}), 4, broken},
		"short":         {strings.NewReader("text"), 9, errShorter},
		"long":          {strings.NewReader("text"), 3, errLonger},
		"no progress":   {failing{nil}, -1, io.ErrNoProgress},
	} {
		whole := make(chan bool, 1)
		s := newServer(t, false, false, func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			whole <- err == nil
		})
		tr := newTransport(t, s, nil)
		r := request(t, "POST", s.URL, onlyReader{c.body})
		r.ContentLength = c.length
		if _, _, err := fetch(tr, r); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		if <-whole && name != "fails in time" {
			t.Errorf("%s: the server has a whole body", name)
		}
		if n := tr.resting(); n != 0 {
			t.Errorf("%s: %d connections are kept", name, n)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
