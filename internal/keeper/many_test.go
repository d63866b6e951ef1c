package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

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
	got := k.GetMany(t.Context(), demo, requests("a", "b", "a"))
	if string(got[0].Value.Reveal()) != "value of a" || !errors.Is(got[1].Err, fault.Denied) {
		t.Errorf("got %v, %v", got[0].Err, got[1].Err)
	}
	again := k.GetMany(t.Context(), demo, requests("a"))
	last := k.GetMany(t.Context(), demo, requests("a"))
	if !errors.Is(last[0].Err, fault.Denied) {
		t.Errorf("a token for 2 uses goes on: %v, %v, %v", got[2].Err, again[0].Err, last[0].Err)
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
