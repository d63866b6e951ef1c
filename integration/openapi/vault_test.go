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

	"tacit/internal/agent"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

var owner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket", UID: 1000, PID: 77}

// serve makes a vault and runs an agent that has it open. What it returns sends requests there, whatever the host.
func serve(t *testing.T) http.RoundTripper {
	t.Helper()
	const phrase = "correct horse battery"
	dir, err := os.MkdirTemp("", "tacit") // a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l := paths.New(func(k string) string { return map[string]string{"TACIT_DIR": filepath.Join(dir, "tacit")}[k] }, "/nowhere")
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
	provide(t, k)
	// The agent finds no key by itself: it is handed one, as tacit unlock does.
	ready, ended := make(chan struct{}), make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		ended <- agent.Run(ctx, agent.Options{
			Layout: l, Principal: owner.Principal, Version: "test", Now: time.Now, Ready: func() { close(ready) },
			SystemBus: "unix:path=" + filepath.Join(dir, "no-bus"),
			Keeper: func(baseURL func() string) *keeper.Keeper {
				return keeper.New(keeper.Options{
					Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit agent"}), Random: rand.Reader, Now: time.Now, Version: "test", Lazy: true, BaseURL: baseURL,
				})
			},
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
	<-ready
	c := agent.Connect(l.Socket, "test", "")
	t.Cleanup(func() { _ = c.Close() })
	if err := k.HandOver(t.Context(), func(key []byte, slot string) error {
		return c.Unlock(t.Context(), os.Getpid(), key, slot, time.Hour, time.Hour)
	}); err != nil {
		t.Fatal(err)
	}
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Socket)
	}}
}
