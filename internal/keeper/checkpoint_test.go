package keeper_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func checkpoint(t testing.TB, k *keeper.Keeper) client.AuditCheckpoint {
	t.Helper()
	c, err := k.AuditCheckpoint(context.Background(), owner)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verifyFrom verifies the log from a checkpoint and returns the kind of the first bad record, "" for none.
func verifyFrom(t testing.TB, k *keeper.Keeper, c client.AuditCheckpoint) string {
	t.Helper()
	v, err := k.AuditVerify(context.Background(), owner, keeper.AuditVerifyRequest{Checkpoint: []byte(c.Checkpoint)})
	if err != nil {
		t.Fatal(err)
	}
	if v.OK {
		return ""
	}
	return v.Bad.Kind
}

// TestI17CheckpointKeptElsewhere puts vault and log together back to an older state, which they cannot notice themselves. The
// checkpoint shows it: at once, and also after both have grown beyond it again.
func TestI17CheckpointKeptElsewhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "first value")
	early := checkpoint(t, k)
	aside := filepath.Join(t.TempDir(), "copy")
	copyTree(t, h.dir, aside)
	set(t, k, "a", "second value")
	late := checkpoint(t, k)
	mustGet(t, k, "a", "second value")
	for _, c := range []client.AuditCheckpoint{early, late} {
		if kind := verifyFrom(t, h.open(), c); kind != "" {
			t.Errorf("growth: %s", kind)
		}
	}
	s, err := k.Status(ctx, owner)
	if err != nil || s.Audit.CheckpointAt == nil || !s.Audit.CheckpointAt.Equal(late.At) || *s.Audit.PublicKey != late.PublicKey {
		t.Errorf("%+v, %v", s.Audit, err)
	}

	copyTree(t, aside, h.dir)
	k = h.open()
	mustGet(t, k, "a", "first value")
	if kind := verifyFrom(t, k, early); kind != "" {
		t.Errorf("the earlier checkpoint: %s", kind)
	}
	if kind := verifyFrom(t, k, late); kind != "truncated" {
		t.Errorf("cut: %q", kind)
	}
	for range 10 {
		mustGet(t, k, "a", "first value")
	}
	set(t, k, "a", "another second value")
	v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{Checkpoint: []byte(late.Checkpoint)})
	if err != nil || v.OK || v.Bad.Kind != "truncated" || v.Bad.Seq != late.Seq {
		t.Errorf("fork: %+v, %v", v, err)
	}
	if v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Errorf("without the checkpoint nothing shows: %+v, %v", v, err)
	}
}

// TestCheckpointOfAnotherVault is refused under this vault's key, and as another vault's under that one's.
func TestCheckpointOfAnotherVault(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k, other := newHome(t).open(), newHome(t).open()
	c := checkpoint(t, other)
	_, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{Checkpoint: []byte(c.Checkpoint)})
	if !errors.Is(err, fault.Tampered) {
		t.Errorf("under our key: %v", err)
	}
	_, err = k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{Checkpoint: []byte(c.Checkpoint), VerifierKey: c.PublicKey})
	if !errors.Is(err, fault.Foreign) {
		t.Errorf("under its own: %v", err)
	}
}

// TestVaultFromBeforeCheckpoints opens a vault that the last version without them wrote: it has no key until it is changed.
func TestVaultFromBeforeCheckpoints(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := &home{t: t, dir: filepath.Join(t.TempDir(), "tacit"), now: newHome(t).now}
	l := h.layout()
	if err := os.MkdirAll(l.Audit, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/before-checkpoints/vault.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	db, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	segment, err := os.ReadFile("testdata/before-checkpoints/000001.log")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(l.Vault, db, 0o600), os.WriteFile(filepath.Join(l.Audit, "000001.log"), segment, 0o600)); err != nil {
		t.Fatal(err)
	}

	k := h.open()
	mustGet(t, k, "old.secret", "kept before there were checkpoints")
	s, err := k.Status(ctx, owner)
	if err != nil || s.Audit.PublicKey != nil || s.Audit.CheckpointAt != nil {
		t.Fatalf("%+v, %v", s.Audit, err)
	}
	_, err = k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{Checkpoint: []byte("x")})
	if !errors.Is(err, fault.NotFound) {
		t.Errorf("there is no key yet: %v", err)
	}
	set(t, k, "new", "makes the key too")
	s, err = k.Status(ctx, owner)
	if err != nil || s.Audit.PublicKey == nil || !strings.HasPrefix(*s.Audit.PublicKey, "tacit-audit-chain/v_") {
		t.Fatalf("%+v, %v", s.Audit, err)
	}
	if kind := verifyFrom(t, h.open(), checkpoint(t, k)); kind != "" {
		t.Error(kind)
	}
	d, err := k.Doctor(ctx, owner, keeper.DoctorRequest{})
	if err != nil || d.Counts.Fail != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestAuditExport gives the same records as a query does, once each and in order, and is on the record before the first one.
func TestAuditExport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "first value")
	mustGet(t, k, "a", "first value")
	if _, err := get(k, "missing"); err == nil {
		t.Fatal("found what is not there")
	}
	bob := owner
	bob.Principal, bob.Door = "agent/bob", "socket"
	if _, err := k.Get(ctx, bob, keeper.GetRequest{Ref: keeper.Ref{Name: "a"}}); err != nil {
		t.Fatal(err)
	}
	export := func(r keeper.AuditRequest) (out []client.AuditRecord) {
		t.Helper()
		if err := k.AuditExport(ctx, owner, r, func(r client.AuditRecord) error { out = append(out, r); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := export(keeper.AuditRequest{})
	if last := all[len(all)-1]; last.Action != "audit" || *last.Reason != "export" {
		t.Errorf("the export itself is not on the record: %+v", last)
	}
	for name, r := range map[string]keeper.AuditRequest{
		"principal": {Principal: "agent/bob"}, "failed": {Failed: true}, "since": {Since: h.now}, "secret": {Secret: "a"},
	} {
		got, want := export(r), lines(t, k, r)
		n := 0
		for _, r := range got {
			if r.Action != "audit" {
				n++
			}
		}
		for _, r := range want {
			if r.Action != "audit" {
				n--
			}
		}
		if n != 0 || len(got) == 0 {
			t.Errorf("%s: %d exported, %d shown", name, len(got), len(want))
		}
	}
	stop := errors.New("enough")
	if err := k.AuditExport(ctx, owner, keeper.AuditRequest{}, func(client.AuditRecord) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}
