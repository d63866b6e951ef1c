package vault_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/vault"
)

func (r *rig) begin() {
	r.t.Helper()
	next, err := envelope.NewRoot(rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	slot := r.makeSlot("1", r.v.Header().VaultID, r.v.Epoch()+1, next)
	if err := r.v.BeginRotation(context.Background(), r.root, next, []envelope.Slot{slot}, r.hooks); err != nil {
		r.t.Fatal(err)
	}
	r.root = next
}

// TestRotationInterruptedAnywhere stops after every batch, reopens as a new process, reads and writes, and goes on.
func TestRotationInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	r, want := filled(t)
	err := r.update(func(tx *vault.Tx) error {
		return tx.Create(&vault.Secret{Name: "grouped", Scope: "workspace/w", Groups: []string{"w/g"}, Aliases: []string{"nick"}, Via: vault.ViaSet}, []byte("in a group"))
	})
	if err != nil {
		t.Fatal(err)
	}
	old := r.raw()
	r.begin()
	step := 0
	for more := true; more; step++ {
		r.reopen()
		if err := r.unlock(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		for n, v := range want {
			if got, err := r.get(n); err != nil || got != v {
				t.Fatalf("step %d: %s = %q, %v", step, n, got, err)
			}
		}
		n := fmt.Sprintf("new%d", step)
		r.mustSet(n, "written during the rotation")
		want[n] = "written during the rotation"
		r.mustSet("svc2/key", n+" value")
		want["svc2/key"] = n + " value"
		r.check()
		m := vault.Moving{Most: 4}
		var err error
		if more, err = r.v.MoveBatch(context.Background(), &m); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		for i := 0; more && i < step; i++ { // as far as the last time, and one more
			if more, err = r.v.MoveBatch(context.Background(), &m); err != nil {
				t.Fatal(err)
			}
		}
		r.check()
	}
	if step < 3 {
		t.Fatalf("only %d steps", step)
	}
	if err := r.v.FinishRotation(context.Background(), r.hooks, nil); err != nil {
		t.Fatal(err)
	}
	r.check()
	r.reopen()
	if err := r.unlock(); err != nil {
		t.Fatal(err)
	}
	r.check()
	for n, v := range want {
		if got, err := r.get(n); err != nil || got != v {
			t.Fatalf("after: %s = %q, %v", n, got, err)
		}
	}
	err = r.v.View(context.Background(), func(v *vault.Reader) error {
		s, err := v.Find([]name.Scope{"workspace/w/group/g"}, "nick")
		if err == nil && s.Name != "grouped" {
			t.Errorf("nick is %s", s.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.v.AuditKey(1); err != nil {
		t.Errorf("the first epoch's audit key is gone: %v", err)
	}
	for key, record := range r.raw() {
		if was, ok := old[key]; ok && key[0] != byte(vault.KindValue) && key != "h" && string(was) == string(record) {
			t.Errorf("%q is still as it was under the old root key", key)
		}
	}
	// Nothing opens with the old keys.
	if err := r.v.FinishRotation(context.Background(), r.hooks, nil); !errors.Is(err, fault.Conflict) {
		t.Errorf("finishing twice: %v", err)
	}
}

func entries(n int, prefix string) func() (*vault.Entry, error) {
	i := 0
	return func() (*vault.Entry, error) {
		if i == n {
			return nil, io.EOF
		}
		i++
		return &vault.Entry{
			Secret: vault.Secret{Name: fmt.Sprintf("%s%06d", prefix, i), Scope: name.Global, Via: vault.ViaImport},
			Value:  fmt.Appendf(nil, "value of %s%d", prefix, i),
		}, nil
	}
}

// TestImportSizes imports through both ways in, one batch and a new storage, and finds the same.
func TestImportSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 300, 4500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r, want := filled(t)
			im := vault.Import{OnConflict: vault.ConflictFail, Hooks: r.hooks}
			if err := r.v.Import(context.Background(), im, entries(n, "bulk/")); err != nil {
				t.Fatal(err)
			}
			r.check()
			want[fmt.Sprintf("bulk/%06d", n)] = fmt.Sprintf("value of bulk/%d", n)
			for k, v := range want {
				if got, err := r.get(k); err != nil || got != v {
					t.Fatalf("%s = %q, %v", k, got, err)
				}
			}
			// Again: everything conflicts, nothing changes.
			if err := r.v.Import(context.Background(), im, entries(n, "bulk/")); !errors.Is(err, fault.Exists) {
				t.Fatalf("again: %v", err)
			}
			counts := map[vault.Action]int{}
			im.OnConflict, im.Report = vault.ConflictVersion, func(_ int, _ *vault.Entry, a vault.Action, _ string) { counts[a]++ }
			if err := r.v.Import(context.Background(), im, entries(n, "bulk/")); err != nil {
				t.Fatal(err)
			}
			if counts[vault.ActionSkip] != n {
				t.Fatalf("same values again: %v", counts)
			}
			r.check()
			// A dry run, and one that fails half-way, change nothing.
			before := r.raw()
			im.DryRun = true
			if err := r.v.Import(context.Background(), im, entries(n+5, "other/")); err != nil {
				t.Fatal(err)
			}
			im.DryRun = false
			broken := entries(n+5, "third/")
			err := r.v.Import(context.Background(), im, func() (*vault.Entry, error) {
				e, err := broken()
				if errors.Is(err, io.EOF) {
					return nil, fault.New(fault.Invalid, "line 7: what is this")
				}
				return e, err
			})
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("broken import: %v", err)
			}
			if after := r.raw(); len(after) != len(before) || string(after["a"]) != string(before["a"]) {
				t.Fatal("an abandoned import changed the vault")
			}
		})
	}
}

// TestImportTwiceTheSameName refuses two new entries of one name, in a batch and in bulk.
func TestImportTwiceTheSameName(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 4500} {
		r := newRig(t)
		next, extra := entries(n, "x"), 2
		err := r.v.Import(context.Background(), vault.Import{OnConflict: vault.ConflictFail, Hooks: r.hooks}, func() (*vault.Entry, error) {
			e, err := next()
			if errors.Is(err, io.EOF) && extra > 0 {
				extra--
				return &vault.Entry{Secret: vault.Secret{Name: "twice", Scope: name.Global}, Value: []byte("value")}, nil
			}
			return e, err
		})
		if code := fault.CodeOf(err); code != fault.Exists && code != fault.Conflict {
			t.Fatalf("%d entries: %v", n, err)
		}
		if _, err := r.get("x000001"); !errors.Is(err, fault.NotFound) {
			t.Fatalf("%d entries: something was imported: %v", n, err)
		}
	}
}
