package keeper_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tacit/client"
	"tacit/internal/keeper"
)

// TestAuditOfOthers: what other principals do, through whatever door, is in the lines, the summary and `audit who` as the owner's is;
// what they were refused is no sight of a secret.
func TestAuditOfOthers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "ci/one", "first value")
	set(t, k, "prod/db", "a secret of others")
	demo, _ := token(t, k, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read ci/*"}})
	plugin, _ := token(t, k, keeper.TokenRequest{Principal: "plugin/p", Allow: []string{"read ci/*"}})
	plugin.Door = "api"
	start := h.now
	step := func(c keeper.Caller, n string, ok bool) {
		t.Helper()
		h.now = h.now.Add(time.Minute)
		if got, err := getAs(t, k, c, n); (err == nil) != ok {
			t.Fatalf("%s: %q, %v", n, got, err)
		}
	}
	for range 20 {
		step(demo, "ci/one", true)
	}
	step(plugin, "ci/one", true)
	for range 3 {
		step(plugin, "prod/db", false)
	}
	step(demo, "no/such", false)
	rotated := h.now
	if _, err := k.Rotate(ctx, owner, keeper.RotateRequest{Ref: keeper.Ref{Name: "ci/one"}, Generate: &keeper.Generate{}}); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	r, err := k.Get(ctx, plugin, keeper.GetRequest{Ref: keeper.Ref{Name: "ci/one"}})
	if err != nil || r.Version != 2 {
		t.Fatal(err)
	}

	frequent := "agent/demo"
	a, err := k.Audit(ctx, owner, keeper.AuditRequest{Limit: 5})
	if err != nil || len(a.Records) != 5 {
		t.Fatalf("%d records, %v", len(a.Records), err)
	}
	want := client.AuditSummary{Failed: 4, MostFrequentPrincipal: &frequent, MostFrequentCount: 21, LastRotationAt: &rotated}
	if d := cmp.Diff(want, a.Summary); d != "" {
		t.Error(d)
	}
	for _, tt := range []struct {
		name    string
		request keeper.AuditRequest
		lines   int
		door    string
	}{
		{"an agent", keeper.AuditRequest{Principal: "agent/demo"}, 21, "socket"},
		{"a plugin", keeper.AuditRequest{Principal: "plugin/p"}, 5, "api"},
		{"what a plugin was refused", keeper.AuditRequest{Principal: "plugin/p", Failed: true}, 3, "api"},
		{"since", keeper.AuditRequest{Principal: "agent/demo", Since: start.Add(20 * time.Minute)}, 2, "socket"},
		{"of one secret", keeper.AuditRequest{Principal: "plugin/p", Secret: "prod/db"}, 3, "api"},
		{"of what is not there", keeper.AuditRequest{Secret: "no/such", Failed: true}, 1, "socket"},
	} {
		got := lines(t, k, tt.request)
		if len(got) != tt.lines {
			t.Errorf("%s: %d lines, want %d", tt.name, len(got), tt.lines)
		}
		for _, l := range got {
			if l.Door != tt.door || l.UID != 1000 || l.PID != 78 || tt.request.Principal != "" && l.Principal != tt.request.Principal {
				t.Errorf("%s: %+v", tt.name, l)
			}
		}
	}

	who, err := k.AuditWho(ctx, owner, keeper.Ref{Name: "ci/one"})
	if err != nil {
		t.Fatal(err)
	}
	at := func(m int) time.Time { return start.Add(time.Duration(m) * time.Minute) }
	seen := []client.AuditWhoVersion{
		{Version: 2, Principals: []client.AuditWhoPrincipal{{Principal: "plugin/p", FirstAt: h.now, LastAt: h.now, Count: 1, Action: "read"}}},
		{Version: 1, Principals: []client.AuditWhoPrincipal{
			{Principal: "agent/demo", FirstAt: at(1), LastAt: at(20), Count: 20, Action: "read"},
			{Principal: "plugin/p", FirstAt: at(21), LastAt: at(21), Count: 1, Action: "read"},
		}},
	}
	if d := cmp.Diff(seen, who.Versions); d != "" {
		t.Error(d)
	}
	if who, err := k.AuditWho(ctx, owner, keeper.Ref{Name: "prod/db"}); err != nil || len(who.Versions) != 0 {
		t.Errorf("nobody saw it: %+v, %v", who, err)
	}
}
