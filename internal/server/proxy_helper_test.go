package server_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
	"tacit/internal/server"
)

const proxiedKey = "demo-Key/7+q&te=0123456789~abcDEF"

var vaultOwner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "cli", UID: 1000}

// base is base-URL mode in front of a vault with services of a TLS upstream: demo has its key in a header, asked in a parameter, and path
// in the path.
type base struct {
	t     testing.TB
	k     *keeper.Keeper
	addr  string
	token string
	id    string // of the token
	seen  atomic.Int64
}

func newBase(t testing.TB, upstream http.HandlerFunc) *base {
	t.Helper()
	b := &base{t: t}
	u := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.seen.Add(1)
		upstream(w, r)
	}))
	u.Config.ErrorLog = log.New(io.Discard, "", 0)
	u.StartTLS()
	t.Cleanup(u.Close)
	b.k = newVault(t)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: u.Certificate().Raw})
	for id, auth := range map[string]string{"demo": `header: {name: authorization, value: "Bearer {{secret}}"}`, "asked": `query: {name: key, value: "{{secret}}"}`, "path": `path: {prefix: "/bot{{secret}}"}`} {
		file := fmt.Sprintf("service: %[1]s\nhosts: [%[2]q]\nsecrets: {%[3]s_KEY: secret}\nauth:\n  %[4]s\ncapabilities:\n  - {id: %[1]s/all, methods: [GET, HEAD, POST, PUT], paths: [/v1], risk: write}\nnetwork: {allow_private: true, ca_pem: %[5]q}\n",
			id, u.Listener.Addr(), strings.ToUpper(id), auth, ca)
		if _, err := b.k.ServiceAdd(t.Context(), vaultOwner, keeper.ServiceAddRequest{File: []byte(file)}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.k.Set(t.Context(), vaultOwner, keeper.SetRequest{Ref: keeper.Ref{Name: strings.ToUpper(id) + "_KEY"}, Value: secret.New([]byte(proxiedKey)), Via: "set"}); err != nil {
			t.Fatal(err)
		}
	}
	b.token, b.id = b.mint()
	b.listen()
	return b
}

func (b *base) mint() (token, id string) {
	b.t.Helper()
	made, err := b.k.TokenCreate(b.t.Context(), vaultOwner, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"use **"}})
	if err != nil {
		b.t.Fatal(err)
	}
	return made.Token, made.ID
}

func (b *base) listen() {
	b.t.Helper()
	l, err := server.ListenProxy("")
	if err != nil {
		b.t.Fatal(err)
	}
	b.addr = l.Addr().String()
	h := &http1.Server{Handler: server.NewProxy(server.ProxyOptions{API: b.k, Host: func() string { return b.addr }})}
	server.ConfigureProxy(h, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Serve(server.Limit(l, 64))
	}()
	b.t.Cleanup(func() {
		_ = h.Close()
		<-done
	})
}

func newVault(t testing.TB) *keeper.Keeper {
	t.Helper()
	const phrase = "correct horse battery"
	dir := filepath.Join(t.TempDir(), "tacit")
	l := paths.New(func(k string) string { return map[string]string{"TACIT_DIR": dir}[k] }, "/nowhere")
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit test"}), Random: rand.Reader, Version: "test", Now: time.Now, Lazy: true,
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": phrase}[k] },
			Random: rand.Reader, Now: time.Now, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, bolt.Options{}, fill)
		},
	})
	t.Cleanup(func() { _ = k.Close() })
	if _, err := k.Init(t.Context(), vaultOwner, []keeper.NewSlot{{Kind: "passphrase", Passphrase: secret.New([]byte(phrase))}}); err != nil {
		t.Fatal(err)
	}
	return k
}

// replied is an answer, read to its end.
type replied struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes and returns the answer, or the error of reading it. TOKEN and HOST stand for what they are.
func (b *base) raw(text string) (replied, error) {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, b.fill(text))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return replied{}, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return replied{resp.StatusCode, resp.Header, string(body)}, err
}

func (b *base) fill(text string) string {
	return strings.NewReplacer("\n", "\r\n", "TOKEN", b.token, "HOST", b.addr).Replace(text)
}

// request is one to a path behind /svc/, with the token in Authorization.
func (b *base) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, "http://"+b.addr+"/svc/"+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	return r
}

// client is one of its own, so that no connection outlives the test.
func (b *base) client() *http.Client {
	t := &http.Transport{}
	b.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}
