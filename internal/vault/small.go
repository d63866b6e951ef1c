package vault

import (
	"strings"

	"tacit/internal/envelope"
)

// A SmallState identifies what a state of the vault says with the small records of a kind: two equal ones say the same. It is what the
// sealed anchor has of the records, so nothing is read to know it.
type SmallState struct {
	count uint64
	marks [envelope.MarkSize]byte
	part  uint64 // where the records are not as they are stored; see [Reader.SmallState]
}

// Empty reports whether there are no records at all.
func (s SmallState) Empty() bool { return s == SmallState{} }

// SmallState returns the one of this state, for [KindAccess] or [KindBroker]. A part of a transaction that sees other records than are
// stored has one of its own: records of one revision have one mark, so by their marks alone parts that say different things might look
// the same, and what was never committed would be taken for what is.
func (r *Reader) SmallState(kind Kind) SmallState {
	s := r.smallSum(kind)
	if r.stored != nil && s != r.stored.smallSum(kind) {
		s.part = r.part
	}
	return s
}

func (r *Reader) smallSum(kind Kind) (s SmallState) {
	if i := sumIndex(kind); i < len(r.anchor.Sums) {
		s.count = r.anchor.Sums[i].Count
		copy(s.marks[:], r.anchor.Sums[i].XOR)
	}
	return s
}

// Small calls fn with the name and plaintext of each small record of a kind, by name, after proving that these are all, and none was
// put back: what access is about (policies, grants, tokens), or the broker (own services, credentials, bindings, limits). What they
// mean is package keeper's. plain is fn's to keep.
func (r *Reader) Small(kind Kind, fn func(name string, plain []byte) error) error {
	if r.SmallState(kind).Empty() {
		return nil
	}
	if err := r.proveComplete(kind); err != nil {
		return err
	}
	return r.src.Scan([]byte{byte(kind)}, nil, func(key, box []byte) error {
		name := string(key[1:])
		_, p, err := r.v.ring.Open(r.v.bind(kind, key), box)
		if err != nil {
			return damaged(kind, shortName(name), err)
		}
		return fn(name, p)
	})
}

// PutSmall stores a record. Its name is stored in the clear, so it says nothing.
func (tx *Tx) PutSmall(kind Kind, name string, plain []byte) error {
	return tx.putSmall(kind, name, plain)
}

// RemoveSmall removes one, which must be there.
func (tx *Tx) RemoveSmall(kind Kind, name string) error {
	return tx.remove(kind, smallKey(kind, name))
}

// shortName is what stands before the last slash: what kind of thing a record is about.
func shortName(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return name
}

// Records of KindLog, KindAccess and KindBroker are small, and each has a name of its own as its key.

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
