package demo_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tacit/internal/broker"
	"tacit/internal/demo"
	"tacit/internal/fault"
	"tacit/internal/policy"
)

// Both services answer the examples of their own files.
func TestServiceFiles(t *testing.T) {
	t.Parallel()
	u := start(t, demo.Options{})
	for _, api := range []string{"openai", "anthropic"} {
		a := withKey(t, service(t, u, api))
		for i := range a.service.Capabilities {
			c := &a.service.Capabilities[i]
			if c.ID == "demo-openai/endless" {
				continue
			}
			o := a.do(t, example(c.Example))
			switch {
			case c.ID == "demo-openai/redirect" && o.status == http.StatusTemporaryRedirect:
			case c.ID == "demo-openai/status" && o.status == http.StatusNotFound:
			case o.status != http.StatusOK:
				t.Errorf("%s: %d %s", c.ID, o.status, o.body)
			}
			noForm(t, o, key)
		}
	}
	if _, err := u.ServiceFile("acme"); !errors.Is(err, fault.Usage) {
		t.Errorf("a file for an unknown API: %v", err)
	}
}

// I28: whatever way the upstream gives the key away, the caller does not get it.
func TestI28NoLeakReachesTheCaller(t *testing.T) {
	t.Parallel()
	u := start(t, demo.Options{})
	a := withKey(t, service(t, u, "openai"))
	var all struct{ Forms []string }
	if err := json.Unmarshal(a.do(t, broker.Request{Method: "GET", Path: "/demo/leak"}).body, &all); err != nil || len(all.Forms) < 15 {
		t.Fatalf("%v %v", all.Forms, err)
	}
	// The same over HTTP/2, which Start does not speak, but services do.
	newer := httptest.NewUnstartedServer(demo.NewHandler("", time.Now))
	newer.EnableHTTP2 = true
	newer.StartTLS()
	t.Cleanup(newer.Close)
	at := []place{{u.Address(), u.Authority()}, {newer.Listener.Addr().String(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newer.Certificate().Raw}))}}
	over := service(t, u, "openai")
	over.Hosts, over.Network.CAPEM = []string{at[1].address}, at[1].authority
	for i, a := range []*account{a, withKey(t, over)} {
		version := i + 1
		for _, form := range all.Forms {
			// It is no test of the broker if the upstream does not leak.
			if direct := fetch(t, at[i], "/demo/leak/"+form, version); !leaks(direct) {
				t.Errorf("%s: the upstream gives nothing away: %s", form, direct)
			}
			o := a.do(t, broker.Request{Method: "GET", Path: "/demo/leak/" + form})
			noForm(t, o, key)
			// What is dropped whole is not counted: cookies, fields that authenticate, trailers and hints.
			if dropped := form == "cookie" || form == "trailer" || form == "early-hints"; o.redactions == 0 && !dropped {
				t.Errorf("%s, HTTP/%d: nothing was counted as hidden: %d %v %s", form, version, o.status, o.header, o.body)
			}
		}
	}
}

// leaks reports whether an answer holds the key in one of the ways that the upstream has.
func leaks(raw string) bool {
	for _, form := range []string{
		key, `demo-Key/7+q\"te&=0123456789~abc`, "demo-Key%2F7%2Bq%22te%26%3D0123456789~abc", "demo-Key%2F7+q%22te&=0123456789~abc",
		hex.EncodeToString([]byte(key)), "ZGVtby1LZXkvNytxInRlJj0wMTIzNDU2Nzg5fmFiYw==", "eGRlbW8tS2V5Lzcr", "eHlkZW1vLUtleS83",
	} {
		if strings.Contains(raw, form) {
			return true
		}
	}
	return false
}

// fetch asks the upstream directly, and returns the whole answer: header, decoded body, trailer, and hints that came before.
func fetch(t *testing.T, at place, path string, version int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+at.address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	return roundTrip(t, at, r, version)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	open, only := start(t, demo.Options{}), start(t, demo.Options{Key: "the-right-one"})
	for _, test := range []struct {
		name, field, value string
		open, only         int
	}{
		{"none", "", "", 401, 401},
		{"empty", "Authorization", "Bearer ", 401, 401},
		{"another scheme", "Authorization", "Basic dGhlLXJpZ2h0LW9uZQ==", 401, 401},
		{"any", "Authorization", "Bearer any", 200, 401},
		{"the right one", "Authorization", "Bearer the-right-one", 200, 200},
		{"as Anthropic", "X-Api-Key", "the-right-one", 200, 200},
		{"a token of tacit", "Authorization", "Bearer " + policy.TokenPrefix + "abc", 401, 401},
		{"a token that looks like a key", "X-Api-Key", "sk-" + policy.TokenPrefix + "abc", 401, 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for u, want := range map[*demo.Upstream]int{open: test.open, only: test.only} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+u.Address()+"/v1/models", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if test.field != "" {
					r.Header.Set(test.field, test.value)
				}
				if got := roundTrip(t, place{u.Address(), u.Authority()}, r, 1); !strings.Contains(got, " "+http.StatusText(want)) {
					t.Errorf("not %d: %s", want, got)
				}
			}
		})
	}
}

// A place is where an upstream is, and what it is verified with.
type place struct{ address, authority string }

// roundTrip sends a request over HTTP/1.1 or HTTP/2, trusting nothing but the upstream's authority.
func roundTrip(t *testing.T, at place, r *http.Request, version int) string {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(at.authority)) {
		t.Fatal("the authority is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: version == 2}
	defer transport.CloseIdleConnections()
	hints, r := withHints(r)
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.ProtoMajor != version {
		t.Errorf("HTTP/%d was spoken, not %d", answer.ProtoMajor, version)
	}
	body, err := io.ReadAll(inflated(t, answer))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	_, _ = all.WriteString(answer.Status + " " + http.StatusText(answer.StatusCode) + "\n" + hints.String())
	_ = answer.Header.Write(&all)
	_ = answer.Trailer.Write(&all)
	all.Write(body)
	return all.String()
}

func TestListensOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "localhost:0", "127.0.0.1", "example.com:80"} {
		u, err := demo.Start(demo.Options{Listen: address})
		if !errors.Is(err, fault.Usage) {
			t.Errorf("%s: %v", address, err)
		}
		if u != nil {
			_ = u.Close()
		}
	}
	u := start(t, demo.Options{})
	if _, err := demo.Start(demo.Options{Listen: u.Address()}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("an address that is taken: %v", err)
	}
}

// Somebody who trusts the authority for good trusts nothing but this machine, and not for long.
func TestAuthorityVouchesForThisMachineOnly(t *testing.T) {
	t.Parallel()
	u := start(t, demo.Options{})
	block, _ := pem.Decode([]byte(u.Authority()))
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if len(ca.PermittedDNSDomains) != 1 || len(ca.PermittedIPRanges) != 1 || !ca.PermittedDNSDomainsCritical || !ca.MaxPathLenZero {
		t.Errorf("%v %v", ca.PermittedDNSDomains, ca.PermittedIPRanges)
	}
	if time.Until(ca.NotAfter) > 8*24*time.Hour {
		t.Errorf("good until %s", ca.NotAfter)
	}
	if other := start(t, demo.Options{}); other.Authority() == u.Authority() {
		t.Error("two upstreams have one authority")
	}
}

// What is sent arrives: method, path, query, header, body.
func TestEchoAndUpload(t *testing.T) {
	t.Parallel()
	a := withKey(t, service(t, start(t, demo.Options{Key: key}), "openai"))
	o := a.do(t, broker.Request{
		Method: "PUT", Path: "/demo/echo/a%20b", Query: "x=1&y=%26", Header: http.Header{"Content-Type": {"text/plain"}},
		Body: strings.NewReader("hello"), ContentLength: 5,
	})
	var echo struct {
		Method, Path, Query, Body string
		Bytes                     int
		Headers                   http.Header
	}
	if err := json.Unmarshal(o.body, &echo); err != nil {
		t.Fatal(err)
	}
	if echo.Method != "PUT" || echo.Path != "/demo/echo/a%20b" || echo.Query != "x=1&y=%26" || echo.Body != "hello" || echo.Bytes != 5 {
		t.Errorf("%+v", echo)
	}
	if got := echo.Headers.Get("Authorization"); !strings.Contains(got, "***") {
		t.Errorf("authorization is shown as %q", got)
	}
	noForm(t, o, key)

	file := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	sum := sha256.Sum256(file)
	o = a.do(t, broker.Request{Method: "POST", Path: "/demo/upload", Body: bytes.NewReader(file), ContentLength: int64(len(file))})
	if !bytes.Contains(o.body, []byte(hex.EncodeToString(sum[:]))) {
		t.Errorf("%d %s", o.status, o.body)
	}
}
