package openapi_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
	"tacit/internal/server"
)

var owner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket", UID: 1000, PID: 77}

// serve makes a vault and answers for it on a socket, as the agent does. What it returns sends requests there, whatever the host.
func serve(t *testing.T) http.RoundTripper {
	t.Helper()
	const phrase = "correct horse battery"
	l := paths.New(func(k string) string { return map[string]string{"TACIT_DIR": filepath.Join(t.TempDir(), "tacit")}[k] }, "/nowhere")
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit test"}), Random: rand.Reader, Now: time.Now, Version: "test",
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": phrase}[k] },
			Random: rand.Reader, Now: time.Now, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, bolt.Options{}, fill)
		},
	})
	t.Cleanup(func() { _ = k.Close() })
	if _, err := k.Init(t.Context(), owner, []keeper.NewSlot{{Kind: "passphrase", Passphrase: secret.New([]byte(phrase))}}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "tacit") // a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: server.New(server.Options{
		API: k, Version: "test", Caller: func(*http.Request) (keeper.Caller, error) { return owner, nil },
	})}
	server.Configure(h, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Serve(server.Limit(listener, 16))
	}()
	t.Cleanup(func() {
		_ = h.Close()
		<-done
	})
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}
