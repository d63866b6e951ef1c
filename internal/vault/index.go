package vault

import (
	"slices"
	"strings"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
)

// entry is one way to find a secret: a name or alias, in its home scope or in a group it is attached to. Names and aliases share
// one namespace a scope.
type entry struct {
	scope name.Scope
	name  string
}

// entries returns every way to find s.
func (s *Secret) entries() []entry {
	all := make([]entry, 0, 1+len(s.Aliases))
	for _, scope := range append([]name.Scope{s.Scope}, s.attached()...) {
		all = append(all, entry{scope, s.Name})
		for _, a := range s.Aliases {
			all = append(all, entry{scope, a})
		}
	}
	return all
}

// attached returns the scopes of the groups that s is attached to.
func (s *Secret) attached() []name.Scope {
	if len(s.Groups) == 0 {
		return nil
	}
	all := make([]name.Scope, len(s.Groups))
	for i, g := range s.Groups {
		workspace, group, _ := strings.Cut(g, "/")
		all[i] = name.Scope("workspace/" + workspace + "/group/" + group)
	}
	return all
}

// reclaim makes the index follow from the entries of old to those of s; either may be nil.
func (tx *Tx) reclaim(old, s *Secret) error {
	var was, is []entry
	if old != nil {
		was = old.entries()
	}
	if s != nil {
		is = s.entries()
	}
	for _, e := range was {
		if !slices.Contains(is, e) {
			if err := tx.release(old, e); err != nil {
				return err
			}
		}
	}
	for _, e := range is {
		if !slices.Contains(was, e) {
			if err := tx.claim(s, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim enters one way to find s into the index; fault.Exists when it leads to a secret already.
func (tx *Tx) claim(s *Secret, e entry) error {
	id, _, err := tx.lookup(e.scope, e.name)
	if err != nil {
		return err
	}
	if id != nil {
		return fault.New(fault.Exists, "%s already exists in scope %s", e.name, e.scope).About(e.name).WithFix("tacit show %s", e.name)
	}
	key, box, err := tx.v.indexEntry(tx.next.Revision, s.ID, e)
	if err != nil {
		return err
	}
	tx.next.Scopes[string(e.scope)]++
	return tx.put(KindIndex, key, box)
}

// release takes one way to find s out of the index.
func (tx *Tx) release(s *Secret, e entry) error {
	id, key, err := tx.lookup(e.scope, e.name)
	if err != nil {
		return err
	}
	if id == nil || *id != s.ID {
		return damaged(KindIndex, e.name, envelope.ErrMalformed)
	}
	if tx.next.Scopes[string(e.scope)]--; tx.next.Scopes[string(e.scope)] == 0 {
		delete(tx.next.Scopes, string(e.scope))
	}
	return tx.remove(KindIndex, key)
}

func (v *Vault) indexEntry(revision uint64, id ID, e entry) (key, box []byte, err error) {
	keys := v.ring.Current()
	key = indexKey(keys.Epoch(), keys.Index(string(e.scope), e.name))
	box, err = keys.Seal(nil, v.random, revision, v.bind(KindIndex, key), id[:])
	return key, box, err
}

// VisibleIn reports whether s can be found in the scope: its home, or a group it is attached to.
func (s *Secret) VisibleIn(scope name.Scope) bool {
	return s.Scope == scope || slices.Contains(s.attached(), scope)
}
