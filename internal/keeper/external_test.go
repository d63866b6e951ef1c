package keeper_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func decideRead(t testing.TB, k *keeper.Keeper, c keeper.Caller, names ...string) client.Decided {
	t.Helper()
	d, err := k.Decide(t.Context(), c, keeper.DecideRequest{Action: "read", Provider: "env", Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDecideAndRecordAreOneLine: what was decided about a provider besides the vault, and what became of it, is one line a secret.
func TestDecideAndRecordAreOneLine(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	d := decideRead(t, k, owner, "a", "b", "c")
	if len(d.Denied) != 0 || !d.Everything {
		t.Errorf("the owner is decided about: %+v", d)
	}
	outcomes := []keeper.Outcome{{Name: "a", Version: 7}, {Name: "b", Code: fault.NotFound}}
	if err := k.Record(t.Context(), owner, keeper.RecordRequest{ID: d.ID, Outcomes: outcomes}); err != nil {
		t.Fatal(err)
	}
	type line struct {
		name, result, reason, provider string
		version                        int
	}
	want := []line{{"a", "allowed", "", "env", 7}, {"b", "failed", "not_found", "env", 0}, {"c", "allowed", "", "env", 0}}
	var exported []client.AuditRecord
	if err := k.AuditExport(t.Context(), owner, keeper.AuditRequest{}, func(r client.AuditRecord) error {
		exported = append(exported, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for how, records := range map[string][]client.AuditRecord{"query": lines(t, k, keeper.AuditRequest{}), "export": exported} {
		var got []line
		for _, r := range records {
			if r.Action != "read" || r.Object.Kind != "secret" {
				continue
			}
			l := line{name: *r.Object.Name, result: r.Result, provider: *r.Provider}
			if r.Reason != nil {
				l.reason = *r.Reason
			}
			if r.Object.Version != nil {
				l.version = *r.Object.Version
			}
			got = append(got, l)
		}
		slices.SortFunc(got, func(a, b line) int { return int(a.name[0]) - int(b.name[0]) })
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", how, got, want)
		}
	}
	if v, err := k.AuditVerify(t.Context(), owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("verify: %+v, %v", v, err)
	}
}

// TestI15DecideByPolicy: a token is judged by the name of the secret, and cannot end what somebody else began.
func TestI15DecideByPolicy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read ci/**", "write ci/w"}})
	d := decideRead(t, k, c, "ci/one", "prod/db", "ci/two")
	if !slices.Equal(d.Denied, []string{"prod/db"}) || d.Everything {
		t.Errorf("decided %+v", d)
	}
	if err := k.Record(t.Context(), owner, keeper.RecordRequest{ID: d.ID}); !errors.Is(err, fault.Conflict) {
		t.Errorf("another principal ended it: %v", err)
	}
	if err := k.Record(t.Context(), c, keeper.RecordRequest{ID: d.ID, Outcomes: []keeper.Outcome{{Name: "prod/db"}}}); !errors.Is(err, fault.Invalid) {
		t.Errorf("an outcome of what was denied: %v", err)
	}
	for _, action := range []string{"write", "rotate", "delete"} {
		got, err := k.Decide(t.Context(), c, keeper.DecideRequest{Action: action, Provider: "env", Names: []string{"ci/one"}})
		if err != nil || len(got.Denied) != 1 || got.ID != "" {
			t.Errorf("%s: %+v, %v", action, got, err)
		}
	}
	got, err := k.Decide(t.Context(), c, keeper.DecideRequest{Action: "list", Provider: "env", Names: []string{"ci/one", "prod/db"}})
	if err != nil || !slices.Equal(got.Denied, []string{"prod/db"}) {
		t.Errorf("list: %+v, %v", got, err)
	}
	if _, err := k.Decide(t.Context(), keeper.Caller{Principal: "user/ana"}, keeper.DecideRequest{Action: "read", Provider: "env", Names: []string{"a"}}); !errors.Is(err, fault.Denied) {
		t.Errorf("nobody is decided about: %v", err)
	}
	denied := 0
	for _, r := range lines(t, k, keeper.AuditRequest{Failed: true}) {
		if r.Provider != nil && *r.Provider == "env" && r.Result == "denied" {
			denied++
		}
	}
	if denied != 4 {
		t.Errorf("%d denials in the log, want 4", denied)
	}
}

// TestI29DecisionsOfOneDoNotDisplaceOthers: whoever decides without end fills its own room only, even with a token of the owner's
// principal, and the memory that it takes is bounded: the oldest of its own are gone, and all of them after a while.
func TestI29DecisionsOfOneDoNotDisplaceOthers(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	c, _ := token(t, k, keeper.TokenRequest{Principal: "user/ana", Allow: []string{"read **"}})
	other, _ := token(t, k, keeper.TokenRequest{Principal: "agent/other", Allow: []string{"read **"}})
	of := map[string]client.Decided{"owner": decideRead(t, k, owner, "a"), "other": decideRead(t, k, other, "a")}
	oldest := decideRead(t, k, c, "a")
	names := make([]string, keeper.MaxExternal)
	for i := range names {
		names[i] = "n" + strconv.Itoa(i)
	}
	var newest client.Decided
	for range 9 {
		newest = decideRead(t, k, c, names...)
	}
	end := func(c keeper.Caller, d client.Decided) error {
		return k.Record(t.Context(), c, keeper.RecordRequest{ID: d.ID})
	}
	if err := errors.Join(end(owner, of["owner"]), end(other, of["other"]), end(c, newest)); err != nil {
		t.Error(err)
	}
	if err := end(c, oldest); !errors.Is(err, fault.Conflict) {
		t.Errorf("the oldest of many: %v", err)
	}
	forgotten := decideRead(t, k, c, "a")
	h.now = h.now.Add(16 * time.Minute)
	decideRead(t, k, owner, "a")
	if err := end(c, forgotten); !errors.Is(err, fault.Conflict) {
		t.Errorf("an old one: %v", err)
	}
}

// TestDecideCountsOneUse: to decide counts on a token that is good for so many uses, to say what became of it does not.
func TestDecideCountsOneUse(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	c, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read **"}, Uses: 1})
	d := decideRead(t, k, c, "a", "b")
	if err := k.Record(t.Context(), c, keeper.RecordRequest{ID: d.ID, Outcomes: []keeper.Outcome{{Name: "b", Code: fault.Unavailable}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Decide(t.Context(), c, keeper.DecideRequest{Action: "read", Provider: "env", Names: []string{"a"}}); !errors.Is(err, fault.Denied) {
		t.Errorf("a second use: %v", err)
	}
	found := lines(t, k, keeper.AuditRequest{Secret: "b"})
	if len(found) != 1 || found[0].Result != "failed" || *found[0].Reason != "unavailable" {
		t.Errorf("%+v", found)
	}
}

func TestDecideRefusesNonsense(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	many := make([]string, keeper.MaxExternal+1)
	for i := range many {
		many[i] = "n" + strconv.Itoa(i)
	}
	for why, r := range map[string]keeper.DecideRequest{
		"the vault":         {Action: "read", Provider: "local", Names: []string{"a"}},
		"no provider":       {Action: "read", Names: []string{"a"}},
		"no such provider":  {Action: "read", Provider: "a b", Names: []string{"a"}},
		"no such action":    {Action: "use", Provider: "env", Names: []string{"a"}},
		"no name":           {Action: "read", Provider: "env"},
		"a name that is no": {Action: "read", Provider: "env", Names: []string{"a\n"}},
		"twice":             {Action: "read", Provider: "env", Names: []string{"a", "a"}},
		"too many":          {Action: "read", Provider: "env", Names: many},
	} {
		if _, err := k.Decide(t.Context(), owner, r); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", why, err)
		}
	}
	d := decideRead(t, k, owner, "a")
	if err := k.Record(t.Context(), owner, keeper.RecordRequest{ID: d.ID, Outcomes: []keeper.Outcome{{Name: "a", Code: "zz"}}}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a code that is none: %v", err)
	}
	if err := k.Record(t.Context(), owner, keeper.RecordRequest{ID: d.ID}); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := k.Record(t.Context(), owner, keeper.RecordRequest{ID: d.ID}); !errors.Is(err, fault.Conflict) {
		t.Errorf("the second: %v", err)
	}
}

// TestI16NoDecisionWithoutALog: what cannot be written down is not decided, so no provider is asked.
func TestI16NoDecisionWithoutALog(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	d := decideRead(t, k, owner, "a")
	log := filepath.Join(h.layout().Audit, "000001.log")
	if err := errors.Join(os.Rename(log, log+".away"), os.Mkdir(log, 0o700)); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Decide(t.Context(), owner, keeper.DecideRequest{Action: "read", Provider: "env", Names: []string{"a"}}); err == nil || got.ID != "" {
		t.Errorf("decided without a log: %+v, %v", got, err)
	}
	if err := k.Record(t.Context(), owner, keeper.RecordRequest{ID: d.ID, Outcomes: []keeper.Outcome{{Name: "a"}}}); err == nil {
		t.Error("recorded without a log")
	}
}
