package vault

import (
	"strings"

	"tacit/internal/envelope"
)

// AccessState identifies what a state of the vault says about access: two equal ones say the same. It is what the sealed anchor
// has of the records, so nothing is read to know it.
type AccessState struct {
	count uint64
	marks [envelope.MarkSize]byte
}

// AccessState returns the one of this state.
func (r *Reader) AccessState() (s AccessState) {
	if i := sumIndex(KindAccess); i < len(r.anchor.Sums) {
		s.count = r.anchor.Sums[i].Count
		copy(s.marks[:], r.anchor.Sums[i].XOR)
	}
	return s
}

// Access calls fn with the name and plaintext of each record about access (policies, grants, tokens), by name, after proving that
// these are all, and none was put back. What they mean is package keeper's. plain is fn's to keep.
func (r *Reader) Access(fn func(name string, plain []byte) error) error {
	if r.AccessState() == (AccessState{}) {
		return nil
	}
	if err := r.proveComplete(KindAccess); err != nil {
		return err
	}
	return r.src.Scan([]byte{byte(KindAccess)}, nil, func(key, box []byte) error {
		name := string(key[1:])
		_, p, err := r.v.ring.Open(r.v.bind(KindAccess, key), box)
		if err != nil {
			return damaged(KindAccess, shortName(name), err)
		}
		return fn(name, p)
	})
}

// PutAccess stores a record about access. Its name is stored in the clear, so it says nothing.
func (tx *Tx) PutAccess(name string, plain []byte) error { return tx.putSmall(KindAccess, name, plain) }

// RemoveAccess removes one, which must be there.
func (tx *Tx) RemoveAccess(name string) error {
	return tx.remove(KindAccess, smallKey(KindAccess, name))
}

// shortName is what stands before the last slash: what kind of thing a record is about.
func shortName(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return name
}

// Records of KindLog and KindAccess are few, and each has a name of its own as its key.

func smallKey(kind Kind, name string) []byte { return append([]byte{byte(kind)}, name...) }

func (tx *Tx) putSmall(kind Kind, name string, plain []byte) error {
	key := smallKey(kind, name)
	box, err := tx.keys().Seal(nil, tx.v.random, tx.next.Revision, tx.v.bind(kind, key), plain)
	if err != nil {
		return err
	}
	return tx.put(kind, key, box)
}

// resealSmall seals the records of a kind anew under the keys of the transaction. A rotation does it in its first step.
func (tx *Tx) resealSmall(kind Kind) error {
	return tx.src.Scan([]byte{byte(kind)}, nil, func(key, box []byte) error {
		name := string(key[1:])
		_, p, err := tx.v.ring.Open(tx.v.bind(kind, key), box)
		if err != nil {
			return damaged(kind, shortName(name), err)
		}
		defer clear(p)
		return tx.putSmall(kind, name, p)
	})
}
