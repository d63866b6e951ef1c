package agent

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/paths/pathstest"
	"tacit/internal/secret"
)

func TestMain(m *testing.M) {
	if os.Getenv("TACIT_TEST_CHILD") != "" {
		pathstest.Main(m, children)
	}
	goleak.VerifyTestMain(m)
}

var owner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "cli", UID: os.Getuid(), PID: os.Getpid()}

// home is a directory with a vault in it, whose root key and slot the test knows.
type home struct {
	t    testing.TB
	dir  string
	key  []byte
	slot string
}

func newHome(t testing.TB) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "tacit") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &home{t: t, dir: filepath.Join(dir, "tacit")}
	k := h.direct()
	if _, err := k.Init(context.Background(), owner, []keeper.NewSlot{{Kind: "passphrase", Passphrase: secret.New([]byte("correct horse"))}}); err != nil {
		t.Fatal(err)
	}
	if err := k.HandOver(context.Background(), func(key []byte, slot string) error {
		h.key, h.slot = append([]byte(nil), key...), slot
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) layout() paths.Layout {
	return paths.New(func(k string) string { return map[string]string{"TACIT_DIR": h.dir}[k] }, "/nowhere")
}

// direct is a keeper as a command without an agent has it.
func (h *home) direct() *keeper.Keeper {
	l := h.layout()
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{}), Random: rand.Reader, Version: "test", Now: time.Now,
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": "correct horse"}[k] },
			Random: rand.Reader, Now: time.Now, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, bolt.Options{}, fill)
		},
	})
	h.t.Cleanup(func() { _ = k.Close() })
	return k
}

// keyless is a keeper as the agent has it.
func (h *home) keyless(baseURL func() string) *keeper.Keeper {
	l := h.layout()
	return keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{}), Random: rand.Reader, Version: "test", Now: time.Now, Lazy: true, BaseURL: baseURL,
	})
}

// start runs an agent until the test ends, or until stop is called, and returns a client of it.
func (h *home) start(change ...func(*Options)) (c *Client, stop func()) {
	h.t.Helper()
	ready := make(chan struct{})
	o := Options{
		Layout: h.layout(), Principal: "user/ana", Keeper: h.keyless, Version: "test", Now: time.Now, Ready: func() { close(ready) },
		SystemBus: "unix:path=" + filepath.Join(h.dir, "no-bus"),
	}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		h.t.Fatalf("the agent ended at once: %v", err)
	}
	c = Connect(o.Layout.Socket, "test", "")
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the agent ended with %v", err)
		}
		_ = c.Close()
	}
	h.t.Cleanup(stop)
	return c, stop
}

// unlock hands the key over.
func (h *home) unlock(c *Client) {
	h.t.Helper()
	if err := c.Unlock(context.Background(), 0, h.key, h.slot, time.Hour, time.Hour); err != nil {
		h.t.Fatal(err)
	}
}

func set(t testing.TB, k keeper.API, name, value string) {
	t.Helper()
	if _, err := k.Set(context.Background(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: name}, Value: secret.New([]byte(value)), Via: "set"}); err != nil {
		t.Fatalf("set %s: %v", name, err)
	}
}

func get(k keeper.API, name string) (string, error) {
	r, err := k.Get(context.Background(), owner, keeper.GetRequest{Ref: keeper.Ref{Name: name}, Door: "get"})
	return string(r.Value.Reveal()), err
}

func mustGet(t testing.TB, k keeper.API, name, want string) {
	t.Helper()
	if got, err := get(k, name); err != nil || got != want {
		t.Fatalf("%s = %q, %v; want %q", name, got, err, want)
	}
}
