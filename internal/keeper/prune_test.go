package keeper_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// yearOld is a home with a log of a year: a change and a read each month, and so a segment each.
func yearOld(t *testing.T) *home {
	t.Helper()
	h := newHome(t)
	for range 12 {
		k := h.open()
		set(t, k, "a", h.now.String())
		mustGet(t, k, "a", h.now.String())
		h.now = h.now.AddDate(0, 0, 31)
	}
	return h
}

func segments(t *testing.T, h *home) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(h.layout().Audit, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		names = append(names, filepath.Base(path))
	}
	return names
}

// TestAuditPrune removes what is old, keeps what is not, says so on the record, and the log verifies, also for who has no key.
func TestAuditPrune(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := yearOld(t)
	k := h.open()
	early, before := checkpoint(t, k), segments(t, h)
	cutoff := h.now.AddDate(0, 0, -200)
	all := lines(t, k, keeper.AuditRequest{})
	out, err := k.AuditPrune(ctx, owner, cutoff)
	if err != nil || out.Records == 0 || out.LastSeq == nil || *out.LastSeq != uint64(out.Records) {
		t.Fatalf("%+v, %v", out, err)
	}
	if left := segments(t, h); len(left) >= len(before) || left[0] == before[0] {
		t.Errorf("%v of %v", left, before)
	}
	k = h.open()
	left := lines(t, k, keeper.AuditRequest{})
	for _, r := range all {
		if i := slices.IndexFunc(left, func(l client.AuditRecord) bool { return l.Seq == r.Seq }); i < 0 && (!r.Time.Before(cutoff) || r.Seq > *out.LastSeq) {
			t.Errorf("record %d of %v is gone", r.Seq, r.Time)
		}
	}
	if len(left) >= len(all) {
		t.Errorf("%d lines of %d", len(left), len(all))
	}
	if !slices.ContainsFunc(left, func(r client.AuditRecord) bool {
		return r.Action == "admin" && strings.Contains(*r.Reason, "pruned up to record")
	}) {
		t.Error("it is not on the record")
	}
	if kind := verifyFrom(t, k, early); kind != "" {
		t.Error(kind)
	}
	d, err := k.Doctor(ctx, owner, keeper.DoctorRequest{})
	if err != nil || d.Counts.Fail != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	text, err := os.ReadFile(filepath.Join(h.layout().Audit, "pruned.note"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(early.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open(text, note.VerifierList(v)); err != nil || !strings.Contains(n.Text, "/pruned\n") {
		t.Errorf("%v, %v", n, err)
	}
	if _, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{Checkpoint: text}); !errors.Is(err, fault.Invalid) {
		t.Errorf("the note is taken for a checkpoint: %v", err)
	}
	again, err := k.AuditPrune(ctx, owner, cutoff)
	if err != nil || again.Records != 0 || *again.LastSeq != *out.LastSeq {
		t.Errorf("again: %+v, %v", again, err)
	}

	// Everything else that is missing is found.
	if err := os.Remove(filepath.Join(h.layout().Audit, segments(t, h)[0])); err != nil {
		t.Fatal(err)
	}
	bad, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})
	if err != nil || bad.OK || bad.Bad.Kind != "missing" || bad.Bad.Seq != *out.LastSeq+1 {
		t.Errorf("%+v, %v", bad.Bad, err)
	}
	if _, err := k.AuditPrune(ctx, owner, cutoff); !errors.Is(err, fault.Tampered) {
		t.Errorf("a log that is not whole was pruned: %v", err)
	}
}

// TestI31AuditPruneNeedsPresence: not with a key that another process handed over, and never what is young.
func TestI31AuditPruneNeedsPresence(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := yearOld(t)
	before := segments(t, h)
	agent := h.open()
	err := h.open().HandOver(ctx, func(rootKey []byte, slot string) error { return agent.Adopt(ctx, bytes.Clone(rootKey), slot) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agent.AuditPrune(ctx, owner, h.now.AddDate(0, 0, -200)); !errors.Is(err, fault.Denied) {
		t.Errorf("an agent pruned: %v", err)
	}
	holder, _ := token(t, h.open(), keeper.TokenRequest{Allow: []string{"audit **"}})
	if _, err := h.open().AuditPrune(ctx, holder, h.now.AddDate(0, 0, -200)); !errors.Is(err, fault.Denied) {
		t.Errorf("who has a token pruned: %v", err)
	}
	for _, young := range []time.Time{h.now, h.now.AddDate(1, 0, 0), h.now.AddDate(0, 0, -89)} {
		if _, err := h.open().AuditPrune(ctx, owner, young); !errors.Is(err, fault.Invalid) {
			t.Errorf("before %v: %v", young, err)
		}
	}
	if out, err := h.open().AuditPrune(ctx, owner, h.now.AddDate(-3, 0, 0)); err != nil || out.Records != 0 || out.LastSeq != nil {
		t.Errorf("%+v, %v", out, err)
	}
	if left := segments(t, h); !slices.Equal(left[:len(before)], before) {
		t.Errorf("%v of %v are left", left, before)
	}
}

// TestI17PrunedThenBegunAnew: a log that was set aside takes with it what was known of its pruning: nothing of the new one may be missing.
func TestI17PrunedThenBegunAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := yearOld(t)
	k := h.open()
	var file bytes.Buffer
	if _, err := k.Backup(ctx, owner, keeper.BackupRequest{}, &file); err != nil {
		t.Fatal(err)
	}
	if _, err := k.AuditPrune(ctx, owner, h.now.AddDate(0, 0, -100)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(h.layout().Audit, segments(t, h)[len(segments(t, h))-1]), 0); err != nil {
		t.Fatal(err)
	}
	k = h.open()
	if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: &file}); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.AddDate(0, 0, 31)
	if _, err := get(h.open(), "a"); err != nil {
		t.Fatal(err)
	}
	if v, err := h.open().AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Fatalf("%+v, %v", v, err)
	}
	if names := segments(t, h); len(names) != 2 || names[0] != "000001.log" {
		t.Fatal(names)
	}
	if err := os.Remove(filepath.Join(h.layout().Audit, "000001.log")); err != nil {
		t.Fatal(err)
	}
	if v, err := h.open().AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || v.OK || v.Bad.Kind != "missing" {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestAuditPruneRetains: what the configuration says to keep is kept, also when it cannot be read.
func TestAuditPruneRetains(t *testing.T) {
	t.Parallel()
	h := yearOld(t)
	cutoff := h.now.AddDate(0, 0, -200)
	for name, c := range map[string]struct {
		config keeper.Config
		err    error
		want   fault.Code
	}{
		"longer":     {keeper.Config{Retain: 300 * 24 * time.Hour}, nil, fault.Invalid},
		"unreadable": {keeper.Config{}, fault.New(fault.Usage, "config.yaml: line 1: nonsense"), fault.Usage},
	} {
		before := segments(t, h)
		k := h.openWith(func() (keeper.Config, error) { return c.config, c.err })
		if _, err := k.AuditPrune(t.Context(), owner, cutoff); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if after := segments(t, h); !slices.Equal(before, after) {
			t.Errorf("%s: %v of %v are left", name, after, before)
		}
	}
	k := h.openWith(func() (keeper.Config, error) { return keeper.Config{Retain: time.Hour}, nil })
	if _, err := k.AuditPrune(t.Context(), owner, h.now.AddDate(0, 0, -80)); !errors.Is(err, fault.Invalid) {
		t.Errorf("shorter than 90 days: %v", err)
	}
	if out, err := k.AuditPrune(t.Context(), owner, cutoff); err != nil || out.Records == 0 {
		t.Errorf("%+v, %v", out, err)
	}
}
