package keeper_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// gated is an engine whose writers wait at a gate, so that a test decides which changes come together.
type gated struct {
	engine.Engine

	mu      sync.Mutex
	gate    chan struct{} // closed: open
	commits int
	fail    error // of the next commit
	panics  bool  // in the next commit
}

func (g *gated) Begin(ctx context.Context) (engine.Writer, error) {
	g.mu.Lock()
	gate := g.gate
	g.mu.Unlock()
	select {
	case <-gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w, err := g.Engine.Begin(ctx)
	return &gatedWriter{w, g}, err
}

func (g *gated) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate = make(chan struct{})
}

func (g *gated) open() { close(g.gate) }

type gatedWriter struct {
	engine.Writer
	g *gated
}

func (w *gatedWriter) Commit(b *engine.Batch) error {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	if err := w.g.fail; err != nil {
		w.g.fail = nil
		return err
	}
	if w.g.panics {
		w.g.panics = false
		panic("no more")
	}
	w.g.commits++
	return w.Writer.Commit(b)
}

// agent returns a keeper as the agent has it, unlocked, on a gated engine whose gate is open.
func (h *home) agent() (*keeper.Keeper, *gated) {
	h.t.Helper()
	l := h.layout()
	g := &gated{Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit agent run", Share: true}), gate: make(chan struct{})}
	g.open()
	k := keeper.New(keeper.Options{Layout: l, Engine: g, Random: rand.Reader, Version: "test", Now: func() time.Time { return h.now }, Lazy: true})
	k.TakeIn(time.Hour) // however slow the machine
	h.t.Cleanup(func() { _ = k.Close() })
	err := h.open().HandOver(h.t.Context(), func(key []byte, slot string) error { return k.Adopt(h.t.Context(), key, slot) })
	if err != nil {
		h.t.Fatal(err)
	}
	return k, g
}

// together makes calls come in their order and be made in one batch, and returns their errors.
func together(t *testing.T, k *keeper.Keeper, g *gated, calls ...func() error) []error {
	t.Helper()
	g.shut()
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
		await(t, func() bool { return k.WaitingChanges() == i+1 })
	}
	g.open()
	wg.Wait()
	return errs
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); runtime.Gosched() {
		if time.Since(begun) > time.Minute {
			t.Fatal("it does not happen")
		}
	}
}

// as is a caller of the owner's uid under another name, so that records tell callers apart.
func as(principal string) keeper.Caller {
	c := owner
	c.Principal = principal
	return c
}

func setAs(k *keeper.Keeper, who, n, v string, mustBeNew bool) error {
	_, err := k.Set(context.Background(), as(who), keeper.SetRequest{Ref: keeper.Ref{Name: n}, Value: val(v), Via: "set", MustBeNew: mustBeNew})
	return err
}

func verified(t testing.TB, k *keeper.Keeper) {
	t.Helper()
	v, err := k.AuditVerify(context.Background(), owner, keeper.AuditVerifyRequest{})
	if err != nil || !v.OK {
		t.Errorf("the log: %+v, %v", v.Bad, err)
	}
	d, err := k.Doctor(context.Background(), owner, keeper.DoctorRequest{})
	if err != nil {
		t.Error(err)
	}
	for _, c := range d.Checks {
		if c.Status == "fail" {
			t.Errorf("doctor: %s: %s", c.Check, c.Detail)
		}
	}
}

// said are the lines of the log since a record, as principal, action, object and result.
func said(t testing.TB, k *keeper.Keeper, since uint64) (all []string) {
	t.Helper()
	for _, r := range lines(t, k, keeper.AuditRequest{}) {
		if r.Seq <= since || r.Action == "audit" {
			continue
		}
		n := ""
		if r.Object.Name != nil {
			n = *r.Object.Name
		}
		if r.Object.Version != nil {
			n += fmt.Sprint("@", *r.Object.Version)
		}
		why := ""
		if r.Reason != nil {
			why = " " + *r.Reason
		}
		all = append(all, fmt.Sprintf("%s %s %s %s%s", r.Principal, r.Action, n, r.Result, why))
	}
	return all
}

// TestI06ChangesTogether: changes that come together are one commit, in their order, each on the state that those before it left; one
// that fails is undone alone; the log has each with who made it and what became of it.
func TestI06ChangesTogether(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	set(t, h.open(), "old", "one")
	k, g := h.agent()
	since := last(t, k).Seq
	errs := together(t, k, g,
		func() error { return setAs(k, "user/a", "new", "of a", true) },
		func() error { return setAs(k, "user/b", "new", "of b", true) },
		func() error { return setAs(k, "user/c", "new", "of c", false) },
		func() error { return setAs(k, "user/d", "empty", "", false) },
		func() error {
			_, err := k.Move(t.Context(), as("user/e"), keeper.Ref{Name: "old"}, "moved")
			return err
		},
		func() error { return setAs(k, "user/f", "old", "again", true) },
		func() error {
			_, err := k.Remove(t.Context(), as("user/g"), keeper.RemoveRequest{Names: []string{"moved", "new"}})
			return err
		},
		func() error { return setAs(k, "user/h", "new", "of h", true) },
	)
	want := []error{nil, fault.Exists, nil, fault.Invalid, nil, nil, nil, nil}
	for i := range want {
		if !errors.Is(errs[i], want[i]) || want[i] == nil && errs[i] != nil {
			t.Errorf("change %d: %v, want %v", i, errs[i], want[i])
		}
	}
	if g.commits != 1 {
		t.Errorf("%d commits", g.commits)
	}
	mustGet(t, k, "new", "of h")
	mustGet(t, k, "old", "again")
	if _, err := get(k, "moved"); !errors.Is(err, fault.NotFound) {
		t.Errorf("moved: %v", err)
	}
	got := said(t, k, since)
	for _, r := range []string{"user/ana read new@1 allowed", "user/ana read old@1 allowed", "user/ana read moved failed not_found"} {
		if i := slices.Index(got, r); i >= 0 {
			got = slices.Delete(got, i, i+1)
		}
	}
	// What failed is recorded as it fails, before what is committed.
	if want := []string{
		"user/b write new failed exists", "user/d write empty failed invalid",
		"user/a write new@1 allowed", "user/c write new@2 allowed", "user/e write old@1 allowed renamed to moved", "user/f write old@1 allowed",
		"user/g delete moved@1 allowed", "user/g delete new@2 allowed", "user/h write new@1 allowed",
	}; !slices.Equal(got, want) {
		t.Errorf("the log says\n%q, want\n%q", got, want)
	}
	verified(t, h.open())
}

// TestUsesAreCountedTogether: uses of a limited token that come together are counted one by one, and what one of them does to tokens and
// grants holds for the next.
func TestUsesAreCountedTogether(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, g := h.agent()
	set(t, k, "a", "one")
	limited, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read *"}, Uses: 3})
	var reads []func() error
	for range 5 {
		reads = append(reads, func() error { _, err := getAs(t, k, limited, "a"); return err })
	}
	for i, err := range together(t, k, g, reads...) {
		if ok := err == nil; ok != (i < 3) || !ok && !errors.Is(err, fault.Denied) {
			t.Errorf("use %d: %v", i, err)
		}
	}
	writer, id := token(t, k, keeper.TokenRequest{Allow: []string{"write *"}})
	write := func(n string) func() error {
		return func() error {
			_, err := k.Set(context.Background(), writer, keeper.SetRequest{Ref: keeper.Ref{Name: n}, Value: val("by token")})
			return err
		}
	}
	revoke := func() error { _, err := k.TokenRevoke(context.Background(), owner, id); return err }
	errs := together(t, k, g, write("before"), revoke, write("after"))
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], fault.Denied) {
		t.Errorf("revoked in between: %v", errs)
	}
	mustGet(t, k, "before", "by token")
	if _, err := get(k, "after"); !errors.Is(err, fault.NotFound) {
		t.Errorf("after: %v", err)
	}
	verified(t, k)
}

// TestI16TogetherNothingHappens: when the commit fails nothing of the batch happened, whoever learned something from it is told so, and
// nothing that only the batch knew is remembered.
func TestI16TogetherNothingHappens(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, g := h.agent()
	set(t, k, "a", "one")
	c, id := token(t, k, keeper.TokenRequest{Allow: []string{"write *"}, Uses: 4})
	use := func() error {
		_, err := k.Set(context.Background(), c, keeper.SetRequest{Ref: keeper.Ref{Name: "by-token"}, Value: val("value")})
		return err
	}
	since := last(t, k).Seq
	full := fault.New(fault.DiskFull, "no space left")
	g.fail = full
	errs := together(t, k, g,
		func() error { return setAs(k, "user/z", "a", "", false) }, // stands on nothing that is not committed
		use,
		func() error { _, err := k.TokenRevoke(context.Background(), owner, id); return err },
		use,
		func() error { return setAs(k, "user/x", "by-token", "value", true) },
	)
	if !errors.Is(errs[0], fault.Invalid) {
		t.Errorf("a change that failed by itself: %v", errs[0])
	}
	for i, err := range errs[1:] {
		if !errors.Is(err, fault.DiskFull) {
			t.Errorf("change %d: %v", i+1, err)
		}
	}
	if got, want := said(t, k, since), []string{
		"user/z write a failed invalid", "agent/demo write by-token denied no token", "user/x write by-token failed exists",
		"agent/demo write by-token@1 failed disk_full", "user/ana admin " + id + " failed disk_full",
	}; len(got) != len(want) || !slices.Equal(got[3:], want[3:]) {
		t.Errorf("the log says %q", got)
	}
	for range 4 {
		if err := use(); err != nil {
			t.Fatalf("the token was not revoked and had four uses: %v", err)
		}
	}
	if err := use(); !errors.Is(err, fault.Denied) {
		t.Errorf("a fifth use: %v", err)
	}
	verified(t, k)
}

// TestTogetherOneGivesUp: who gives up while it waits does not hold up the others, whether it leads or not, and does nothing.
func TestTogetherOneGivesUp(t *testing.T) {
	t.Parallel()
	for _, gone := range []int{0, 1, 2} {
		h := newHome(t)
		k, g := h.agent()
		g.shut()
		var wg sync.WaitGroup
		errs := make([]error, 3)
		ctxs := make([]context.Context, 3)
		cancels := make([]context.CancelFunc, 3)
		for i := range 3 {
			ctxs[i], cancels[i] = context.WithCancel(t.Context())
			defer cancels[i]()
			wg.Go(func() {
				_, errs[i] = k.Set(ctxs[i], owner, keeper.SetRequest{Ref: keeper.Ref{Name: fmt.Sprint("by/", i)}, Value: val("value")})
			})
			await(t, func() bool { return k.WaitingChanges() == i+1 })
		}
		cancels[gone]()
		await(t, func() bool { return k.WaitingChanges() == 2 })
		g.open()
		wg.Wait()
		for i, err := range errs {
			_, missing := get(k, fmt.Sprint("by/", i))
			if i == gone && (!errors.Is(err, context.Canceled) || !errors.Is(missing, fault.NotFound)) || i != gone && (err != nil || missing != nil) {
				t.Errorf("%d gave up; change %d: %v, then %v", gone, i, err, missing)
			}
		}
		verified(t, k)
	}
}

// TestTogetherPanic: a panic ends with the one who leads, nobody of its batch is told that anything was made, and others go on.
func TestTogetherPanic(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, g := h.agent()
	g.panics = true
	errs := together(t, k, g,
		func() (err error) {
			defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
			return setAs(k, "user/a", "a", "value", false)
		},
		func() error { return setAs(k, "user/b", "b", "value", false) },
	)
	if errs[0].Error() != "recovered: no more" || !errors.Is(errs[1], fault.Failed) {
		t.Errorf("%v", errs)
	}
	if err := setAs(k, "user/c", "c", "value", true); err != nil {
		t.Error(err)
	}
	for _, n := range []string{"a", "b"} {
		if _, err := get(k, n); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", n, err)
		}
	}
	verified(t, k)
}

// TestTogetherBusy: who has waited as long as the first one is told that the vault is busy when that one is.
func TestTogetherBusy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, g := h.agent()
	elsewhere, err := bolt.Open(h.layout().Vault, bolt.Options{Command: "tacit import"}).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.Engine = bolt.Open(h.layout().Vault, bolt.Options{Wait: 20 * time.Millisecond})
	for i, err := range together(t, k, g,
		func() error { return setAs(k, "user/a", "a", "value", false) },
		func() error { return setAs(k, "user/b", "b", "value", false) },
		func() error { return setAs(k, "user/c", "c", "value", false) },
	) {
		if !errors.Is(err, fault.Busy) {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if err := elsewhere.Close(); err != nil {
		t.Fatal(err)
	}
	if err := setAs(k, "user/a", "a", "value", false); err != nil {
		t.Error(err)
	}
}

// TestTogetherInTurns: those for whom a batch has no time come next, in their order.
func TestTogetherInTurns(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, g := h.agent()
	k.TakeIn(0)
	var calls []func() error
	for i := range 6 {
		calls = append(calls, func() error { return setAs(k, "user/a", "a", fmt.Sprint("value ", i), i == 0) })
	}
	for i, err := range together(t, k, g, calls...) {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if g.commits != 6 {
		t.Errorf("%d commits", g.commits)
	}
	mustGet(t, k, "a", "value 5")
	verified(t, k)
}

// TestI06TogetherModel has writers make random changes through one keeper at once, each among names of its own and some that all share.
// What was acknowledged, in the order of the log, is what is there; what failed changed nothing; the log has each change once.
func TestI06TogetherModel(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k, g := h.agent()
	const writers, changes = 12, 40
	since := last(t, k).Seq
	var (
		mu    sync.Mutex
		made  = map[string]int{} // lines of the log that are owed
		count int
		wg    sync.WaitGroup
	)
	owe := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		made[line]++
		count++
	}
	for w := range writers {
		wg.Go(func() {
			r := mathrand.New(mathrand.NewPCG(uint64(w), 3))
			who := fmt.Sprint("user/w", w)
			versions := 0
			for i := range changes {
				switch r.IntN(5) {
				case 0: // of many, one makes it
					n := fmt.Sprint("shared/", i)
					switch err := setAs(k, who, n, who, true); {
					case err == nil:
						owe(fmt.Sprintf("%s write %s@1 allowed", who, n))
					case errors.Is(err, fault.Exists):
						owe(fmt.Sprintf("%s write %s failed exists", who, n))
					default:
						t.Error(err)
					}
				case 1:
					if _, err := k.Move(t.Context(), as(who), keeper.Ref{Name: "nobody/has/this"}, "x"); !errors.Is(err, fault.NotFound) {
						t.Errorf("a change of what is not there: %v", err)
					}
					owe(who + " write nobody/has/this failed not_found")
				case 2:
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if _, err := k.Set(ctx, as(who), keeper.SetRequest{Ref: keeper.Ref{Name: "given/up"}, Value: val("x")}); err == nil {
						t.Error("a change by who had given up")
					}
				default:
					versions++
					n := fmt.Sprint("own/", w)
					if err := setAs(k, who, n, fmt.Sprint(versions), false); err != nil {
						t.Error(err)
					}
					owe(fmt.Sprintf("%s write %s@%d allowed", who, n, versions))
					if got, err := get(k, n); err != nil || got != fmt.Sprint(versions) {
						t.Errorf("%s reads %q, %v after it wrote %d", who, got, err, versions)
					}
				}
			}
		})
	}
	wg.Wait()
	got := map[string]int{}
	for _, line := range said(t, k, since) {
		if !slices.Contains([]string{"user/ana"}, line[:8]) {
			got[line]++
		}
	}
	if !maps.Equal(got, made) {
		t.Errorf("the log says\n%v, want\n%v", got, made)
	}
	if _, err := get(k, "given/up"); !errors.Is(err, fault.NotFound) {
		t.Errorf("given up: %v", err)
	}
	t.Logf("%d changes, %d commits", count, g.commits)
	verified(t, h.open())
}
