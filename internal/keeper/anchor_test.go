package keeper_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// TestI17AnchorOfReads: reads that no change followed can be cut off the log unnoticed, until AnchorLog.
func TestI17AnchorOfReads(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "the value")
	segment := filepath.Join(h.layout().Audit, "000001.log")
	content := func() []byte {
		t.Helper()
		b, err := os.ReadFile(segment)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	put := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(segment, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := content()
	mustGet(t, k, "a", "the value")
	mustGet(t, k, "a", "the value")
	read := content()
	put(before)
	if v, err := h.open().AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Fatalf("the vault knows of reads that no anchor names: %+v, %v", v, err)
	}
	put(read)
	for range 2 { // the second time it knows already
		if err := k.AnchorLog(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if string(content()) != string(read) {
		t.Error("an anchor was recorded")
	}
	if v, err := h.open().AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Fatalf("after the anchor: %+v, %v", v, err)
	}
	put(before)
	if v, err := h.open().AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || v.OK || v.Bad.Kind != "truncated" {
		t.Errorf("cut before the anchor: %+v, %v", v, err)
	}
	if _, err := get(h.open(), "a"); !errors.Is(err, fault.Tampered) {
		t.Errorf("a read beside a log that was cut before the anchor: %v", err)
	}
	put(read)
	k = h.open()
	mustGet(t, k, "a", "the value")
	set(t, k, "a", "changes go on from there")
	if v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestAnchorLogWhileLocked does nothing, whatever there is.
func TestAnchorLogWhileLocked(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if err := h.open().AnchorLog(context.Background()); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	if err := h.open().AnchorLog(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestI16LazyReads: an agent's reads are written before the answer, and on disk at the latest when it closes; nothing is left
// running. Reads and changes by many callers at once, and by another process between them, keep the chain.
func TestI16LazyReads(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := newHome(t)
	var mu sync.Mutex
	phases := map[string]int{}
	l := h.layout()
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{}), Random: rand.Reader, Now: func() time.Time { return h.now }, Lazy: true,
		Opener: &envelope.Opener{Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": passphrase}[k] }, WorkFactor: 10},
		Trace: func(phase string) {
			mu.Lock()
			defer mu.Unlock()
			phases[phase]++
		},
	})
	set(t, k, "a", "the value")
	mu.Lock()
	synced := phases["synced"]
	mu.Unlock()
	other := h.open()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 10 {
				if got, err := get(k, "a"); err != nil || got != "the value" {
					t.Errorf("%q, %v", got, err)
				}
				if i == 0 && n%5 == 0 {
					if got, err := get(other, "a"); err != nil || got != "the value" {
						t.Errorf("%q, %v", got, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(k.AnchorLog(context.Background()), k.Close()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := phases["synced"] - synced; n < 1 || n > 20 || phases["written"] < 10 {
		t.Errorf("%d syncs for 80 reads, %v", n, phases)
	}
	if v, err := other.AuditVerify(context.Background(), owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK || v.Records != 4+80+2 {
		t.Errorf("%+v, %v", v, err)
	}
}
