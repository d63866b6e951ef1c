package server_test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tacit/internal/policy"
)

// echoed answers with all that arrived.
func echoed(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %s %q", r.Method, r.URL.Path, r.URL.RawQuery, r.Host, body)
	for name, values := range r.Header {
		fmt.Fprintf(w, "\n%s: %s", name, values)
	}
}

// TestI32Door: what base-URL mode refuses, without the upstream hearing of it.
func TestI32Door(t *testing.T) {
	t.Parallel()
	b := newBase(t, echoed)
	basic := func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(s, "TOKEN", b.token)))
	}
	const auth = "Authorization: Bearer TOKEN\n"
	other, _ := b.mint()
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"another host":                        {"GET /svc/demo/v1/x HTTP/1.1\nHost: evil.example\n" + auth + "\n", 421},
		"another host with the port":          {"GET /svc/demo/v1/x HTTP/1.1\nHost: evil.example:" + b.addr[strings.LastIndexByte(b.addr, ':')+1:] + "\n" + auth + "\n", 421},
		"the address without its port":        {"GET /svc/demo/v1/x HTTP/1.1\nHost: 127.0.0.1\n" + auth + "\n", 421},
		"the upstream's host":                 {"GET /svc/demo/v1/x HTTP/1.1\nHost: api.openai.com\n" + auth + "\n", 421},
		"no host":                             {"GET /svc/demo/v1/x HTTP/1.1\n" + auth + "\n", 400},
		"no host, in HTTP/1.0":                {"GET /svc/demo/v1/x HTTP/1.0\n" + auth + "\n", 421},
		"two hosts":                           {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nHost: HOST\n" + auth + "\n", 400},
		"an origin":                           {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nOrigin: http://HOST\n" + auth + "\n", 403},
		"a null origin":                       {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nOrigin: null\n" + auth + "\n", 403},
		"an empty origin":                     {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\norigin:\n" + auth + "\n", 403},
		"from a page":                         {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nSec-Fetch-Site: same-origin\n" + auth + "\n", 403},
		"from another page":                   {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nsec-fetch-site: cross-site\n" + auth + "\n", 403},
		"from both":                           {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nSec-Fetch-Site: none\nSec-Fetch-Site: cross-site\n" + auth + "\n", 403},
		"OPTIONS":                             {"OPTIONS /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 405},
		"OPTIONS *":                           {"OPTIONS * HTTP/1.1\nHost: HOST\n" + auth + "\n", 405},
		"CONNECT":                             {"CONNECT api.openai.com:443 HTTP/1.1\nHost: HOST\n" + auth + "\n", 405},
		"an absolute target":                  {"GET http://HOST/svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"another absolute target":             {"GET http://evil.example/svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"a target without a scheme":           {"GET //evil.example/svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 404},
		"another path":                        {"GET /api/v1/status HTTP/1.1\nHost: HOST\n" + auth + "\n", 404},
		"no token":                            {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n\n", 401},
		"an unknown token":                    {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer " + policy.TokenPrefix + strings.Repeat("a", 59) + "\n\n", 401},
		"a key that is none of ours":          {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer sk-abc\n\n", 401},
		"the token in another header":         {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nX-Api-Key: TOKEN\n\n", 400},
		"in a header of any name":             {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nX-Trace: TOKEN\n\n", 400},
		"also in a header of any name":        {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "X-Trace: TOKEN\n\n", 400},
		"also in the name of one":             {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "X-TOKEN: 1\n\n", 400},
		"also in the query":                   {"GET /svc/demo/v1/x?a=TOKEN HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"also in the query, with an escape":   {"GET /svc/demo/v1/x?a=%74" + b.token[1:] + " HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"also in the query, escaped twice":    {"GET /svc/demo/v1/x?a=%2574" + b.token[1:] + " HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"also in the path":                    {"GET /svc/demo/v1/TOKEN HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"also in the path, with an escape":    {"GET /svc/demo/v1/%74" + b.token[1:] + " HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"also in Basic":                       {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "X-Other: Basic " + basic("u:TOKEN") + "\n\n", 400},
		"a key of the caller's own, too":      {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "X-Api-Key: sk-abc\n\n", 400},
		"a cookie, too":                       {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "Cookie: a=b\n\n", 400},
		"two of the header":                   {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "Authorization: Bearer sk-abc\n\n", 400},
		"two tokens":                          {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\n" + auth + "X-Api-Key: " + other + "\n\n", 400},
		"two tokens in one value":             {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN " + other + "\n\n", 400},
		"in the query of a service of header": {"GET /svc/demo/v1/x?key=TOKEN HTTP/1.1\nHost: HOST\n\n", 400},
		"in another parameter":                {"GET /svc/asked/v1/x?token=TOKEN HTTP/1.1\nHost: HOST\n\n", 400},
		"in the parameter twice":              {"GET /svc/asked/v1/x?key=TOKEN&key=mine HTTP/1.1\nHost: HOST\n\n", 403},
		"in a header of a service of query":   {"GET /svc/asked/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 400},
		"in the path of a service of header":  {"GET /svc/demo/botTOKEN/v1/x HTTP/1.1\nHost: HOST\n\n", 400},
		"later in the path":                   {"GET /svc/path/v1/botTOKEN/x HTTP/1.1\nHost: HOST\n\n", 401},
		"an upgrade":                          {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nConnection: Upgrade\nUpgrade: websocket\n" + auth + "\n", 400},
		"h2c":                                 {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n" + auth + "\n", 400},
		"two lengths":                         {"POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nContent-Length: 5\nContent-Length: 6\n" + auth + "\nhello", 400},
		"a length and chunks":                 {"POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nContent-Length: 5\nTransfer-Encoding: chunked\n" + auth + "\n3\nabc\n0\n\n", 400},
		"chunks and a length":                 {"POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\ncONTENT-lENGTH: 5\n" + auth + "\n3\nabc\n0\n\n", 400},
		"an odd TE":                           {"POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nTransfer-Encoding: xchunked\n" + auth + "\n0\n\n", 501},
		"up and elsewhere":                    {"GET /svc/demo/v1/../admin HTTP/1.1\nHost: HOST\n" + auth + "\n", 403},
		"up into another service":             {"GET /svc/demo/../asked/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 403},
		"an encoded slash":                    {"GET /svc/demo/v1%2fx HTTP/1.1\nHost: HOST\n" + auth + "\n", 403},
		"a service that is not there":         {"GET /svc/nosuch/v1/x HTTP/1.1\nHost: HOST\n" + auth + "\n", 403},
		"no service":                          {"GET /svc/ HTTP/1.1\nHost: HOST\n" + auth + "\n", 403},
		"another url by a header":             {"GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nX-Original-URL: /v2\n" + auth + "\n", 403},
		"another method by a header":          {"POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nX-HTTP-Method-Override: DELETE\nContent-Length: 0\n" + auth + "\n", 403},
	} {
		before := b.seen.Load()
		resp, err := b.raw(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if resp.status != c.status {
			t.Errorf("%s: %d, want %d: %s", name, resp.status, c.status, resp.body)
		}
		if n := b.seen.Load() - before; n != 0 {
			t.Errorf("%s: %d requests were sent", name, n)
		}
		if strings.Contains(resp.body, b.token) || strings.Contains(resp.body, proxiedKey) {
			t.Errorf("%s: the answer shows it: %s", name, resp.body)
		}
		for header := range resp.header {
			if strings.HasPrefix(header, "Access-Control-") {
				t.Errorf("%s: the answer has %s", name, header)
			}
		}
	}
}

// TestI32Body: the token in a body, however it is cut into pieces, does not reach the service whole, and the caller is told.
func TestI32Body(t *testing.T) {
	t.Parallel()
	got := make(chan string, 100)
	b := newBase(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got <- fmt.Sprint(string(body), err)
	})
	chunks := func(all ...string) string {
		var out strings.Builder
		for _, c := range all {
			fmt.Fprintf(&out, "%x\n%s\n", len(c), c)
		}
		return out.String() + "0\n\n"
	}
	var each []string
	for _, c := range b.token {
		each = append(each, string(c))
	}
	long := strings.Repeat("x", 300_000)
	const head = "POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n"
	for name, text := range map[string]string{
		"whole":             head + fmt.Sprintf("Content-Length: %d\n\nabTOKENcd", len(b.token)+4),
		"in a long one":     head + fmt.Sprintf("Content-Length: %d\n\n%sTOKEN", len(b.token)+len(long), long),
		"in two chunks":     head + "Transfer-Encoding: chunked\n\n" + chunks(b.token[:8], b.token[8:]),
		"a byte at a time":  head + "Transfer-Encoding: chunked\n\n" + chunks(each...),
		"between two reads": head + "Transfer-Encoding: chunked\n\n" + chunks(long, b.token[:8], b.token[8:]+long),
	} {
		resp, err := b.raw(text)
		if err != nil || resp.status < 400 || strings.Contains(resp.body, b.token) {
			t.Errorf("%s: %+v, %v", name, resp, err)
		}
	}
	for range b.seen.Load() {
		if s := <-got; strings.Contains(s, b.token) {
			t.Errorf("it reached the service: %.100q", s)
		}
	}
}

// TestI32NotCopied: what a request says about its own framing, about other hosts and about who forwarded it is not passed on: what is sent
// is written anew. With both a length and chunks the chunks count, and what follows them is no second request of somebody else.
func TestI32NotCopied(t *testing.T) {
	t.Parallel()
	b := newBase(t, echoed)
	resp, err := b.raw("POST /svc/demo/v1/x HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\nX-Forwarded-Host: evil.example\nForwarded: host=evil.example\n" +
		"Connection: close\nTE: trailers\nKeep-Alive: 5\nAuthorization: Bearer TOKEN\n\n3\nabc\n0\n\nGET /svc/demo/v1/second HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n\n")
	if err != nil || resp.status != http.StatusOK {
		t.Fatalf("%+v, %v", resp, err)
	}
	for _, bad := range []string{"evil", "Te:", "Keep-Alive", "Connection"} {
		if strings.Contains(resp.body, bad) {
			t.Errorf("%s was passed on: %s", bad, resp.body)
		}
	}
	if !strings.Contains(resp.body, `"abc"`) || b.seen.Load() != 1 {
		t.Errorf("%d requests: %s", b.seen.Load(), resp.body)
	}
}

// TestI32Places: the token in the place of the service's own key is the key; whatever case the header has. The upstream gets the key and
// never the token, and the caller neither.
func TestI32Places(t *testing.T) {
	t.Parallel()
	b := newBase(t, func(w http.ResponseWriter, r *http.Request) {
		got := r.Header.Get("Authorization") + r.URL.String()
		if !strings.Contains(got, proxiedKey) && !strings.Contains(got, "demo-Key%2F7%2Bq%26te%3D") {
			w.Header().Set("X-Missing", "the key")
		}
		if strings.Contains(fmt.Sprint(r.Header, r.URL), policy.TokenPrefix) {
			w.Header().Set("X-Leak", "the token")
		}
		echoed(w, r)
	})
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + b.token))
	for name, text := range map[string]string{
		"bearer":         "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n\n",
		"another case":   "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\naUTHORIZATION: bearer TOKEN\n\n",
		"with a form":    "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer sk-TOKEN\n\n",
		"bare":           "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: TOKEN\n\n",
		"basic":          "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Basic " + basic + "\n\n",
		"localhost":      "GET /svc/demo/v1/x HTTP/1.1\nHost: LocalHost:" + b.addr[strings.LastIndexByte(b.addr, ':')+1:] + "\nAuthorization: Bearer TOKEN\n\n",
		"typed in a bar": "GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nSec-Fetch-Site: none\nAuthorization: Bearer TOKEN\n\n",
		"query":          "GET /svc/asked/v1/x?a=b&key=TOKEN&c=d HTTP/1.1\nHost: HOST\n\n",
		"path":           "GET /svc/path/botTOKEN/v1/x HTTP/1.1\nHost: HOST\n\n",
	} {
		resp, err := b.raw(text)
		if err != nil || resp.status != 200 || resp.header.Get("X-Missing")+resp.header.Get("X-Leak") != "" {
			t.Errorf("%s: %+v, %v", name, resp, err)
			continue
		}
		if strings.Contains(resp.body, proxiedKey) || strings.Contains(resp.body, b.token) {
			t.Errorf("%s: the answer shows it: %s", name, resp.body)
		}
	}
}

// TestI18KeepAlive: a connection that is open is worth nothing once its token is revoked.
func TestI18KeepAlive(t *testing.T) {
	t.Parallel()
	b := newBase(t, echoed)
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for i, want := range []int{200, 200, 401, 401} {
		if i == 2 {
			if _, err := b.k.TokenRevoke(t.Context(), vaultOwner, b.id); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = io.WriteString(c, b.fill("GET /svc/demo/v1/x HTTP/1.1\nHost: HOST\nAuthorization: Bearer TOKEN\n\n"))
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("request %d: %s", i, resp.Status)
		}
	}
}

// TestI18ProxyStream: a stream that is open ends, and not as if it were whole, once its token is revoked.
func TestI18ProxyStream(t *testing.T) {
	t.Parallel()
	b := newBase(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; http.NewResponseController(w).Flush() == nil; i++ {
			fmt.Fprintf(w, "data: %d\n\n", i)
			select {
			case <-r.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	resp, err := b.client().Do(b.request("GET", "demo/v1/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.k.TokenRevoke(t.Context(), vaultOwner, b.id); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = io.Copy(io.Discard, resp.Body)
	if took := time.Since(began); !errors.Is(err, io.ErrUnexpectedEOF) || took > time.Second {
		t.Errorf("it ended after %v with %v", took, err)
	}
}
