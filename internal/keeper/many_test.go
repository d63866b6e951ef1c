package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func requests(names ...string) (rs []keeper.GetRequest) {
	for _, n := range names {
		rs = append(rs, keeper.GetRequest{Ref: keeper.Ref{Name: n}, Door: "run"})
	}
	return rs
}

// I16: many at once are decided and recorded one by one, the refused among them too.
func TestI16EachOfManyIsRecorded(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "value of a")
	set(t, k, "b", "value of b")
	sealed := true
	if _, err := k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "s"}, Value: val("sealed-value"), Via: "set", Sealed: &sealed, Service: "stripe"}); err != nil {
		t.Fatal(err)
	}
	got := keeper.GetMany(t.Context(), k, owner, append(requests("b", "missing", "s", "a", "not a name"), keeper.GetRequest{Ref: keeper.Ref{Name: "a", Version: 9}}))
	for i, want := range []struct {
		value string
		err   error
	}{{"value of b", nil}, {"", fault.NotFound}, {"", fault.Sealed}, {"value of a", nil}, {"", fault.Invalid}, {"", fault.NotFound}} {
		if string(got[i].Value.Reveal()) != want.value || !errors.Is(got[i].Err, want.err) {
			t.Errorf("answer %d is %q, %v", i, got[i].Value.Reveal(), got[i].Err)
		}
	}
	log, err := k.Audit(t.Context(), owner, keeper.AuditRequest{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	var records []string
	for _, r := range log.Records {
		records = append(records, fmt.Sprintf("%s %s %s", r.Action, *r.Object.Name, r.Result))
	}
	if d := strings.Join(records, ", "); !strings.Contains(d, "read b allowed") || !strings.Contains(d, "read missing failed") || !strings.Contains(d, "read s denied") ||
		!strings.Contains(d, "read a allowed") {
		t.Errorf("recorded: %s", d)
	}
}

// I15: a token gets of many what it gets one by one, and one that may be used so many times is used for each.
func TestI15ManyAreDecidedOneByOne(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "value of a")
	set(t, k, "b", "value of b")
	made, err := k.TokenCreate(t.Context(), owner, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read a"}, Uses: 2})
	if err != nil {
		t.Fatal(err)
	}
	demo := keeper.Caller{Token: val(made.Token), Door: "socket", Owner: true}
	got := keeper.GetMany(t.Context(), k, demo, requests("a", "b", "a"))
	if string(got[0].Value.Reveal()) != "value of a" || !errors.Is(got[1].Err, fault.Denied) {
		t.Errorf("got %v, %v", got[0].Err, got[1].Err)
	}
	again := keeper.GetMany(t.Context(), k, demo, requests("a"))
	last := keeper.GetMany(t.Context(), k, demo, requests("a"))
	if !errors.Is(last[0].Err, fault.Denied) {
		t.Errorf("a token for 2 uses goes on: %v, %v, %v", got[2].Err, again[0].Err, last[0].Err)
	}
	all := keeper.GetMany(t.Context(), k, keeper.Caller{Token: val(made.Token[:20]), Door: "socket"}, requests("a", "a"))
	if len(all) != 2 || !errors.Is(all[0].Err, fault.Denied) || !errors.Is(all[1].Err, fault.Denied) {
		t.Errorf("with a token that is cut: %v", all)
	}
}

// I16: what cannot be recorded is not given, none of it.
func TestI16ManyWithoutALog(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "value of a")
	log := filepath.Join(h.layout().Audit, "000001.log")
	if err := errors.Join(os.Rename(log, log+".away"), os.Mkdir(log, 0o700)); err != nil {
		t.Fatal(err)
	}
	for i, got := range keeper.GetMany(t.Context(), k, owner, requests("a", "missing", "a")) {
		if got.Err == nil || errors.Is(got.Err, fault.NotFound) || got.Value.Len() > 0 {
			t.Errorf("answer %d is %q, %v", i, got.Value.Reveal(), got.Err)
		}
	}
	if err := errors.Join(os.Remove(log), os.Rename(log+".away", log)); err != nil {
		t.Fatal(err)
	}
	mustGet(t, k, "a", "value of a")
}

// Each refusal takes the time of one: else whoever asks for a hundred at once sees a hundred times the difference between what is not
// permitted and what is not there.
func TestI15ManyRefusalsTakeTheTimeOfEach(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	set(t, k, "prod/db", strings.Repeat("x", 9000))
	set(t, k, "ci/x", "permitted")
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/*"}})
	for _, names := range [][]string{
		{"prod/db", "prod/db", "prod/db", "prod/db", "prod/db"},
		{"prod/xx", "prod/xx", "prod/xx", "prod/xx", "prod/xx"},
		{"ci/x", "prod/db", "prod/xx", "prod/db", "prod/xx", "ci/x", "prod/db"},
	} {
		began := time.Now()
		if _, err := k.GetMany(t.Context(), demo, requests(names...)); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < 5*10*time.Millisecond { // of the quantum
			t.Errorf("%q took %v", names, d)
		}
	}
}

// One answer holds no more than it should, and who asks gets all the same everything, with a record of each and no more.
func TestManyAreAnsweredInParts(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	large := strings.Repeat("x", 64<<10)
	set(t, k, "large", large)
	names := strings.Fields(strings.Repeat("large ", 11))
	some, err := k.GetMany(t.Context(), owner, requests(names...))
	if err != nil || len(some) != 4 {
		t.Errorf("%d answers, %v", len(some), err)
	}
	all := keeper.GetMany(t.Context(), k, owner, requests(names...))
	for i, got := range all {
		if string(got.Value.Reveal()) != large {
			t.Errorf("answer %d: %v", i, got.Err)
		}
	}
	log, err := k.Audit(t.Context(), owner, keeper.AuditRequest{Secret: "large", Limit: 100})
	if want := 1 + len(some) + len(names); err != nil || len(all) != len(names) || log.Total != want {
		t.Errorf("%d answers, %d records, want %d; %v", len(all), log.Total, want, err)
	}
}

// far is an API that cannot answer for several at once.
type far struct {
	keeper.API
	asked chan string
}

func (f far) Get(_ context.Context, _ keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	f.asked <- r.Name
	return keeper.Read{Secret: client.Secret{Name: r.Name}, Value: val("of " + r.Name)}, nil
}

func TestGetManyAsksSeveralAtATime(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	f := far{asked: make(chan string, len(names))}
	for i, g := range keeper.GetMany(t.Context(), f, owner, requests(names...)) {
		if string(g.Value.Reveal()) != "of "+names[i] || g.Err != nil {
			t.Errorf("%s: %q, %v", names[i], g.Value.Reveal(), g.Err)
		}
	}
	if len(f.asked) != len(names) {
		t.Errorf("asked %d times", len(f.asked))
	}
}
