package vault_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/vault"
)

var errNo = errors.New("no")

// step is a random change of one secret, and of its alias and tags; it fails in the end if no says so.
type step struct {
	n, value string
	kind     int
	no       bool
}

func (s step) do(tx *vault.Tx) error {
	old, err := tx.InScope(name.Global, s.n)
	if err != nil {
		return err
	}
	switch {
	case old == nil:
		err = tx.Create(&vault.Secret{Name: s.n, Scope: name.Global, Aliases: []string{"alias/" + s.n}, Via: vault.ViaSet, Principal: "user/test"}, []byte(s.value))
	case s.kind == 0:
		err = tx.Remove(old)
	case s.kind == 1:
		is := *old
		is.Aliases = nil
		err = tx.SetMetadata(old, &is)
	case s.kind == 2:
		err = tx.PutSmall(vault.KindAccess, "grant/"+s.n, []byte(s.value))
	default:
		is := *old
		err = tx.AddVersion(old, &is, []byte(s.value), 0)
	}
	if err == nil && s.no {
		err = errNo
	}
	return err
}

// picture is what a state of a vault says, through every way of looking at it.
func picture(r *vault.Reader) (all []string, err error) {
	err = r.Each(func(s *vault.Secret) error {
		found, err := r.Find([]name.Scope{name.Global}, s.Name)
		if err != nil {
			return err
		}
		for _, a := range s.Aliases {
			if by, err := r.Find([]name.Scope{name.Global}, a); err != nil || by.ID != s.ID {
				return fmt.Errorf("%s by its alias: %w", s.Name, err)
			}
		}
		versions, err := r.History(found)
		if err != nil {
			return err
		}
		line := fmt.Sprint(s.Name, s.Aliases)
		for _, v := range versions {
			value, err := r.Value(v)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d=%s", v.Version, value)
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = r.Small(vault.KindAccess, func(n string, plain []byte) error {
		all = append(all, fmt.Sprintf("%s: %s", n, plain))
		return nil
	})
	slices.Sort(all)
	return all, err
}

// TestParts makes the same random changes in one vault one by one, in another as parts of few transactions: after each part the
// transaction shows what the vault shows, whatever failed before, and both vaults end the same and whole.
func TestParts(t *testing.T) {
	t.Parallel()
	single, joint := newRig(t), newRig(t)
	r := rand.New(rand.NewPCG(4, 2))
	show := func(v *vault.Vault) (all []string) {
		err := v.View(context.Background(), func(r *vault.Reader) (err error) { all, err = picture(r); return err })
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	revisions := func(r *rig) (n uint64) {
		_ = r.v.View(context.Background(), func(v *vault.Reader) error { n = v.Anchor().Revision; return nil })
		return n
	}
	for batch := range 20 {
		before, changes := revisions(joint), false
		err := joint.update(func(tx *vault.Tx) error {
			for i := range 8 {
				s := step{n: fmt.Sprint("n/", r.IntN(4)), value: fmt.Sprintf("value %d of %d", i, batch), kind: r.IntN(6), no: r.IntN(4) == 0}
				want := single.update(s.do)
				changed, err := tx.Part(s.do)
				if (want == nil) != (err == nil) || changed != (err == nil) {
					t.Fatalf("batch %d, %+v: %v and %v, changed %v", batch, s, want, err, changed)
				}
				changes = changes || changed
				_, err = tx.Part(func(tx *vault.Tx) error {
					if _, err := tx.Find([]name.Scope{name.Global}, "nothing"); !errors.Is(err, fault.NotFound) {
						t.Errorf("what is not there: %v", err)
					}
					got, err := picture(&tx.Reader)
					if want := show(single.v); err == nil && !slices.Equal(got, want) {
						t.Fatalf("batch %d, after %+v: %q, want %q", batch, s, got, want)
					}
					return err
				})
				if err != nil {
					t.Fatalf("batch %d, after %+v: %v", batch, s, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if is := revisions(joint); changes && is != before+1 {
			t.Errorf("batch %d made %d revisions", batch, is-before)
		}
		if got, want := show(joint.v), show(single.v); !slices.Equal(got, want) {
			t.Fatalf("after batch %d: %q, want %q", batch, got, want)
		}
		joint.check()
	}
}

// TestPartStates: what a transaction has not committed is not taken for a state that is stored, nor for one that another part saw.
func TestPartStates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	put := func(text string) func(*vault.Tx) error {
		return func(tx *vault.Tx) error { return tx.PutSmall(vault.KindAccess, "policy", []byte(text)) }
	}
	if err := r.update(put("one")); err != nil {
		t.Fatal(err)
	}
	seen := map[vault.SmallState]string{}
	look := func(v *vault.Reader) error {
		said := ""
		err := v.Small(vault.KindAccess, func(_ string, plain []byte) error { said = string(plain); return nil })
		state := v.SmallState(vault.KindAccess)
		if before, ok := seen[state]; ok && before != said {
			t.Errorf("one state says %q and %q", before, said)
		}
		seen[state] = said
		return err
	}
	for _, end := range []error{errNo, nil} { // the same revision twice
		err := r.update(func(tx *vault.Tx) error {
			for _, text := range []string{"two", "three"} {
				if _, err := tx.Part(func(tx *vault.Tx) error { return look(&tx.Reader) }); err != nil {
					return err
				}
				if _, err := tx.Part(put(fmt.Sprint(text, end))); err != nil {
					return err
				}
			}
			_, err := tx.Part(func(tx *vault.Tx) error { return look(&tx.Reader) })
			return errors.Join(err, end)
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
		if err := r.v.View(context.Background(), look); err != nil {
			t.Fatal(err)
		}
	}
}
