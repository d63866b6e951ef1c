package vault_test

import (
	"bytes"
	"context"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/vault"
)

// logKey returns the key of the log's checkpoints, as this process sees it.
func (r *rig) logKey() (key []byte, err error) {
	err = r.v.View(context.Background(), func(v *vault.Reader) error {
		key, err = v.LogKey()
		return err
	})
	return key, err
}

func (r *rig) wantLogKey(want []byte) {
	r.t.Helper()
	r.reopen()
	if err := r.unlock(); err != nil {
		r.t.Fatal(err)
	}
	r.check()
	if got, err := r.logKey(); err != nil || !bytes.Equal(got, want) {
		r.t.Fatalf("another key, %v", err)
	}
}

// TestLogKeyStays: the key of the checkpoints is the vault's for good, through changes, root rotations and restores.
func TestLogKeyStays(t *testing.T) {
	t.Parallel()
	r, _ := filled(t)
	key, err := r.logKey()
	if err != nil || len(key) == 0 {
		t.Fatal(err)
	}
	if err := r.update(func(tx *vault.Tx) error { return tx.SetCheckpointAt(1234) }); err != nil {
		t.Fatal(err)
	}
	r.wantLogKey(key)
	r.begin()
	r.wantLogKey(key)
	m := vault.Moving{}
	for more := true; more; {
		if more, err = r.v.MoveBatch(context.Background(), &m); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.v.FinishRotation(context.Background(), r.hooks, nil); err != nil {
		t.Fatal(err)
	}
	r.wantLogKey(key)
	if err := r.v.Restore(context.Background(), r.hooks, false, func(func(vault.Versioned) error) error { return nil }, func(*vault.Reader, vault.Put) error { return nil }); err != nil {
		t.Fatal(err)
	}
	r.wantLogKey(key)
	err = r.v.View(context.Background(), func(v *vault.Reader) error {
		if at, err := v.CheckpointAt(); err != nil || at != 1234 {
			t.Errorf("checkpoint at %d, %v", at, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLogbookIsTheVaults: what the vault keeps about its log cannot be removed, put back or taken from another vault.
func TestLogbookIsTheVaults(t *testing.T) {
	t.Parallel()
	r, _ := filled(t)
	at := func(ms vault.Millis) {
		t.Helper()
		if err := r.update(func(tx *vault.Tx) error { return tx.SetCheckpointAt(ms) }); err != nil {
			t.Fatal(err)
		}
	}
	at(1)
	old := r.raw()
	at(2)
	now := r.raw()
	other, _ := filled(t)
	for name, attack := range map[string]func(b *engine.Batch){
		"the key is gone":            func(b *engine.Batch) { b.Delete([]byte("lkey")) },
		"the key of another vault":   func(b *engine.Batch) { b.Put([]byte("lkey"), other.raw()["lkey"]) },
		"an older record":            func(b *engine.Batch) { b.Put([]byte("lcheckpoint"), old["lcheckpoint"]) },
		"one record in another's":    func(b *engine.Batch) { b.Put([]byte("lkey"), now["lcheckpoint"]) },
		"the checkpoint is gone":     func(b *engine.Batch) { b.Delete([]byte("lcheckpoint")) },
		"a record that is not known": func(b *engine.Batch) { b.Put([]byte("lmore"), now["lkey"]) },
	} {
		r.tamper(attack)
		r.reopen()
		if err := r.unlock(); err != nil {
			t.Fatal(err)
		}
		if key, err := r.logKey(); !isDamage(err) {
			t.Errorf("%s: %d bytes, %v", name, len(key), err)
		}
		if problems(t, r) == 0 {
			t.Errorf("%s: not noticed", name)
		}
		r.tamper(func(b *engine.Batch) {
			b.Delete([]byte("lmore"))
			b.Put([]byte("lkey"), now["lkey"])
			b.Put([]byte("lcheckpoint"), now["lcheckpoint"])
		})
		if _, err := r.logKey(); err != nil {
			t.Fatal(err)
		}
	}
}
