package remote_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/remote"
	"tacit/internal/secret"
	"tacit/internal/server"
)

const passphrase = "correct horse battery"

var (
	near = keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket", UID: 1000, PID: 77}
	far  = keeper.Caller{} // who asks is the server's to say
)

// home is a directory with a vault in it.
type home struct {
	t   testing.TB
	dir string
	now time.Time
}

func newHome(t testing.TB) *home {
	t.Helper()
	h := &home{t: t, dir: filepath.Join(t.TempDir(), "tacit"), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	k := h.open()
	if _, err := k.Init(context.Background(), near, []keeper.NewSlot{{Kind: "passphrase", Passphrase: val(passphrase)}}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) layout() paths.Layout {
	return paths.New(func(k string) string { return map[string]string{"TACIT_DIR": h.dir}[k] }, "/nowhere")
}

// open returns a keeper as a new process would have it.
func (h *home) open() *keeper.Keeper { return h.openWith(passphrase) }

func (h *home) openWith(phrase string) *keeper.Keeper {
	h.t.Helper()
	l := h.layout()
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit test"}), Random: rand.Reader, Version: "test",
		Now: func() time.Time { return h.now },
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": phrase}[k] },
			Random: rand.Reader, Now: func() time.Time { return h.now }, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, bolt.Options{}, fill)
		},
	})
	h.t.Cleanup(func() { _ = k.Close() })
	return k
}

func val(s string) secret.Value { return secret.New([]byte(s)) }

// serve answers on a socket for api, as caller says, until the test ends. What it returns is the socket's path.
func serve(t testing.TB, api keeper.API, caller func(*http.Request) (keeper.Caller, error)) string {
	t.Helper()
	if caller == nil {
		caller = func(*http.Request) (keeper.Caller, error) { return near, nil }
	}
	path := filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	h := &http1.Server{Handler: server.New(server.Options{API: api, Caller: caller, Version: "test"})}
	server.Configure(h, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Serve(server.Limit(l, 64))
	}()
	t.Cleanup(func() {
		_ = h.Close()
		<-done
	})
	return path
}

// dial returns a client of the socket.
func dial(t testing.TB, path string) *remote.Client {
	t.Helper()
	c := remote.New(remote.Options{Version: "test", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// refused is a caller that nobody knows.
func refused(*http.Request) (keeper.Caller, error) {
	return keeper.Caller{}, fault.Unproven("the token is not valid")
}

// socketDir is like t.TempDir, but shorter: a socket's path has 108 bytes.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tacit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func cannedRead(context.Context) (keeper.Read, error) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return keeper.Read{
		Secret: client.Secret{
			ID: "s_01JD9Q2W5T6Y7U8I9O0P1A2S3D", Name: "db/password", Provider: "local", Scope: "global", Version: 1, Versions: 1, State: "active", Exposure: "readable",
			Tags: []string{}, Aliases: []string{}, Groups: []string{}, CreatedAt: at, UpdatedAt: at,
		},
		Version: 1, Value: val("the value of the secret"),
	}, nil
}
