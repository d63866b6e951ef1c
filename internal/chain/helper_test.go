package chain_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/client"
	"tacit/internal/chain"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const passphrase = "correct horse battery"

var owner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "cli", UID: 1000, PID: 77}

func val(s string) secret.Value { return secret.New([]byte(s)) }

// A store is a provider in memory, which misbehaves as it is told.
type store struct {
	name   string
	traits provider.Traits

	mu      sync.Mutex
	values  map[string][]string         // by name: all versions, the oldest first
	broken  func(op, name string) error // instead of an answer
	hold    func(context.Context) error // before an answer
	expires map[string]time.Time        // by name
	asked   atomic.Int64                // round trips
	written atomic.Int64
}

func (s *store) put(pairs ...string) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		s.values[pairs[i]] = append(s.values[pairs[i]], pairs[i+1])
	}
	return s
}

func (s *store) breaks(why error) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = func(string, string) error { return why }
	return s
}

func (s *store) trip(ctx context.Context, op, name string) error {
	s.asked.Add(1)
	s.mu.Lock()
	hold, broken := s.hold, s.broken
	s.mu.Unlock()
	if hold != nil {
		if err := hold(ctx); err != nil {
			return err
		}
	}
	if broken != nil {
		return broken(op, name)
	}
	return nil
}

func (s *store) item(name, version string) (provider.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.values[name]
	n := len(all)
	switch version {
	case "":
	case provider.Previous:
		n--
	default:
		if _, err := fmt.Sscanf(version, "%d", &n); err != nil {
			n = 0
		}
	}
	if n < 1 || n > len(all) {
		return provider.Item{}, provider.NotFound(s.name, name)
	}
	return provider.Item{Name: name, Version: fmt.Sprint(n), Value: val(all[n-1]), ExpiresAt: s.expires[name]}, nil
}

func (s *store) Read(ctx context.Context, name, version string) (provider.Item, error) {
	if err := s.trip(ctx, "read", name); err != nil {
		return provider.Item{}, err
	}
	return s.item(name, version)
}

func (s *store) Write(ctx context.Context, name string, v secret.Value) (provider.Item, error) {
	s.written.Add(1)
	if err := s.trip(ctx, "write", name); err != nil {
		return provider.Item{}, err
	}
	s.put(name, string(v.Reveal()))
	return s.item(name, "")
}

func (s *store) List(ctx context.Context, each func(provider.Item) error) error {
	if err := s.trip(ctx, "list", ""); err != nil {
		return err
	}
	s.mu.Lock()
	var names []string
	for n := range s.values {
		names = append(names, n)
	}
	s.mu.Unlock()
	for _, n := range names {
		if err := each(provider.Item{Name: n}); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) Delete(ctx context.Context, name string) (int, error) {
	if err := s.trip(ctx, "delete", name); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.values[name])
	if n == 0 {
		return 0, provider.NotFound(s.name, name)
	}
	delete(s.values, name)
	return n, nil
}

func (s *store) Versions(ctx context.Context, name string) ([]provider.Item, error) {
	if err := s.trip(ctx, "versions", name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []provider.Item
	for i := len(s.values[name]); i > 0; i-- {
		out = append(out, provider.Item{Name: name, Version: fmt.Sprint(i)})
	}
	if out == nil {
		return nil, provider.NotFound(s.name, name)
	}
	return out, nil
}

func (s *store) Health(ctx context.Context) error { return s.trip(ctx, "health", "") }
func (s *store) Traits() provider.Traits          { return s.traits }
func (s *store) Close() error                     { return nil }

// A batching store answers for many in one trip.
type batching struct{ *store }

func (b batching) ReadMany(ctx context.Context, asked []provider.Asked) []provider.Answer {
	out := make([]provider.Answer, len(asked))
	err := b.trip(ctx, "read", "")
	for i, q := range asked {
		if out[i].Err = err; err == nil {
			out[i].Item, out[i].Err = b.item(q.Name, q.Version)
		}
	}
	return out
}

// world is a vault with stores beside it.
type world struct {
	t       testing.TB
	dir     string
	now     time.Time
	k       *keeper.Keeper
	stores  map[string]*store
	batches map[string]bool
	specs   []provider.Spec
	o       chain.Options
	made    func(provider.Spec)
	child   []string // what programs see of the environment
	waited  []time.Duration
	mu      sync.Mutex
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, dir: filepath.Join(t.TempDir(), "tacit"), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		stores: map[string]*store{}, batches: map[string]bool{},
	}
	l := paths.New(func(k string) string { return map[string]string{"TACIT_DIR": w.dir}[k] }, "/nowhere")
	w.k = keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit test"}), Random: rand.Reader, Version: "test",
		Now: func() time.Time { return w.now },
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": passphrase}[k] },
			Random: rand.Reader, Now: func() time.Time { return w.now }, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, bolt.Options{}, fill)
		},
	})
	t.Cleanup(func() { _ = w.k.Close() })
	if _, err := w.k.Init(t.Context(), owner, []keeper.NewSlot{{Kind: "passphrase", Passphrase: val(passphrase)}}); err != nil {
		t.Fatal(err)
	}
	return w
}

// store declares a remote store that can be written to.
func (w *world) store(name string, priority int) *store {
	s := &store{name: name, traits: provider.Traits{Writable: true, Versions: true, Remote: true}, values: map[string][]string{}, expires: map[string]time.Time{}}
	w.stores[name] = s
	w.specs = append(w.specs, provider.Spec{Name: name, Type: "fake", Priority: priority, Origin: "user"})
	return s
}

func (w *world) chain() *chain.Chain {
	w.t.Helper()
	o := w.o
	o.Providers, o.Random = w.specs, rand.Reader
	o.World = provider.World{Getenv: func(string) string { return "" }, Now: func() time.Time { return w.now }, Debug: func(string, ...any) {}}
	o.World.ChildEnvironment = func(context.Context) ([]string, error) { return w.child, nil }
	o.Make = func(spec provider.Spec, _ provider.World) (provider.Provider, error) {
		if w.made != nil {
			w.made(spec)
		}
		s := w.stores[spec.Name]
		if s == nil {
			return nil, provider.Errorf(fault.Usage, spec.Name, "there is no such kind here")
		}
		if w.batches[spec.Name] {
			return batching{s}, nil
		}
		return s, nil
	}
	o.Jitter = func(d time.Duration) time.Duration { return d / 2 }
	o.Wait = func(ctx context.Context, d time.Duration) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.waited = append(w.waited, d)
		return ctx.Err()
	}
	c, err := chain.New(w.k, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// declare returns the error for what configuration says.
func declare(specs []provider.Spec, byDefault string) error {
	_, err := chain.New(nil, chain.Options{Providers: specs, Default: byDefault})
	return err
}

func (w *world) set(name, value string) {
	w.t.Helper()
	if _, err := w.k.Set(w.t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: name}, Value: val(value), Via: "set"}); err != nil {
		w.t.Fatal(err)
	}
}

// records returns "action provider name result reason" of every decision about a secret, oldest first.
func (w *world) records() (all []string) {
	w.t.Helper()
	a, err := w.k.Audit(w.t.Context(), owner, keeper.AuditRequest{})
	if err != nil {
		w.t.Fatal(err)
	}
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	for _, r := range a.Records {
		if r.Object.Kind == "secret" && r.Action != "list" {
			all = append(all, fmt.Sprint(r.Action, " ", text(r.Provider), " ", text(r.Object.Name), " ", r.Result, " ", text(r.Reason)))
		}
	}
	return all
}

func get(t testing.TB, c keeper.API, who keeper.Caller, ref keeper.Ref) (string, client.Secret, error) {
	t.Helper()
	r, err := c.Get(t.Context(), who, keeper.GetRequest{Ref: ref, Door: "get"})
	return string(r.Value.Reveal()), r.Secret, err
}

// unwritable makes the log of the vault unwritable until the function that it returns is called.
func (w *world) unwritable() func() {
	log := filepath.Join(w.dir, "audit", "000001.log")
	if err := errors.Join(os.Rename(log, log+".away"), os.Mkdir(log, 0o700)); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(log), os.Rename(log+".away", log)); err != nil {
			w.t.Fatal(err)
		}
	}
}
