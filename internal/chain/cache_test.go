package chain_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/chain"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
	"tacit/internal/settings"
)

// cached is a world with a store whose answers are kept for five minutes, and none is older than an hour.
func cached(t *testing.T) (*world, *store, string) {
	t.Helper()
	w := newWorld(t)
	s := w.store("kv", 100).put("db/main", "canary-of-kv-0123456789", "db/main", "canary-of-kv-second")
	dir, hour := filepath.Join(t.TempDir(), "of [one]", "cache"), time.Hour // a path is no pattern
	w.o.Cache = chain.Cache{Dir: dir, TTL: 5 * time.Minute, MaxAge: &hour}
	return w, s, dir
}

// reads asks as a new process, and says how often the store was asked.
func (w *world) reads(r keeper.GetRequest) (value string, trips int64, err error) {
	s := w.stores["kv"]
	before := s.asked.Load()
	got, err := w.chain().Get(w.t.Context(), owner, r)
	return string(got.Value.Reveal()), s.asked.Load() - before, err
}

func TestCacheAges(t *testing.T) {
	t.Parallel()
	w, _, _ := cached(t)
	r := keeper.GetRequest{Ref: keeper.Ref{Name: "db/main"}}
	no, minute := time.Duration(0), time.Minute
	for _, step := range []struct {
		name    string
		later   time.Duration
		offline bool
		maxAge  *time.Duration
		trips   int64
		want    fault.Code
	}{
		{"first", 0, false, nil, 1, ""},
		{"again", time.Minute, false, nil, 0, ""},
		{"not older than a minute", time.Second, false, &minute, 1, ""},
		{"nothing kept", 0, false, &no, 1, ""},
		{"after its time", 6 * time.Minute, false, nil, 1, ""},
		{"offline", 0, true, nil, 0, ""},
		{"offline, after its time", 30 * time.Minute, true, nil, 0, ""},
		{"offline, not older than a minute", 0, true, &minute, 0, fault.Unavailable},
		{"offline, too old for anybody", 31 * time.Minute, true, nil, 0, fault.Unavailable},
	} {
		w.now = w.now.Add(step.later)
		w.o.Offline, w.o.MaxAge = step.offline, step.maxAge
		got, trips, err := w.reads(r)
		if trips != step.trips || step.want == "" && (err != nil || got != "canary-of-kv-second") || step.want != "" && !errors.Is(err, step.want) {
			t.Errorf("%s: %q after %d trips, %v", step.name, got, trips, err)
		}
	}
	w.now = w.now.Add(-time.Hour) // a clock that was put back: what is from the future is not used
	w.o.Offline, w.o.MaxAge = false, nil
	w.now = w.now.Add(-time.Hour)
	if _, trips, err := w.reads(r); trips != 1 || err != nil {
		t.Errorf("from the future: %d trips, %v", trips, err)
	}
}

// TestI01CacheIsSealed: nothing of a value or a name is in the files, they are nobody else's, and what was changed in them is not used.
func TestI01CacheIsSealed(t *testing.T) {
	t.Parallel()
	w, _, dir := cached(t)
	r := keeper.GetRequest{Ref: keeper.Ref{Name: "db/main"}}
	if _, _, err := w.reads(r); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	file := filepath.Join(dir, files[0].Name())
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	sealed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"canary", "db/main", "kv", "second"} {
		if bytes.Contains(sealed, []byte(part)) || bytes.Contains([]byte(file[len(dir):]), []byte(part)) {
			t.Errorf("%q is in the clear", part)
		}
	}
	for i := range sealed {
		if i%17 != 0 {
			continue
		}
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		w.o.Offline = true
		if got, _, err := w.reads(r); !errors.Is(err, fault.Unavailable) {
			t.Fatalf("byte %d: %q, %v", i, got, err)
		}
	}
	// The answer for one secret in the place of another.
	w.o.Offline = false
	w.stores["kv"].put("other", "canary-of-other")
	if _, _, err := w.reads(keeper.GetRequest{Ref: keeper.Ref{Name: "other"}}); err != nil {
		t.Fatal(err)
	}
	files, _ = os.ReadDir(dir)
	for _, f := range files {
		if name := filepath.Join(dir, f.Name()); name != file {
			if b, err := os.ReadFile(name); err != nil || os.WriteFile(file, b, 0o600) != nil {
				t.Fatal(err)
			}
		}
	}
	w.o.Offline = true
	if got, _, err := w.reads(r); !errors.Is(err, fault.Unavailable) {
		t.Errorf("swapped: %q, %v", got, err)
	}
}

// TestCacheIsOfOneConfiguration: a provider of the same name with other settings is another one, and a token sees nothing that is kept.
func TestCacheIsOfOneConfiguration(t *testing.T) {
	t.Parallel()
	w, s, _ := cached(t)
	r := keeper.GetRequest{Ref: keeper.Ref{Name: "db/main", Provider: "kv"}}
	if _, _, err := w.reads(r); err != nil {
		t.Fatal(err)
	}
	w.specs[0].Settings = &settings.Table{Members: []settings.Member{{Key: "address", Value: settings.Value{Text: "https://evil.example"}}}}
	if _, trips, err := w.reads(r); trips != 1 || err != nil {
		t.Errorf("of another configuration: %d trips, %v", trips, err)
	}
	w.specs[0].Settings = nil
	made, err := w.k.TokenCreate(t.Context(), owner, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read **"}})
	if err != nil {
		t.Fatal(err)
	}
	agent := keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket", Token: val(made.Token)}
	s.breaks(provider.Errorf(fault.Denied, "kv", "403: no credentials"))
	if got, _, err := get(t, w.chain(), agent, r.Ref); !errors.Is(err, fault.Denied) {
		t.Errorf("what the owner read: %q, %v", got, err)
	}
	if d, err := w.k.Decide(t.Context(), agent, keeper.DecideRequest{Action: "read", Provider: "kv", Names: []string{"a"}, Cache: true}); err != nil || len(d.CacheKey) != 0 {
		t.Errorf("a token got the key: %v", err)
	}
	if _, trips, err := w.reads(r); trips != 0 || err != nil {
		t.Errorf("the owner again: %d trips, %v", trips, err)
	}
	if n := len(w.records()); n != 5 {
		t.Errorf("%d records, want one of each decision: %q", n, w.records())
	}
}

// TestCacheIsOfOneAccount: as whom, and from which project, a store is asked is part of what its answer is bound to, also when clients
// of stores read that when they ask. A program's answers are bound to all that it sees, and only kept when that is asked for.
func TestCacheIsOfOneAccount(t *testing.T) {
	t.Parallel()
	r := keeper.GetRequest{Ref: keeper.Ref{Name: "db/main", Provider: "kv"}}
	w, _, _ := cached(t)
	trips := func(what string, want int64) {
		t.Helper()
		if _, n, err := w.reads(r); n != want || err != nil {
			t.Errorf("%s: %d trips, want %d; %v", what, n, want, err)
		}
	}
	trips("nothing is kept", 1)
	trips("the same", 0)
	for _, e := range []string{
		"AWS_PROFILE=prod", "GOOGLE_CLOUD_PROJECT=p", "CLOUDSDK_CORE_PROJECT=p", "AZURE_TENANT_ID=t", "VAULT_TOKEN=v", "BAO_ADDR=b", "OP_ACCOUNT=o",
		"IDENTITY_ENDPOINT=i", "MSI_ENDPOINT=m", "aws_profile=as on Windows",
	} {
		w.o.Environ = []string{"LANG=C", e}
		trips(e, 1)
		w.o.Environ = []string{e, "LANG=de"}
		trips(e+" again", 0)
	}
	w.o.Environ = nil
	trips("nothing is said again", 0)
	w.specs[0].Settings = &settings.Table{Place: settings.Place{File: "/a/tacit.yaml", Line: 3}}
	trips("of a project", 1)
	w.specs[0].Settings = &settings.Table{Place: settings.Place{File: "/a/tacit.yaml", Line: 4}}
	trips("of the same project", 0)
	w.specs[0].Settings = &settings.Table{Place: settings.Place{File: "/b/tacit.yaml", Line: 3}}
	trips("of another project", 1)

	w, _, _ = cached(t)
	w.specs[0].Type = "exec"
	w.child = []string{"TEAM=a"}
	trips("a program", 1)
	trips("a program, kept unasked", 1)
	w.specs[0].Settings = &settings.Table{Members: []settings.Member{{Key: "cache_ttl", Value: settings.Value{Text: "1h"}}}}
	trips("a program with a time", 1)
	trips("a program with a time, again", 0)
	w.child = []string{"TEAM=b"}
	trips("a program that sees something else", 1)
}

func TestChangesDropWhatIsKept(t *testing.T) {
	t.Parallel()
	w, _, _ := cached(t)
	ref := keeper.Ref{Name: "db/main", Provider: "kv"}
	old := ref
	old.Version = 1
	keep := func() {
		for _, r := range []keeper.Ref{ref, old} {
			if _, _, err := w.reads(keeper.GetRequest{Ref: r}); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep()
	if _, err := w.chain().Set(t.Context(), owner, keeper.SetRequest{Ref: ref, Value: val("third")}); err != nil {
		t.Fatal(err)
	}
	if got, trips, err := w.reads(keeper.GetRequest{Ref: ref}); got != "third" || trips != 1 || err != nil {
		t.Errorf("%q after %d trips, %v", got, trips, err)
	}
	keep()
	if _, err := w.chain().Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"db/main"}, Provider: "kv"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []keeper.Ref{ref, old} {
		if got, _, err := w.reads(keeper.GetRequest{Ref: r}); !errors.Is(err, fault.NotFound) {
			t.Errorf("%+v: %q, %v", r, got, err)
		}
	}
}

// TestNothingIsKeptUnasked: without a time, and of stores that are not far away, nothing is.
func TestNothingIsKeptUnasked(t *testing.T) {
	t.Parallel()
	w, s, dir := cached(t)
	s.traits.Remote = false
	if _, _, err := w.reads(keeper.GetRequest{Ref: keeper.Ref{Name: "db/main"}}); err != nil {
		t.Fatal(err)
	}
	s.traits.Remote, w.o.Cache.TTL = true, 0
	if _, _, err := w.reads(keeper.GetRequest{Ref: keeper.Ref{Name: "db/main"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a cache: %v", err)
	}
}

// TestZeroKeepsNothing: a provider's own 0 is stronger than the time of all, and a greatest age of 0 than both.
func TestZeroKeepsNothing(t *testing.T) {
	t.Parallel()
	own := &settings.Table{Members: []settings.Member{{Key: "cache_ttl", Value: settings.Value{Text: "0"}}}}
	for what, change := range map[string]func(*world){
		"cache_ttl": func(w *world) { w.specs[0].Settings = own },
		"max_age":   func(w *world) { w.o.Cache.MaxAge = new(time.Duration) },
	} {
		w, _, dir := cached(t)
		change(w)
		if _, _, err := w.reads(keeper.GetRequest{Ref: keeper.Ref{Name: "db/main"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is a cache: %v", what, err)
		}
	}
}

// TestServingAsksAgain: a process that answers many gives none of them what is older than the time of the provider.
func TestServingAsksAgain(t *testing.T) {
	t.Parallel()
	w, s, _ := cached(t)
	w.o.Serving = true
	for _, x := range []struct {
		what   string
		ttl    time.Duration
		remote bool
		later  time.Duration
		trips  int64
	}{
		{"without a time", 0, true, 0, 2},
		{"within it", time.Minute, true, 59 * time.Second, 1},
		{"after it", time.Minute, true, time.Minute, 2},
		{"not far away", time.Minute, false, time.Second, 2},
	} {
		w.now = w.now.Add(time.Hour)
		w.o.Cache.TTL, s.traits.Remote = x.ttl, x.remote
		c, before := w.chain(), s.asked.Load()
		for range 2 {
			if _, _, err := get(t, c, owner, keeper.Ref{Name: "db/main"}); err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(x.later)
		}
		if n := s.asked.Load() - before; n != x.trips {
			t.Errorf("%s: asked %d times, want %d", x.what, n, x.trips)
		}
	}
}
