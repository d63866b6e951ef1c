package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/policy"
)

// file plays the user's configuration: what it says now, and what the agent read.
type file struct {
	mu       sync.Mutex
	says     map[string][]string
	broken   error
	inMemory map[string][]string
}

func (f *file) write(says map[string][]string, broken error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.says, f.broken = says, broken
}

func (f *file) reload() (Reloaded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return Reloaded{}, f.broken
	}
	f.inMemory = f.says
	return Reloaded{Changed: []string{"access_control.default_permissions"}, NeedsRestart: []string{"agent.shared_socket"}}, nil
}

func (f *file) access() (keeper.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	grants, err := policy.Defaults(f.inMemory)
	return keeper.Config{Defaults: grants}, err
}

// configured starts an agent whose configuration is f.
func (h *home) configured(f *file, signals <-chan os.Signal) (*Client, func()) {
	return h.start(func(o *Options) {
		o.Reload, o.ReloadOn = f.reload, signals
		o.Keeper = func(func() string) *keeper.Keeper {
			return keeper.New(keeper.Options{Layout: h.layout(), Engine: bolt.Open(h.layout().Vault, bolt.Options{}), Random: rand.Reader, Version: "test", Now: time.Now, Lazy: true, Config: f.access})
		}
	})
}

func (h *home) bearer(allow string) *Client {
	h.t.Helper()
	made, err := h.direct().TokenCreate(context.Background(), owner, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{allow}})
	if err != nil {
		h.t.Fatal(err)
	}
	c := Connect(h.layout().Socket, "test", made.Token)
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestReload: what the configuration says counts from the next request on, also on a connection that is open; from one that cannot be
// read nothing changes, and whoever asks is told.
func TestReload(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	f, signals := new(file), make(chan os.Signal)
	c, _ := h.configured(f, signals)
	h.unlock(c)
	set(t, c, "a", "one")
	demo := h.bearer("read nothing")
	denied := func(when string) {
		t.Helper()
		if v, err := get(demo, "a"); !errors.Is(err, fault.Denied) || v != "" {
			t.Errorf("%s: %q, %v", when, v, err)
		}
	}
	denied("before")
	f.write(map[string][]string{"agent": {"read a"}}, nil)
	denied("before the file was read")
	out, err := c.Reload(t.Context())
	if err != nil || out.ReadAt == nil || len(out.Changed) != 1 || len(out.NeedsRestart) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	mustGet(t, demo, "a", "one")

	f.write(nil, fault.New(fault.Usage, "config.yaml: line 3: nonsense"))
	if _, err := c.Reload(t.Context()); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "stays in force: config.yaml: line 3") {
		t.Errorf("broken: %v", err)
	}
	mustGet(t, demo, "a", "one")
	if r, err := c.AgentStatus(t.Context()); err != nil || r.ConfigError == nil || !strings.Contains(*r.ConfigError, "line 3") || r.ConfigReadAt == nil {
		t.Errorf("%+v, %v", r, err)
	}
	h.unlock(c) // makes another keeper
	mustGet(t, demo, "a", "one")

	f.write(map[string][]string{}, nil)
	signals <- syscall.SIGHUP
	signals <- syscall.SIGHUP // taken when the first one is done
	denied("after SIGHUP")
	if r, err := c.AgentStatus(t.Context()); err != nil || r.ConfigError != nil {
		t.Errorf("mended: %+v, %v", r, err)
	}
	if err := c.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.write(map[string][]string{"agent": {"read a"}}, nil)
	if _, err := c.Reload(t.Context()); err != nil {
		t.Errorf("while locked: %v", err)
	}
	h.unlock(c)
	mustGet(t, demo, "a", "one")
}

// TestI18ReloadEndsStreams: what the configuration takes back ends what goes on with it within a second.
func TestI18ReloadEndsStreams(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	f := &file{inMemory: map[string][]string{"agent": {"audit **"}}}
	c, _ := h.configured(f, nil)
	h.unlock(c)
	set(t, c, "a", "one")
	demo := h.bearer("read nothing")
	seen, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- demo.AuditFollow(context.Background(), owner, keeper.AuditRequest{}, func(client.AuditRecord) error {
			select {
			case seen <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	<-seen
	if _, err := c.Reload(t.Context()); err != nil { // takes it back
		t.Fatal(err)
	}
	began := time.Now()
	if err := <-ended; !errors.Is(err, fault.Denied) || time.Since(began) > time.Second {
		t.Errorf("it ended after %v with %v", time.Since(began), err)
	}
}

// TestReloadAtOnce: many at once, beside requests.
func TestReloadAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	f := &file{says: map[string][]string{"agent": {"read a"}}, inMemory: map[string][]string{"agent": {"read a"}}}
	c, _ := h.configured(f, nil)
	h.unlock(c)
	set(t, c, "a", "one")
	demo := h.bearer("read nothing")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if _, err := c.Reload(context.Background()); err != nil {
					t.Error(err)
				}
				if v, err := get(demo, "a"); err != nil || v != "one" {
					t.Errorf("%q, %v", v, err)
				}
			}
		})
	}
	all.Wait()
}
