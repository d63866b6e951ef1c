package vault

import (
	"context"
	"errors"
	"slices"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// builder writes a whole new storage: what is kept of the old one, which is checked against its anchor on the way, the changes
// of a transaction, and any number of new records, in memory that does not grow with their number.
type builder struct {
	tx       *Tx
	put      func(key, value []byte) error
	sums     []sum // of the new storage
	drop     Kind  // is checked, but not copied
	progress func(done, total int)
	done     int
}

// replace replaces the storage by what fill builds. The anchor is written last.
func (v *Vault) replace(ctx context.Context, hooks Hooks, fill func(*builder) error) error {
	return v.write(ctx, func(w engine.Writer, tx *Tx, _ []byte) error {
		witnessed := false
		err := w.Replace(func(put func(key, value []byte) error) error {
			b := &builder{tx: tx, put: put, sums: newSums()}
			if err := fill(b); err != nil {
				return err
			}
			tx.next.Sums = b.sums
			at, err := hooks.Witness(tx)
			if err != nil {
				return err
			}
			witnessed = true
			tx.next.AuditSeq, tx.next.Audit = at.Seq, at.Hash[:]
			anchor, err := tx.sealAnchor()
			if err != nil {
				return err
			}
			return put(anchorKey(), anchor)
		})
		if errors.Is(err, engine.ErrTwice) {
			err = fault.New(fault.Conflict, "two entries have the same name or alias").WithFix("keep one of them")
		}
		if witnessed {
			hooks.Done(tx, err)
		}
		return err
	})
}

// add writes a record of the new storage.
func (b *builder) add(kind Kind, key, record []byte) error {
	mark, err := b.tx.v.mark(b.tx.next.Leaving, kind, key, record)
	if err != nil {
		return err
	}
	b.sums[sumIndex(kind)].add(mark)
	b.step()
	return b.put(key, record)
}

func (b *builder) step() {
	if b.done++; b.progress != nil && b.done%1000 == 0 {
		b.progress(b.done, 0)
	}
}

// copyAll copies everything, with the changes of the transaction.
func (b *builder) copyAll() error {
	if err := b.copyFrame(); err != nil {
		return err
	}
	return b.copy(KindAccess, KindBroker, KindIndex, KindSecret, KindVersion, KindValue)
}

// copyFrame copies what is not about secrets: header, slots, keys of past epochs, what is kept about the log.
func (b *builder) copyFrame() error {
	header, _, err := b.tx.src.Get(headerKey())
	if err != nil {
		return err
	}
	if err := b.put(headerKey(), header); err != nil {
		return err
	}
	return b.copy(KindSlot, KindEpoch, KindLog)
}

// copy copies kinds. Records that do not add up to the old anchor stop it: damage must not be made authentic.
func (b *builder) copy(kinds ...Kind) error {
	for _, kind := range kinds {
		old := sum{XOR: make([]byte, envelope.MarkSize)}
		err := b.tx.src.Scan([]byte{byte(kind)}, nil, func(key, record []byte) error {
			if err := b.tx.addMark(&old, kind, key, record); err != nil {
				return err
			}
			if _, ok := b.tx.pending.changed[string(key)]; ok || kind == b.drop {
				return nil
			}
			return b.add(kind, key, record)
		})
		if err != nil {
			return err
		}
		if err := b.tx.compare(kind, &old); err != nil {
			return err
		}
	}
	var changed []string
	for key, record := range b.tx.pending.changed {
		if record != nil && slices.Contains(kinds, Kind(key[0])) {
			changed = append(changed, key)
		}
	}
	slices.Sort(changed)
	for _, key := range changed {
		if err := b.add(Kind(key[0]), []byte(key), b.tx.pending.changed[key]); err != nil {
			return err
		}
	}
	return nil
}

// made is a record of the new storage with its mark.
type made struct {
	kind        Kind
	key, record []byte
	mark        [envelope.MarkSize]byte
}

// make returns every record of a new secret. It changes nothing, so several can be made at once.
func (b *builder) make(s *Secret, value []byte) ([]made, error) {
	if err := checkMetadata(s); err != nil {
		return nil, err
	}
	if err := CheckValue(s.Name, value, s.Sealed); err != nil {
		return nil, err
	}
	key, record, vkey, box, err := b.tx.sealVersion(KindSecret, secretKey(s.ID), s, value)
	if err != nil {
		return nil, err
	}
	all, err := b.entries(s)
	if err != nil {
		return nil, err
	}
	for _, m := range []made{{kind: KindSecret, key: key, record: record}, {kind: KindValue, key: vkey, record: box}} {
		if m.mark, err = b.tx.v.mark(b.tx.next.Leaving, m.kind, m.key, m.record); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// entries returns the index entries of a secret.
func (b *builder) entries(s *Secret) (all []made, err error) {
	for _, e := range s.entries() {
		m := made{kind: KindIndex}
		if m.key, m.record, err = b.tx.v.indexEntry(b.tx.next.Revision, s.ID, e); err != nil {
			return nil, err
		}
		if m.mark, err = b.tx.v.mark(b.tx.next.Leaving, m.kind, m.key, m.record); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// write writes what make made. The names must not be in the old storage; that two new secrets have one name is found by the
// storage.
func (b *builder) write(all []made) error {
	for _, m := range all {
		b.sums[sumIndex(m.kind)].add(m.mark)
		b.step()
		if err := b.put(m.key, m.record); err != nil {
			return err
		}
	}
	return nil
}

// create adds a new secret without holding it in memory.
func (b *builder) create(s *Secret, value []byte) error {
	all, err := b.make(s, value)
	if err != nil {
		return err
	}
	b.count(s)
	return b.write(all)
}

// count enters a new secret's names into the anchor.
func (b *builder) count(s *Secret) {
	for _, e := range s.entries() {
		b.tx.next.Scopes[string(e.scope)]++
	}
}
