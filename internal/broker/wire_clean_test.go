package broker

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/mask"
)

// TestI28EveryForm echoes every form of the secret, in the body, in a header, in the name of a header and where a redirect points to,
// in answers of any length, with both versions of HTTP.
func TestI28EveryForm(t *testing.T) {
	t.Parallel()
	var forms [][]byte
	for _, v := range []string{headerSecret, "Bearer " + headerSecret} {
		forms = append(forms, mask.Forms([]byte(v), minMasked)...)
	}
	for _, http2 := range []bool{false, true} {
		u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var n, padding int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d/%d", &n, &padding)
			form := string(forms[n])
			w.Header().Set("X-Echo", "a"+form+"b")
			w.Header()["Location"] = []string{"https://evil.example/?k=" + form + "&x"}
			if validToken(form) {
				w.Header()["X-"+form] = []string{"1"}
			}
			w.WriteHeader(http.StatusFound)
			c := http.NewResponseController(w)
			_, _ = io.WriteString(w, strings.Repeat("x", padding))
			for i := range form { // a chunk, or a frame, for each byte
				_, _ = io.WriteString(w, form[i:i+1])
				_ = c.Flush()
			}
		}))
		b := newTestBroker(t, Options{HTTP2: http2})
		use := u.use(t, b, headerSecret, "")
		for n := range forms {
			for _, padding := range []int{0, 1, block - 5} {
				r := *use.Request
				r.path = fmt.Sprintf("/%d/%d", n, padding)
				use.Request = &r
				got := do(t, b, use)
				if got.err != nil || got.status != http.StatusFound || len(got.body) != padding+len(mask.Replacement) {
					t.Fatalf("form %q: got %d, %d bytes, %v", forms[n], got.status, len(got.body), got.err)
				}
				noForm(t, got, headerSecret)
				if strings.Contains(strings.ToLower(string(got.text())), strings.ToLower(string(forms[n]))) {
					t.Errorf("the form %q is there in another case", forms[n])
				}
				if got.header.Get("Location") != "https://evil.example/?k=***&x" {
					t.Errorf("location is %q", got.header.Get("Location"))
				}
			}
		}
	}
}

func validToken(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == ""
}

// TestI28Codings compresses what it echoes, though it was asked not to.
func TestI28Codings(t *testing.T) {
	t.Parallel()
	compress := map[string]func(io.Writer) io.WriteCloser{
		"gzip":   func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"zlib":   func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"bare":   func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 5); return f },
		"twice":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"broken": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	}
	plain := strings.Repeat("text ", 20_000) + headerSecret + strings.Repeat(" text", 20_000)
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := strings.Trim(r.URL.Path, "/")
		coding := map[string]string{"gzip": "GZIP", "zlib": "deflate", "bare": "deflate", "twice": "x-gzip, identity", "broken": "gzip"}[kind]
		w.Header().Set("Content-Encoding", coding)
		var b bytes.Buffer
		c := compress[kind](&b)
		_, _ = io.WriteString(c, plain)
		_ = c.Close()
		if kind == "twice" { // two members are one text (RFC 1952, section 2.2)
			c := compress[kind](&b)
			_, _ = io.WriteString(c, plain)
			_ = c.Close()
		}
		if kind == "broken" {
			b.Truncate(b.Len() - 20)
		}
		_, _ = w.Write(b.Bytes())
	}))
	b := newTestBroker(t, Options{})
	want := strings.ReplaceAll(plain, headerSecret, "***")
	for kind := range compress {
		got := do(t, b, u.use(t, b, headerSecret, "/"+kind))
		noForm(t, got, headerSecret)
		switch {
		case kind == "broken":
			if !errors.Is(got.err, fault.Unavailable) {
				t.Errorf("%s: got %v", kind, got.err)
			}
		case kind == "twice" && string(got.body) != want+want, kind != "twice" && string(got.body) != want, got.err != nil:
			t.Errorf("%s: got %d bytes, %v", kind, len(got.body), got.err)
		}
		if got.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: still says that it is encoded", kind)
		}
	}
}

// TestI28UnknownCodings are refused before a byte of them is passed on.
func TestI28UnknownCodings(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Encoding"] = strings.Split(r.URL.RawQuery, "&")
		_, _ = io.WriteString(w, "whatever")
	}))
	b := newTestBroker(t, Options{})
	for _, coding := range []string{"br", "zstd", "compress", "gzip,gzip", "gzip&deflate", "gzip,br", "aes128gcm", headerSecret, "gzip;q=1"} {
		use := u.use(t, b, headerSecret, "/")
		use.Request.query = coding
		got := do(t, b, use)
		if !errors.Is(got.err, fault.Unavailable) || len(got.body) > 0 {
			t.Errorf("%s: got %q %v", coding, got.body, got.err)
		}
		noForm(t, got, headerSecret)
	}
}

// TestI28GzipBomb sends a small body that becomes a large one.
func TestI28GzipBomb(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(w, zeros{}, 64<<20)
	_ = w.Close()
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	b := newTestBroker(t, Options{})
	use := u.use(t, b, headerSecret, "/")
	use.Limits.MaxResponseBytes = 1 << 20
	got := do(t, b, use)
	if !errors.Is(got.err, fault.Failed) || len(got.body) > 1<<20 {
		t.Errorf("got %d bytes, %v", len(got.body), got.err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// raw answers every request on a connection with the same bytes, after reading it.
func raw(answer string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			secret := request.Header.Get("Authorization")
			if _, err := io.WriteString(c, strings.ReplaceAll(answer, "SECRET", secret)); err != nil {
				return
			}
			if !strings.Contains(answer, "keep") {
				return
			}
		}
	}
}

// TestI28Places echoes the secret where only a server of its own makes can: in status texts, in informational answers, in trailers, in
// extensions of chunks, in repeated headers, in answers that are not HTTP.
func TestI28Places(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"status text":         "HTTP/1.1 200 SECRET\r\nContent-Length: 2\r\n\r\nok",
		"informational":       "HTTP/1.1 103 SECRET\r\nLink: <SECRET>\r\nX: SECRET\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"continue":            "HTTP/1.1 100 SECRET\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"trailer":             "HTTP/1.1 200 OK\r\nTrailer: X-T, SECRET\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: SECRET\r\nX-U: SECRET\r\n\r\n",
		"chunk extension":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=SECRET\r\nok\r\n0;SECRET\r\n\r\n",
		"cookies":             "HTTP/1.1 200 OK\r\nSet-Cookie: a=SECRET\r\nSet-Cookie2: a=SECRET\r\nset-cookie: x=y\r\nContent-Length: 2\r\n\r\nok",
		"repeated":            "HTTP/1.1 200 OK\r\nX-A: SECRET\r\nX-A: x\r\nX-A: SECRET\r\nContent-Length: 2\r\n\r\nok",
		"named by connection": "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok",
		"authentication":      "HTTP/1.1 200 OK\r\nWWW-Authenticate: x SECRET\r\nProxy-Authenticate: SECRET\r\nAuthorization: SECRET\r\nX-Api-Key: SECRET\r\nAuthentication-Info: SECRET\r\nContent-Length: 2\r\n\r\nok",
		"origin":              "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAlt-Svc: h3=\"evil.example:443\"\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok",
		"digests":             "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nDigest: sha-256=x\r\nContent-MD5: x\r\nContent-Digest: x\r\nRepr-Digest: x\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\nok",
		"to its end":          "HTTP/1.0 200 OK\r\n\r\nok",
	} {
		u := newRawUpstream(t, raw(answer))
		b := newTestBroker(t, Options{HTTP2: true})
		got := do(t, b, u.use(t, b, headerSecret, "/"))
		noForm(t, got, headerSecret)
		if got.err != nil || got.status != 200 || string(got.body) != "ok" {
			t.Errorf("%s: got %d %q %v", name, got.status, got.body, got.err)
		}
		for header := range got.header {
			switch header {
			case "X-A", "Date", "X-U":
			default:
				t.Errorf("%s: the caller gets %s", name, header)
			}
		}
	}
}

// TestI28NotHTTP answers in ways that are not HTTP. None is an answer, and no error repeats what it says.
func TestI28NotHTTP(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing":            "",
		"text":               "SECRET",
		"no version":         "SECRET 200 OK\r\n\r\n",
		"version":            "HTTP/9.SECRET 200 OK\r\n\r\n",
		"status":             "HTTP/1.1 SECRET OK\r\n\r\n",
		"status zero":        "HTTP/1.1 000 SECRET\r\nContent-Length: 0\r\n\r\n",
		"status six":         "HTTP/1.1 600 SECRET\r\nContent-Length: 0\r\n\r\n",
		"status nine":        "HTTP/1.1 999 SECRET\r\nContent-Length: 0\r\n\r\n",
		"switching":          "HTTP/1.1 101 SECRET\r\nConnection: Upgrade\r\nUpgrade: SECRET\r\n\r\nSECRET",
		"header name":        "HTTP/1.1 200 OK\r\nX SECRET: x\r\n\r\n",
		"header":             "HTTP/1.1 200 OK\r\nSECRET\r\n\r\n",
		"no end":             "HTTP/1.1 200 OK\r\nX-A: SECRET\r\n",
		"length":             "HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n",
		"lengths":            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
		"transfer encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: SECRET\r\n\r\n",
		"folded":             "HTTP/1.1 200 OK\r\nX-A: SECRET,\r\n SECRET\r\nContent-Length: 2\r\n\r\nok",
		"two framings":       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"transfer encodings": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"endless header":     "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("x", maxHeaderBytes) + "SECRET\r\n\r\n",
		"short":              "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok",
		"short chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nok",
		"bad chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\nok",
		"many informational": strings.Repeat("HTTP/1.1 103 SECRET\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n", 1000),
	} {
		u := newRawUpstream(t, raw(answer))
		b := newTestBroker(t, Options{HTTP2: true})
		got := do(t, b, u.use(t, b, headerSecret, "/v1/x"))
		noForm(t, got, headerSecret)
		var p *Problem
		if !errors.As(got.err, &p) || p.Origin != FromUpstream || !errors.Is(got.err, fault.Unavailable) {
			t.Errorf("%s: got %d %q %v", name, got.status, got.body, got.err)
			continue
		}
		if !strings.HasPrefix(got.err.Error(), "GET acme/v1/x: ") || strings.Contains(got.err.Error(), "http") || strings.Contains(got.err.Error(), "malformed") {
			t.Errorf("%s: the error is %q", name, got.err)
		}
	}
}

// TestI28TailIsLost breaks the stream off in the middle of a secret: what was held back is not passed on.
func TestI28TailIsLost(t *testing.T) {
	t.Parallel()
	u := newRawUpstream(t, raw("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbefore "+headerSecret[:len(headerSecret)-1]))
	b := newTestBroker(t, Options{})
	got := do(t, b, u.use(t, b, headerSecret, "/"))
	if string(got.body) != "before " || got.err == nil {
		t.Errorf("got %q %v", got.body, got.err)
	}
}

// TestI28EmptyBodies keep what is said about them: there is nothing to clean.
func TestI28EmptyBodies(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"x"`)
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		if r.Method == "HEAD" {
			w.Header().Set("Content-Length", "1234")
		}
	}))
	b := newTestBroker(t, Options{})
	for _, method := range []string{"HEAD", "GET"} {
		use := u.use(t, b, headerSecret, "/")
		use.Request.method = method
		got := do(t, b, use)
		length := map[string]string{"HEAD": "1234", "GET": "0"}[method]
		if got.header.Get("Etag") != `"x"` || got.header.Get("Content-Length") != length || got.header.Get("X-Echo") != "***" || got.err != nil {
			t.Errorf("%s: got %v %v", method, got.header, got.err)
		}
	}
}

// TestI28Events passes an event on as soon as it is there, and cleans it.
func TestI28Events(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for e := range next {
			_, _ = io.WriteString(w, e)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	b := newTestBroker(t, Options{})
	go func() { next <- ": hello\n\n" }()
	r, err := b.Do(t.Context(), u.use(t, b, headerSecret, "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	buf := make([]byte, 1024)
	if n, err := io.ReadFull(r.Body, buf[:9]); err != nil {
		t.Fatal(n, err)
	}
	for range 3 {
		next <- "data: " + headerSecret + "\n\n"
		want := "data: ***\n\n"
		if n, err := io.ReadFull(r.Body, buf[:len(want)]); err != nil || string(buf[:n]) != want {
			t.Fatalf("got %q %v", buf[:n], err)
		}
	}
	close(next)
	if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q %v", rest, err)
	}
}

// TestI27Redirects returns redirects, to anywhere, and follows none.
func TestI27Redirects(t *testing.T) {
	t.Parallel()
	other := newUpstream(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://"+other.host+"/"+r.Header.Get("Authorization"))
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	}))
	b := newTestBroker(t, Options{})
	for _, status := range []int{301, 302, 303, 307, 308} {
		got := do(t, b, post(u.use(t, b, headerSecret, fmt.Sprintf("/%d", status)), strings.NewReader("x"), 1))
		if got.status != status || got.header.Get("Location") != "https://"+other.host+"/***" {
			t.Errorf("got %d %v %v", got.status, got.header, got.err)
		}
	}
}

// TestI29Silence has upstreams and callers that say nothing, or one byte at a time for ever.
func TestI29Silence(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	defer close(stop)
	for name, talk := range map[string]func(net.Conn){
		"no answer":   func(net.Conn) { <-stop },
		"half header": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-A"); <-stop },
		"no body":     func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"); <-stop },
		"half a body": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxxx"); <-stop },
	} {
		u := newRawUpstream(t, talk)
		b := newTestBroker(t, Options{})
		use := u.use(t, b, headerSecret, "/")
		use.Limits.Timeout = 100 * time.Millisecond
		began := time.Now()
		got := do(t, b, use)
		if !errors.Is(got.err, fault.Unavailable) || !strings.HasSuffix(got.err.Error(), "timed out") {
			t.Errorf("%s: got %v", name, got.err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
		if b.limits.running != 0 {
			t.Errorf("%s: still counted", name)
		}
	}

	// A caller that sends half of a body.
	u := newUpstream(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b := newTestBroker(t, Options{})
	in, out := io.Pipe()
	go func() { _, _ = io.WriteString(out, "half") }()
	use := post(u.use(t, b, headerSecret, "/"), in, 8)
	use.Limits.Timeout = 100 * time.Millisecond
	if got := do(t, b, use); got.err == nil {
		t.Errorf("got %d", got.status)
	}
	_ = out.Close()
}

// TestI28Ranges asks for a part where the secret is not on the wire, and is told which it got; elsewhere no part is asked for.
func TestI28Ranges(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("0123456789"))
	}))
	b := newTestBroker(t, Options{})
	use := u.use(t, b, headerSecret, "/")
	use.Request.header.Set("Range", "bytes=2-4")
	if got := do(t, b, use); got.status != http.StatusOK || string(got.body) != "0123456789" || got.header.Get("Accept-Ranges") != "" {
		t.Errorf("got %d %q %v", got.status, got.body, got.header)
	}
	p, err := b.prepare(u.service, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	use.Credential = p
	if got := do(t, b, use); got.status != http.StatusPartialContent || string(got.body) != "234" || got.header.Get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("got %d %q %v", got.status, got.body, got.header)
	}
}

// TestStaleConnection has an upstream that closes warm connections: a request whose body is there to be sent again is.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	u := newRawUpstream(t, func(c net.Conn) { // one answer a connection, though it does not say so
		request, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		body, _ := io.ReadAll(request.Body)
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	b := newTestBroker(t, Options{})
	for range 10 {
		use := u.use(t, b, headerSecret, "/")
		use.Request.header.Set("Idempotency-Key", "1")
		if got := do(t, b, post(use, strings.NewReader("text"), 4)); got.err != nil || string(got.body) != "text" {
			t.Fatalf("got %q %v", got.body, got.err)
		}
	}
}
