package vault_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/vault"
)

// rig is a vault on a real bolt file, with the root key at hand.
type rig struct {
	t     testing.TB
	path  string
	eng   *bolt.Engine
	v     *vault.Vault
	root  *envelope.Root
	slot  envelope.Slot
	now   time.Time
	seq   uint64
	hooks vault.Hooks
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "vault.db"), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	r.hooks = vault.Hooks{
		Witness: func(*vault.Tx) (vault.Witness, error) { r.seq++; return vault.Witness{Seq: r.seq}, nil },
		Done:    func(*vault.Tx, error) {},
	}
	var err error
	if r.root, err = envelope.NewRoot(rand.Reader); err != nil {
		t.Fatal(err)
	}
	id, err := vault.NewVaultID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r.slot = r.makeSlot("1", id, 1, r.root)
	r.reopen()
	err = r.v.Create(vault.Header{Format: vault.FormatVersion, VaultID: id, CreatedAt: r.now}, r.root, []envelope.Slot{r.slot}, r.hooks,
		func(fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(context.Background(), r.path, bolt.Options{}, fill)
		})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// makeSlot makes a passphrase slot cheaply.
func (r *rig) makeSlot(id, vaultID string, epoch uint32, root *envelope.Root) envelope.Slot {
	r.t.Helper()
	o := r.opener()
	s, _, err := o.Make(context.Background(), id, vaultID, envelope.Spec{Kind: envelope.SlotPassphrase, Passphrase: value("correct horse battery")}, epoch, root)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) opener() *envelope.Opener {
	return &envelope.Opener{
		Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": "correct horse battery"}[k] },
		Random: rand.Reader, Now: func() time.Time { return r.now }, WorkFactor: 10,
	}
}

// reopen forgets everything in memory, as another process would begin.
func (r *rig) reopen() {
	r.eng = bolt.Open(r.path, bolt.Options{})
	r.v = vault.New(r.eng, rand.Reader, func() time.Time { return r.now })
}

// unlock opens the vault as a fresh process does: door, slot, keys.
func (r *rig) unlock() error {
	door, err := r.v.Door(context.Background())
	if err != nil {
		return err
	}
	root, slot, err := r.opener().Open(context.Background(), door.Slots)
	if err != nil {
		return err
	}
	return r.v.Unlock(context.Background(), root, slot, func(*vault.Reader) error { return nil })
}

func (r *rig) update(fn func(*vault.Tx) error) error {
	return r.v.Update(context.Background(), fn, r.hooks)
}

// set creates a secret or adds a version.
func (r *rig) set(n, val string) error {
	return r.update(func(tx *vault.Tx) error {
		old, err := tx.InScope(name.Global, n)
		if err != nil {
			return err
		}
		if old == nil {
			return tx.Create(&vault.Secret{Name: n, Scope: name.Global, Via: vault.ViaSet, Principal: "user/test"}, []byte(val))
		}
		s := *old
		return tx.AddVersion(old, &s, []byte(val), 0)
	})
}

func (r *rig) mustSet(n, val string) {
	r.t.Helper()
	if err := r.set(n, val); err != nil {
		r.t.Fatalf("set %s: %v", n, err)
	}
}

func (r *rig) get(n string) (string, error) {
	var got []byte
	err := r.v.View(context.Background(), func(v *vault.Reader) error {
		s, err := v.Find([]name.Scope{name.Global}, n)
		if err != nil {
			return err
		}
		got, err = v.Value(s)
		return err
	})
	return string(got), err
}

func (r *rig) find(n string) *vault.Secret {
	r.t.Helper()
	var s *vault.Secret
	err := r.v.View(context.Background(), func(v *vault.Reader) (err error) {
		s, err = v.Find([]name.Scope{name.Global}, n)
		return err
	})
	if err != nil {
		r.t.Fatalf("find %s: %v", n, err)
	}
	return s
}

// check fails the test if the vault's own examination finds anything.
func (r *rig) check() {
	r.t.Helper()
	err := r.v.View(context.Background(), func(v *vault.Reader) error {
		problems, err := v.Check(nil)
		for _, p := range problems {
			r.t.Errorf("check: %s %s: %v", p.Kind, p.Object, p.Err)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// raw returns every record of the storage.
func (r *rig) raw() map[string][]byte {
	r.t.Helper()
	all := make(map[string][]byte)
	err := r.eng.View(context.Background(), func(s engine.Snapshot) error {
		return s.Scan(nil, nil, func(k, v []byte) error {
			all[string(k)] = append([]byte(nil), v...)
			return nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// tamper writes to the storage as someone without keys could.
func (r *rig) tamper(fn func(b *engine.Batch)) {
	r.t.Helper()
	w, err := r.eng.Begin(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	defer w.Close()
	var b engine.Batch
	fn(&b)
	if err := w.Commit(&b); err != nil {
		r.t.Fatal(err)
	}
}

func TestSetGetVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mustSet("db.password", "one")
	r.mustSet("db.password", "two")
	r.reopen()
	if err := r.unlock(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.get("db.password"); err != nil || got != "two" {
		t.Fatalf("got %q, %v", got, err)
	}
	s := r.find("db.password")
	err := r.v.View(context.Background(), func(v *vault.Reader) error {
		old, err := v.Version(s, 1)
		if err != nil {
			return err
		}
		b, err := v.Value(old)
		if string(b) != "one" {
			t.Errorf("version 1 is %q", b)
		}
		if _, err := v.Version(s, 3); !errors.Is(err, fault.NotFound) {
			t.Errorf("version 3: %v", err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.get("nothing"); !errors.Is(err, fault.NotFound) {
		t.Fatalf("missing: %v", err)
	}
	r.check()
}
