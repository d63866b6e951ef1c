package keeper_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"tacit/internal/keeper"
)

// crowd is a vault with the service demo, whose key is automatic, and beside it other services with capabilities and credentials, of
// demo too, all but the last one in a workspace. Half of the capabilities are of demo, whose automatic credential is bound to one.
func crowd(t testing.TB, services, capabilities, credentials int) *keeper.Keeper {
	t.Helper()
	u := newUpstream(t, nil)
	k := newHome(t).open()
	more := ""
	for i := range capabilities / 2 {
		more += fmt.Sprintf("  - {id: demo/more%d, methods: [GET], paths: [/v1/more%d], risk: read}\n", i, i)
	}
	addService(t, k, []byte(strings.Replace(string(u.file("demo", "DEMO_KEY")), "network:", more+"network:", 1)))
	set(t, k, "DEMO_KEY", demoKey)
	set(t, k, "SHARED", "what the owner says may be sent")
	ids := []string{"demo"}
	for i := range services {
		id := fmt.Sprintf("other%d", i)
		ids = append(ids, id)
		var b strings.Builder
		fmt.Fprintf(&b, "service: %[1]s\nhosts: [api.%[1]s.example]\nsecrets: {KEY_OF_%[1]s: secret}\nauth: {header: {name: x-key, value: \"{{secret}}\"}}\ncapabilities:\n", id)
		for j := range max(capabilities/2/services, 1) {
			fmt.Fprintf(&b, "  - {id: %s/c%d, methods: [GET], paths: [/v1/c%d], risk: read}\n", id, j, j)
		}
		addService(t, k, []byte(b.String()))
	}
	all := make([]keeper.CredentialRequest, credentials)
	for i := range all {
		all[i] = keeper.CredentialRequest{ID: fmt.Sprintf("many-%05d", i), Service: ids[i%len(ids)], Secrets: map[string]string{"": "SHARED"}, Scope: "workspace/crowd"}
	}
	all[credentials-1].Service, all[credentials-1].Scope = "demo", "global"
	if err := k.CreateCredentials(context.Background(), owner, all); err != nil {
		t.Fatal(err)
	}
	bind := keeper.BindRequest{Capability: "demo/things", Credential: "demo"}
	if _, err := k.CapabilityBind(context.Background(), owner, bind); err != nil {
		t.Fatal(err)
	}
	return k
}

// asks are uses that find their credential in each of the ways that there are: by the binding, and by its id.
func asks(credentials int) map[string]keeper.UseRequest {
	named := things()
	named.Credential = fmt.Sprintf("many-%05d", credentials-1)
	return map[string]keeper.UseRequest{"bound": things(), "named": named}
}

// cost returns what one use allocates when nothing is kept of the uses before it, in the whole program: the upstream is in it.
func cost(t testing.TB, k *keeper.Keeper, r keeper.UseRequest) (allocations, bytes uint64) {
	t.Helper()
	const times = 100
	var before, after runtime.MemStats
	mustUse(t, k, owner, r)
	runtime.ReadMemStats(&before)
	for range times {
		k.ForgetAnswers()
		mustUse(t, k, owner, r)
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / times, (after.TotalAlloc - before.TotalAlloc) / times
}

// heap is what is in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestUseAmongMany: 1,000 capabilities and 10,000 credentials cost a use nothing: it opens its own credential, and looks at no other.
// Each credential that were looked at would be allocations, and so would each secret that were opened.
//
//nolint:paralleltest // it measures what the whole program allocates
func TestUseAmongMany(t *testing.T) {
	few := crowd(t, 1, 1, 10)
	before := heap()
	many := crowd(t, 10, 1000, 10_000)
	for name := range asks(10) {
		a, aBytes := cost(t, few, asks(10)[name])
		b, bBytes := cost(t, many, asks(10_000)[name])
		t.Logf("%s: %d allocations, %d bytes; among many %d, %d", name, a, aBytes, b, bBytes)
		if b > a+a/5 || bBytes > aBytes+aBytes/5 {
			t.Errorf("%s: a use allocates %d times, %d bytes; among many %d times, %d bytes", name, a, aBytes, b, bBytes)
		}
	}
	// What is kept of them all is what they say, once.
	held := (heap() - before) >> 20
	t.Logf("1,000 capabilities and 10,000 credentials take %d MiB", held)
	if held > 24 {
		t.Errorf("1,000 capabilities and 10,000 credentials take %d MiB", held)
	}
	runtime.KeepAlive(many)
}

// BenchmarkUseAmongMany is the time of a use among few and among many, with nothing kept of the one before, and as it is.
func BenchmarkUseAmongMany(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		k := crowd(b, max(n/1000, 1), n/10, n)
		for name, r := range asks(n) {
			for _, anew := range []bool{true, false} {
				b.Run(fmt.Sprintf("%d/%s/anew=%v", n, name, anew), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if anew {
							k.ForgetAnswers()
						}
						mustUse(b, k, owner, r)
					}
				})
			}
		}
	}
}
