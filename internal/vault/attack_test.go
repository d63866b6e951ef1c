package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/vault"
)

// damageCodes are the classes that damage may have; a wrong value or "no such secret" is not among them.
var damageCodes = []error{fault.Corrupted, fault.Tampered, fault.RolledBack}

func isDamage(err error) bool {
	for _, c := range damageCodes {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}

// filled is a vault with some secrets of some versions, and what each is.
func filled(t *testing.T) (*rig, map[string]string) {
	r := newRig(t)
	want := map[string]string{}
	for i := range 12 {
		n := fmt.Sprintf("svc%d/key", i)
		for v := 0; v <= i%3; v++ {
			want[n] = fmt.Sprintf("value-%d-%d", i, v)
			r.mustSet(n, want[n])
		}
	}
	return r, want
}

// TestI02SwappedRecords puts every record in the place of every other one of its kind: nothing opens there.
func TestI02SwappedRecords(t *testing.T) {
	t.Parallel()
	r, want := filled(t)
	raw := r.raw()
	swapped, swaps := 0, 80 // of some 4,000 pairs, others in each run
	if os.Getenv("TACIT_LONG") != "" {
		swaps = 1000
	}
	for from, record := range raw {
		for to, original := range raw {
			if from == to || from[0] != to[0] || from[0] == byte(vault.KindSlot) {
				continue
			}
			r.tamper(func(b *engine.Batch) { b.Put([]byte(to), record) })
			damaged := 0
			for n, v := range want {
				got, err := r.get(n)
				switch {
				case err == nil && got != v:
					t.Fatalf("record %q under %q: %s is %q, want %q", from, to, n, got, v)
				case err != nil && !isDamage(err):
					t.Fatalf("record %q under %q: %s: %v", from, to, n, err)
				case err != nil:
					damaged++
				}
			}
			if found := problems(t, r); damaged == 0 && found == 0 {
				t.Fatalf("record %q under %q was not noticed", from, to)
			}
			r.tamper(func(b *engine.Batch) { b.Put([]byte(to), original) })
			if swapped++; swapped >= swaps {
				return
			}
		}
	}
}

// listAll goes through every secret as a listing does.
func listAll(v *vault.Reader) error {
	return vault.Select(v, func(*vault.Secret) (int, bool) { return 0, true }, func(int) error { return nil })
}

func problems(t *testing.T, r *rig) int {
	t.Helper()
	n := 0
	err := r.v.View(context.Background(), func(v *vault.Reader) error {
		p, err := v.Check(nil)
		n = len(p)
		return err
	})
	if err != nil {
		n++
	}
	return n
}

// TestI02BoxParts swaps data-key wraps between versions and secrets, edits headers, and cuts records.
func TestI02BoxParts(t *testing.T) {
	t.Parallel()
	r, want := filled(t)
	for key, record := range r.raw() {
		if key == "h" || key[0] == byte(vault.KindSlot) {
			continue
		}
		for _, edit := range []func([]byte) []byte{
			func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			func(b []byte) []byte { b[len(b)/2] ^= 0x80; return b },
			func(b []byte) []byte { return b[:len(b)-1] },
			func(b []byte) []byte { return b[:len(b)/2] },
			func(b []byte) []byte { return b[:1] },
			func(b []byte) []byte { return append(b, 0) },
			func(b []byte) []byte { b[5] ^= 1; return b },
			func([]byte) []byte { return []byte{} },
		} {
			r.tamper(func(b *engine.Batch) { b.Put([]byte(key), edit(bytes.Clone(record))) })
			if problems(t, r) == 0 {
				t.Errorf("an edit of %q was not noticed", key)
			}
			for n, v := range want {
				if got, err := r.get(n); err == nil && got != v || err != nil && !isDamage(err) {
					t.Fatalf("edit of %q: %s = %q, %v", key, n, got, err)
				}
			}
		}
		r.tamper(func(b *engine.Batch) { b.Put([]byte(key), record) })
	}
	r.check()
}

// TestI04HiddenRecordIsNotMissing deletes each record: no secret becomes "no such secret", and none answers for another.
func TestI04HiddenRecordIsNotMissing(t *testing.T) {
	t.Parallel()
	r, want := filled(t)
	for key, record := range r.raw() {
		r.tamper(func(b *engine.Batch) { b.Delete([]byte(key)) })
		for n, v := range want {
			got, err := r.get(n)
			if errors.Is(err, fault.NotFound) || err == nil && got != v {
				t.Fatalf("without %q: %s = %q, %v", key, n, got, err)
			}
		}
		if key != "h" && key != "a" && problems(t, r) == 0 {
			t.Errorf("removing %q was not noticed", key)
		}
		if key[0] == byte(vault.KindSecret) {
			none := func(*vault.Secret) error { return nil }
			each := r.v.View(context.Background(), func(v *vault.Reader) error { return v.Each(none) })
			list := r.v.View(context.Background(), func(v *vault.Reader) error { return listAll(v) })
			if !isDamage(each) || !isDamage(list) {
				t.Errorf("a list without %q: %v, %v", key, each, list)
			}
		}
		r.tamper(func(b *engine.Batch) { b.Put([]byte(key), record) })
	}
}

// TestI04NarrowScopeIsNotShadowed hides a secret of a workspace: the global one of the same name must not answer for it.
func TestI04NarrowScopeIsNotShadowed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustSet("token", "global value")
	before := r.raw()
	err := r.update(func(tx *vault.Tx) error {
		return tx.Create(&vault.Secret{Name: "token", Scope: "workspace/w", Via: vault.ViaSet}, []byte("workspace value"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range r.raw() {
		if _, was := before[key]; !was && key[0] == byte(vault.KindIndex) {
			r.tamper(func(b *engine.Batch) { b.Delete([]byte(key)) })
		}
	}
	err = r.v.View(context.Background(), func(v *vault.Reader) error {
		s, err := v.Find([]name.Scope{"workspace/w", name.Global}, "token")
		if err == nil {
			t.Errorf("found the one of scope %s", s.Scope)
		}
		return err
	})
	if !isDamage(err) {
		t.Fatalf("hidden secret of a narrower scope: %v", err)
	}
}

// TestI02PutBackRecord puts records back as they were before a change: each opens, but together they are not what was written.
func TestI02PutBackRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustSet("a", "first value")
	r.mustSet("b", "other value")
	old := r.raw()
	r.mustSet("a", "second value")
	for key, record := range old {
		now := r.raw()[key]
		if bytes.Equal(now, record) || key == "a" {
			continue
		}
		r.tamper(func(b *engine.Batch) { b.Put([]byte(key), record) })
		if problems(t, r) == 0 {
			t.Errorf("%q was put back unnoticed", key)
		}
		r.tamper(func(b *engine.Batch) { b.Put([]byte(key), now) })
	}
	r.check()
}

// TestI02SwappedRecipient gives a slot another recipient: a root rotation must not send the next root key there.
func TestI02EditedSlot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	edited := r.slot
	edited.Label = "edited"
	for key := range r.raw() {
		if key[0] != byte(vault.KindSlot) {
			continue
		}
		record, err := r.v.Door(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		s := record.Slots[0]
		s.Label = "edited"
		b, err := envelope.EncodeSlot(s)
		if err != nil {
			t.Fatal(err)
		}
		r.tamper(func(batch *engine.Batch) { batch.Put([]byte(key), b) })
	}
	err := r.v.View(context.Background(), func(v *vault.Reader) error { _, err := v.Slots(); return err })
	if !errors.Is(err, fault.Tampered) {
		t.Fatalf("an edited slot: %v", err)
	}
	r.reopen()
	if err := r.unlock(); !errors.Is(err, fault.Tampered) {
		t.Fatalf("unlock by an edited slot: %v", err)
	}
}

// TestNewerFormat refuses what a newer tacit wrote.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.tamper(func(b *engine.Batch) {
		b.Put([]byte("h"), []byte(`{"format":2,"vault_id":"v_X","created_at":"2026-01-01T00:00:00Z"}`))
	})
	r.reopen()
	if err := r.unlock(); !errors.Is(err, fault.NewerFormat) {
		t.Fatalf("format 2: %v", err)
	}
}
