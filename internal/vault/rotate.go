package vault

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"time"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// A root rotation has three steps, and everything works between any two of them, whatever was interrupted:
//
//  1. BeginRotation, one change: every slot holds the new root key, and the old one is kept, sealed under it. What is kept about
//     the log and about access is sealed anew.
//  2. MoveBatch until it says that nothing is left: metadata and data-key wraps are sealed anew, some at a time.
//     Reads take the keys of the record's epoch; lookups try the new epoch, then the old; writes use the new.
//     A batch changes no meaning, so it keeps the revision and is not recorded.
//  3. FinishRotation, one replacement of the storage, in which the index is made anew from the metadata: the old root key is not
//     in it, nor any page that was sealed under it.
//
// Index entries wait for step 3 because their new keys are scattered: in batches each would rewrite a page of its own.
// Values are not touched: their data keys are wrapped anew. So their marks stay those of the old epoch until the last step.

// batchTime is how long a batch may keep other writers out, and minBatch the fewest records that are worth a commit.
const (
	batchTime = 15 * time.Millisecond
	minBatch  = 200
)

// BeginRotation is step 1. slots hold next, of epoch Epoch()+1; old is the root key that they held before.
func (v *Vault) BeginRotation(ctx context.Context, old, next *envelope.Root, slots []envelope.Slot, hooks Hooks) error {
	epoch := v.Epoch() + 1
	keys, err := envelope.NewKeys(next, v.header.VaultID, epoch)
	if err != nil {
		return err
	}
	ring, audits := v.ring, maps.Clone(v.audits)
	err = v.Update(ctx, func(tx *Tx) error {
		if tx.anchor.Leaving != 0 {
			return fault.New(fault.Conflict, "a root rotation is under way").WithFix("tacit rotate-root --resume")
		}
		have, err := tx.Slots()
		if err != nil {
			return err
		}
		if len(have) != len(slots) {
			return fault.New(fault.Conflict, "slots were changed meanwhile").WithFix("run the command again")
		}
		type kept struct{ key, box []byte }
		var past []kept
		err = tx.src.Scan([]byte{byte(KindEpoch)}, nil, func(key, box []byte) error {
			box, err := keys.ResealPast(v.random, tx.next.Revision, v.bind(KindEpoch, key), ring.Current(), box)
			past = append(past, kept{bytes.Clone(key), box})
			return err
		})
		if err != nil {
			return err
		}
		// From here on the transaction writes under the new keys.
		v.ring = envelope.NewKeyring(keys, ring.Current())
		v.audits[epoch] = keys.Audit()
		tx.next.Epoch, tx.next.Leaving = epoch, ring.Current().Epoch()
		key := epochKey(tx.next.Leaving)
		box, err := keys.SealPast(v.random, tx.next.Revision, v.bind(KindEpoch, key), v.header.VaultID, old)
		if err != nil {
			return err
		}
		for _, p := range append(past, kept{key, box}) {
			if err := tx.put(KindEpoch, p.key, p.box); err != nil {
				return err
			}
		}
		for _, kind := range []Kind{KindLog, KindAccess, KindBroker} {
			if err := tx.resealSmall(kind); err != nil {
				return err
			}
		}
		for _, s := range slots {
			s.Epoch = epoch
			if err := tx.putSlot(s); err != nil {
				return err
			}
		}
		return nil
	}, hooks)
	if err != nil {
		v.ring, v.audits = ring, audits
	}
	return err
}

// Moving is how far step 2 has come. The zero Moving begins at the beginning, which is right after an interruption too.
type Moving struct {
	kind Kind
	from []byte
	size int
	Most int // records a batch at the most; 0: as many as fit into its time
	Done int // records looked at
}

// MoveBatch is one batch of step 2. It reports whether records are left.
func (v *Vault) MoveBatch(ctx context.Context, m *Moving) (more bool, err error) {
	if m.kind == 0 {
		m.kind, m.size = KindSecret, minBatch
		if m.Most > 0 {
			m.size = m.Most
		}
	}
	err = v.write(ctx, func(w engine.Writer, tx *Tx, before []byte) error {
		if tx.anchor.Leaving == 0 {
			return nil
		}
		tx.next.Revision = tx.anchor.Revision
		start, n, last := time.Now(), 0, []byte(nil)
		err := tx.src.Scan([]byte{byte(m.kind)}, m.from, func(key, record []byte) error {
			if n >= m.size {
				last = bytes.Clone(key)
				return engine.ErrStop
			}
			n++
			return tx.moveRecord(m.kind, key, record)
		})
		if err != nil {
			return err
		}
		m.Done += n
		if more = m.advance(last); len(tx.batch.Ops) > 0 {
			anchor, err := tx.sealAnchor()
			if err != nil {
				return err
			}
			tx.batch.Expect(anchorKey(), before)
			tx.batch.Put(anchorKey(), anchor)
			if err := w.Commit(&tx.batch); err != nil {
				return err
			}
		}
		// Aim at the time a batch may take.
		if took := time.Since(start); took > 0 {
			m.size = min(max(int(float64(m.size)*float64(batchTime)/float64(took)), minBatch), 4*m.size, 20000)
			if m.Most > 0 {
				m.size = min(m.size, m.Most)
			}
		}
		return nil
	})
	return more, err
}

// advance moves on to key, or to the next kind when there is none.
func (m *Moving) advance(key []byte) bool {
	if m.from = key; key != nil {
		return true
	}
	more := m.kind == KindSecret
	m.kind = KindVersion
	return more
}

// moveRecord makes sure that neither the metadata nor the data key of one record needs the old keys. Writers that came between
// batches may have moved one of the two.
func (tx *Tx) moveRecord(kind Kind, key, record []byte) error {
	metadata, wrapped, err := splitBoxes(record)
	if err != nil {
		return damaged(kind, "", err)
	}
	moved := true
	for _, box := range [][]byte{metadata, wrapped} {
		if len(box) == 0 {
			continue // a purged version has no data key
		}
		h, err := envelope.ParseHeader(box)
		if err != nil {
			return damaged(kind, "", err)
		}
		moved = moved && h.Epoch == tx.next.Epoch
	}
	if moved {
		return nil
	}
	var id ID
	copy(id[:], key[1:])
	s, err := tx.openSecret(kind, key, id, record)
	if err != nil {
		return err
	}
	return tx.rewrap(kind, bytes.Clone(key), record, s)
}

func (tx *Tx) rewrap(kind Kind, key, record []byte, s *Secret) error {
	_, wrapped, err := splitBoxes(record)
	if err != nil {
		return damaged(kind, s.Name, err)
	}
	if len(wrapped) > 0 { // a purged version has none
		b := tx.v.bindValue(kindDataKey, valueKey(s.ID, s.Version), s)
		d, err := tx.v.ring.Unwrap(b, wrapped)
		if err != nil {
			return damaged(kind, s.Name, err)
		}
		defer d.Wipe()
		if wrapped, err = tx.keys().Wrap(nil, tx.v.random, tx.next.Revision, b, d); err != nil {
			return err
		}
	}
	return tx.putMetadata(kind, key, s, wrapped)
}

// FinishRotation is step 3.
func (v *Vault) FinishRotation(ctx context.Context, hooks Hooks, progress func(done, total int)) error {
	err := v.replace(ctx, hooks, func(b *builder) error {
		leaving := b.tx.anchor.Leaving
		if leaving == 0 {
			return fault.New(fault.Conflict, "no root rotation is under way")
		}
		b.progress = progress
		b.tx.next.Leaving = 0
		key := epochKey(leaving)
		box, ok, err := b.tx.src.Get(key)
		if err != nil || !ok {
			return errors.Join(err, damaged(KindEpoch, "", envelope.ErrMalformed))
		}
		keys := v.ring.Current()
		if box, err = keys.ResealPast(v.random, b.tx.next.Revision, v.bind(KindEpoch, key), keys, box); err != nil {
			return damaged(KindEpoch, "", err)
		}
		if err := b.tx.put(KindEpoch, key, box); err != nil {
			return err
		}
		if err := b.copyFrame(); err != nil {
			return err
		}
		b.drop = KindIndex
		if err := b.copy(KindAccess, KindBroker, KindIndex, KindSecret, KindVersion, KindValue); err != nil {
			return err
		}
		return b.index()
	})
	if err == nil {
		v.ring = envelope.NewKeyring(v.ring.Current(), nil)
	}
	return err
}

// index makes the index of the new storage from the metadata.
func (b *builder) index() error {
	clear(b.tx.next.Scopes)
	type indexed struct {
		secret  *Secret
		entries []made
	}
	return selected(&b.tx.Reader, func(s *Secret) (indexed, bool, error) {
		all, err := b.entries(s)
		return indexed{s.Clone(), all}, true, err
	}, func(i indexed) error {
		b.count(i.secret)
		return b.write(i.entries)
	})
}

// Leaving returns the epoch that a root rotation is moving records off, 0 when none is under way.
func (r *Reader) Leaving() uint32 { return r.anchor.Leaving }
