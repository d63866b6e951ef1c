package chain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/chain"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
)

func TestChainAsksByPriority(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("low", 10).put("everywhere", "of low", "in-low", "of low")
	w.store("high", 100).put("everywhere", "of high")
	w.store("tied", 50).put("tied", "of tied", "in-both", "of tied")
	w.set("everywhere", "of the vault")
	w.set("in-both", "of the vault")
	c := w.chain()
	for name, want := range map[string][2]string{
		"everywhere": {"high", "of high"}, "in-low": {"low", "of low"}, "tied": {"tied", "of tied"},
		"in-both": {"tied", "of tied"}, // declared before the vault, which nobody declared
	} {
		got, s, err := get(t, c, owner, keeper.Ref{Name: name})
		if err != nil || got != want[1] || s.Provider != want[0] {
			t.Errorf("%s = %q of %s, %v; want %v", name, got, s.Provider, err, want)
		}
	}
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "everywhere", Provider: "local"}); err != nil || got != "of the vault" {
		t.Errorf("of the vault: %q, %v", got, err)
	}
	if _, _, err := get(t, c, owner, keeper.Ref{Name: "nowhere"}); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "neither in high nor in tied nor in local nor in low") {
		t.Errorf("nowhere: %v", err)
	}
	if _, _, err := get(t, c, owner, keeper.Ref{Name: "a", Provider: "unknown"}); !errors.Is(err, fault.Usage) {
		t.Errorf("an unknown provider: %v", err)
	}
}

// TestI19OnlyNotFoundFallsThrough: nothing that a store does but to say that it has no such secret leads to the value of another one.
func TestI19OnlyNotFoundFallsThrough(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		why  error
		want fault.Code
	}{
		"outage":            {provider.Errorf(fault.Unavailable, "prod", "connection refused"), fault.Unavailable},
		"429":               {provider.WithRetryAfter(provider.Errorf(fault.Limited, "prod", "slow down"), time.Hour), fault.Limited},
		"denied":            {provider.Errorf(fault.Denied, "prod", "403"), fault.Denied},
		"expired":           {provider.Errorf(fault.Expired, "prod", "it has expired"), fault.Expired},
		"garbage":           {errors.New("invalid character '<' looking for beginning of value"), fault.Failed},
		"another not found": {fault.New(fault.NotFound, "no such host"), fault.Unavailable},
		"a bare not found":  {fmt.Errorf("dial: %w", fault.NotFound), fault.Unavailable},
		"its context":       {context.DeadlineExceeded, fault.Unavailable},
		"misconfigured":     {provider.Errorf(fault.Usage, "prod", "no such vault"), fault.Usage},
		"invalid":           {provider.Errorf(fault.Invalid, "prod", "a 2 MB value"), fault.Invalid},
	} {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s batch=%v", name, batch), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.batches["prod"] = batch
				w.store("prod", 100).put("db", "of production", "db2", "of production").breaks(test.why)
				w.store("dev", 10).put("db", "of development", "db2", "of development")
				w.set("db", "of the vault")
				c := w.chain()
				for _, a := range keeper.GetMany(t.Context(), c, owner, []keeper.GetRequest{{Ref: keeper.Ref{Name: "db"}}, {Ref: keeper.Ref{Name: "db2"}}}) {
					if a.Err == nil || a.Value.Len() > 0 {
						t.Fatalf("fell through to %q of %s", a.Value.Reveal(), a.Secret.Provider)
					}
					if !errors.Is(a.Err, test.want) || errors.Is(a.Err, fault.NotFound) || !strings.Contains(a.Err.Error(), "prod") {
						t.Errorf("%v (%s), want %s, and its name", a.Err, fault.CodeOf(a.Err), test.want)
					}
				}
				if n := w.stores["dev"].asked.Load(); n != 0 {
					t.Errorf("the next store was asked %d times", n)
				}
				for how, err := range map[string]error{
					"show":    func() error { _, err := c.Show(t.Context(), owner, keeper.Ref{Name: "db"}); return err }(),
					"list":    func() error { _, err := c.List(t.Context(), owner, keeper.ListRequest{}); return err }(),
					"history": func() error { _, err := c.History(t.Context(), owner, keeper.Ref{Name: "db"}); return err }(),
				} {
					if err == nil || errors.Is(err, fault.NotFound) {
						t.Errorf("%s: %v", how, err)
					}
				}
			})
		}
	}
}

// TestI19SlowStore: a store that does not answer in its time is an outage, and the chain stops there.
func TestI19SlowStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("prod", 100).hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	w.specs[0].Timeout = 30 * time.Millisecond
	w.set("db", "of the vault")
	_, _, err := get(t, w.chain(), owner, keeper.Ref{Name: "db"})
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "prod: unavailable: it did not answer within 30ms") {
		t.Errorf("%v", err)
	}
}

// TestI19PartsOfASecret: a field or version that a secret lacks is not looked for elsewhere.
func TestI19PartsOfASecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("high", 100).put("json", `{"a":"high"}`)
	w.store("low", 10).put("json", `{"b":"low"}`, "own", `{"b":"low"}`, "own", `{"b":"low"}`, "json", `{}`, "json", `{}`)
	w.set("own", `{"a":"vault"}`)
	c := w.chain()
	for _, r := range []keeper.GetRequest{
		{Ref: keeper.Ref{Name: "json"}, Field: "b"},
		{Ref: keeper.Ref{Name: "json", Version: 3}},
		{Ref: keeper.Ref{Name: "json", StoreVersion: "3"}},
		{Ref: keeper.Ref{Name: "own"}, Field: "b"},
		{Ref: keeper.Ref{Name: "own", Version: 2}},
		{Ref: keeper.Ref{Name: "own", Version: keeper.Previous}},
	} {
		if got, err := c.Get(t.Context(), owner, r); !errors.Is(err, fault.NotFound) {
			t.Errorf("%+v = %q of %s, %v", r, got.Value.Reveal(), got.Secret.Provider, err)
		}
	}
	for _, version := range []int{2, keeper.Previous} {
		e, err := c.Explain(t.Context(), owner, keeper.Ref{Name: "own", Version: version})
		var asked []string
		for _, a := range e.Asked {
			scope := "-"
			if a.Scope != nil {
				scope = *a.Scope
			}
			asked = append(asked, a.Provider+" "+scope+" "+a.Answer)
		}
		want := []string{"high - not_found", "local " + owner.Principal + " not_found", "local user not_found", "local global not_found", "low - skipped"}
		if err != nil || e.Result != "not_found" || !slices.Equal(asked, want) {
			t.Errorf("explain own@%d: %+v, %v", version, e, err)
		}
	}
	if n := w.stores["low"].asked.Load(); n != 0 {
		t.Errorf("the next store was asked %d times", n)
	}
	if e, err := c.Explain(t.Context(), owner, keeper.Ref{Name: "only", Version: 2}); err != nil || e.Asked[2].Answer == "skipped" {
		t.Errorf("explain what the vault lacks: %+v, %v", e, err)
	}
}

// TestLastSaysWhatIsMissing: the vault at the end of the chain names the field that its secret lacks.
func TestLastSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("high", 100)
	w.set("db", `{"password":"x"}`)
	c := w.chain()
	_, err := c.Get(t.Context(), owner, keeper.GetRequest{Ref: keeper.Ref{Name: "db"}, Field: "pasword"})
	if !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), `no field "pasword" in db`) {
		t.Error(err)
	}
	_, err = c.Get(t.Context(), owner, keeper.GetRequest{Ref: keeper.Ref{Name: "dc"}, Field: "password"})
	if !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no such secret: dc, neither in high nor in local") {
		t.Error(err)
	}
}

// TestI19DeniedByTheVault: what the vault tells somebody who is not its owner is no "not found", and a sealed secret ends the walk.
func TestI19DeniedByTheVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("low", 10).put("ci/there", "of low", "ci/secret", "of low", "openai.key", "of low")
	w.set("prod/db", "of the vault")
	yes := true
	if _, err := w.k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "openai.key"}, Value: val("sk-0123456789"), Via: "set", Sealed: &yes, Service: "openai"}); err != nil {
		t.Fatal(err)
	}
	c := w.chain()
	if _, _, err := get(t, c, owner, keeper.Ref{Name: "openai.key"}); !errors.Is(err, fault.Sealed) {
		t.Errorf("sealed: %v", err)
	}
	made, err := w.k.TokenCreate(t.Context(), owner, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read ci/**"}})
	if err != nil {
		t.Fatal(err)
	}
	agent := keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket", Token: val(made.Token)}
	for _, name := range []string{"ci/there", "prod/db", "nowhere"} {
		if got, _, err := get(t, c, agent, keeper.Ref{Name: name}); !errors.Is(err, fault.Denied) {
			t.Errorf("%s = %q, %v", name, got, err)
		}
	}
	if n := w.stores["low"].asked.Load(); n != 0 {
		t.Errorf("the next store was asked %d times", n)
	}
	if got, _, err := get(t, c, agent, keeper.Ref{Name: "ci/there", Provider: "low"}); err != nil || got != "of low" {
		t.Errorf("what it may read = %q, %v", got, err)
	}
	if got, _, err := get(t, c, agent, keeper.Ref{Name: "openai.key", Provider: "low"}); !errors.Is(err, fault.Denied) {
		t.Errorf("what it may not read = %q, %v", got, err)
	}
	l, err := c.List(t.Context(), agent, keeper.ListRequest{Provider: "low"})
	if err != nil || l.Total != 2 || l.Secrets[0].Name != "ci/secret" || l.Secrets[1].Name != "ci/there" {
		t.Errorf("list %+v, %v", l, err)
	}
}

// TestI16NoStoreWithoutARecord: when the decision cannot be written down, no store is asked; when the outcome cannot, nothing is given.
func TestI16NoStoreWithoutARecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store("kv", 100).put("a", "the value")
	c := w.chain()
	again := w.unwritable()
	for how, err := range map[string]error{
		"get":  func() error { _, _, err := get(t, c, owner, keeper.Ref{Name: "a"}); return err }(),
		"show": func() error { _, err := c.Show(t.Context(), owner, keeper.Ref{Name: "a"}); return err }(),
		"list": func() error { _, err := c.List(t.Context(), owner, keeper.ListRequest{Provider: "kv"}); return err }(),
		"set": func() error {
			_, err := c.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "a", Provider: "kv"}, Value: val("x")})
			return err
		}(),
		"remove": func() error {
			_, err := c.Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"a"}, Provider: "kv"})
			return err
		}(),
		"rotate": func() error {
			_, err := c.Rotate(t.Context(), owner, keeper.RotateRequest{Ref: keeper.Ref{Name: "a", Provider: "kv"}, Value: val("x")})
			return err
		}(),
		"history": func() error {
			_, err := c.History(t.Context(), owner, keeper.Ref{Name: "a", Provider: "kv"})
			return err
		}(),
	} {
		if err == nil {
			t.Errorf("%s without a log", how)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
	again()
	s.hold = func(context.Context) error { again = w.unwritable(); return nil }
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "a"}); err == nil || got != "" {
		t.Errorf("%q was given, and nobody will know: %v", got, err)
	}
	again()
}

func TestRecordsOfAWalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("high", 100)
	w.store("low", 10).put("a", "1")
	c := w.chain()
	if _, _, err := get(t, c, owner, keeper.Ref{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"read high a failed not_found", "read local a failed not_found", "read low a allowed -"}
	if got := w.records(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestBatchIsOneRoundTrip: 100 secrets of a store that is 100 ms away take it once, when it answers for many.
func TestBatchIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	for batch, trips := range map[bool]int64{true: 1, false: 100} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.batches["kv"] = batch
			s := w.store("kv", 100)
			at, most := 0, 0
			s.hold = func(context.Context) error {
				w.mu.Lock()
				at++
				most = max(most, at)
				w.mu.Unlock()
				time.Sleep(100 * time.Millisecond / time.Duration(trips)) // what is measured: a store that is far away
				w.mu.Lock()
				at--
				w.mu.Unlock()
				return nil
			}
			rs := make([]keeper.GetRequest, 0, 300)
			for i := range 100 {
				n := fmt.Sprintf("n%d", i)
				s.put(n, "value "+n)
				for range 3 {
					rs = append(rs, keeper.GetRequest{Ref: keeper.Ref{Name: n}})
				}
			}
			began := time.Now()
			for i, a := range keeper.GetMany(t.Context(), w.chain(), owner, rs) {
				if want := "value " + rs[i].Name; a.Err != nil || string(a.Value.Reveal()) != want {
					t.Fatalf("%q, %v; want %q", a.Value.Reveal(), a.Err, want)
				}
			}
			t.Logf("%d trips in %v", s.asked.Load(), time.Since(began))
			if s.asked.Load() != trips || most > 8 {
				t.Errorf("%d trips, %d at once", s.asked.Load(), most)
			}
			if got := len(w.records()); got != 100 {
				t.Errorf("%d records, want one a secret", got)
			}
		})
	}
}

// TestOneFlight: however many want a secret at the same time, the store is asked once; who gives up does not end it for the others.
func TestOneFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store("kv", 100).put("a", "the value")
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	s.hold = func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c := w.chain()
	impatient, giveUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := c.Get(impatient, owner, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}})
		gone <- err
	}()
	<-begun
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, _, err := get(t, c, owner, keeper.Ref{Name: "a"}); err != nil || got != "the value" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
	close(release)
	all.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the store was asked %d times", n)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fail  int // so often
		why   error
		trips int64
		waits []time.Duration
		want  fault.Code
	}{
		"an outage that ends":  {2, provider.Errorf(fault.Unavailable, "kv", "refused"), 3, []time.Duration{50 * time.Millisecond, 100 * time.Millisecond}, ""},
		"an outage that stays": {99, provider.Errorf(fault.Unavailable, "kv", "refused"), 4, []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}, fault.Unavailable},
		"come back later":      {1, provider.WithRetryAfter(provider.Errorf(fault.Limited, "kv", "429"), time.Second), 2, []time.Duration{1050 * time.Millisecond}, ""},
		"come back tomorrow":   {1, provider.WithRetryAfter(provider.Errorf(fault.Limited, "kv", "429"), 24*time.Hour), 1, nil, fault.Limited},
		"denied":               {1, provider.Errorf(fault.Denied, "kv", "403"), 1, nil, fault.Denied},
	} {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s batch=%v", name, batch), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.batches["kv"] = batch
				s := w.store("kv", 100).put("a", "1", "b", "2")
				left := test.fail
				s.broken = func(string, string) error {
					if left--; left >= 0 {
						return test.why
					}
					return nil
				}
				rs := []keeper.GetRequest{{Ref: keeper.Ref{Name: "a"}}, {Ref: keeper.Ref{Name: "b"}}}
				if !batch {
					rs = rs[:1]
				}
				for _, a := range keeper.GetMany(t.Context(), w.chain(), owner, rs) {
					if test.want == "" && a.Err != nil || test.want != "" && !errors.Is(a.Err, test.want) {
						t.Errorf("%v, want %q", a.Err, test.want)
					}
				}
				if s.asked.Load() != test.trips || !slices.Equal(w.waited, test.waits) {
					t.Errorf("%d trips, waited %v; want %d, %v", s.asked.Load(), w.waited, test.trips, test.waits)
				}
			})
		}
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("kv", 100).put("a", "of kv")
	w.store("files", 80).put("b", "of files").traits.Remote = false
	w.set("a", "of the vault")
	w.o.Offline = true
	c := w.chain()
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "a"}); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "--offline") {
		t.Errorf("%q, %v", got, err)
	}
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "b", Provider: "files"}); err != nil || got != "of files" {
		t.Errorf("%q, %v", got, err)
	}
	e, err := c.Explain(t.Context(), owner, keeper.Ref{Name: "a"})
	if err != nil || e.Result != "skipped" && e.Result != "unavailable" || e.Asked[0].Answer != "skipped" {
		t.Errorf("%+v, %v", e, err)
	}
	if n := w.stores["kv"].asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestScopesAreOfTheVault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store("kv", 100).put("a", "of kv")
	c := w.chain()
	if _, err := w.k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "a", Scope: "workspace/w"}, Value: val("in w"), Via: "set"}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "a", Scope: "workspace/w"}); err != nil || got != "in w" {
		t.Errorf("%q, %v", got, err)
	}
	if _, _, err := get(t, c, owner, keeper.Ref{Name: "a", Scope: "workspace/w", Provider: "kv"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestExpiredInAStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.store("kv", 100).put("a", "old")
	s.expires["a"] = w.now.Add(-time.Hour)
	w.set("a", "of the vault")
	c := w.chain()
	if got, _, err := get(t, c, owner, keeper.Ref{Name: "a"}); !errors.Is(err, fault.Expired) {
		t.Errorf("%q, %v", got, err)
	}
	r, err := c.Get(t.Context(), owner, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}, IncludeExpired: true})
	if err != nil || string(r.Value.Reveal()) != "old" || r.Secret.State != "expired" {
		t.Errorf("%+v, %v", r.Secret, err)
	}
}

// A list of all has what the others have, and says whose is missing; reading stays as strict as before (I19).
func TestListWithoutTheOneThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store("prod", 100).put("db", "of production").breaks(provider.Errorf(fault.Unavailable, "prod", "no route"))
	w.store("slow", 90).hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	w.specs[1].Timeout = 30 * time.Millisecond
	w.store("dev", 10).put("db", "of development", "web", "x")
	w.set("mine", "of the vault")
	c := w.chain()
	l, err := c.List(t.Context(), owner, keeper.ListRequest{})
	var part *chain.Incomplete
	if !errors.As(err, &part) || len(part.Missing) != 2 || part.Missing[0].Provider != "prod" || part.Missing[1].Provider != "slow" || !errors.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if l.Total != 3 || len(l.Secrets) != 3 {
		t.Errorf("%+v", l)
	}
	var names []string
	err = c.Names(t.Context(), owner, keeper.ListRequest{}, func(n string) error { names = append(names, n); return nil })
	if !errors.As(err, &part) || !slices.Equal(names, []string{"db", "mine", "web"}) {
		t.Errorf("names %v, %v", names, err)
	}
	if _, _, err := get(t, c, owner, keeper.Ref{Name: "web"}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a read went on: %v", err)
	}
	if l, err := c.List(t.Context(), owner, keeper.ListRequest{Provider: "prod"}); errors.As(err, &part) || !errors.Is(err, fault.Unavailable) || l.Total != 0 {
		t.Errorf("the one that was named: %+v, %v", l, err)
	}
	// What the vault, or a decision, says is no outage of a store.
	again := w.unwritable()
	defer again()
	if l, err := c.List(t.Context(), owner, keeper.ListRequest{}); err == nil || errors.As(err, &part) || len(l.Secrets) != 0 {
		t.Errorf("without a log: %+v, %v", l, err)
	}
}
