package vault

import (
	"context"
	"errors"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// Tx is one change of the vault, and a Reader of the state it will create. Everything in it happens together or not at all.
type Tx struct {
	Reader
	next    *Anchor // the anchor it will write
	batch   engine.Batch
	pending *overlay
	ids     *idSource
}

// Hooks tie a change to the audit log. Both run while nobody else can write.
type Hooks struct {
	// Witness records the change that is about to be committed as tx.Next, durably, and returns where. Its error abandons the change.
	Witness func(tx *Tx) (Witness, error)
	// Done tells what became of the change that Witness recorded.
	Done func(tx *Tx, err error)
}

// Update calls change with a transaction and commits what it did. If change or the commit fails nothing is changed.
// A change that does nothing is not committed and not witnessed.
func (v *Vault) Update(ctx context.Context, change func(*Tx) error, hooks Hooks) error {
	return v.write(ctx, func(w engine.Writer, tx *Tx, before []byte) error {
		if err := change(tx); err != nil {
			return err
		}
		if len(tx.batch.Ops) == 0 && !tx.touched() {
			return nil
		}
		if err := tx.ensureLogKey(); err != nil {
			return err
		}
		return tx.commit(hooks, func() error {
			anchor, err := tx.sealAnchor()
			if err != nil {
				return err
			}
			tx.batch.Expect(anchorKey(), before)
			tx.batch.Put(anchorKey(), anchor)
			return w.Commit(&tx.batch)
		})
	})
}

// write calls do with the exclusive right to write and a transaction on the state it was given.
func (v *Vault) write(ctx context.Context, do func(w engine.Writer, tx *Tx, anchor []byte) error) (err error) {
	if v.Locked() {
		return fault.New(fault.Locked, "the vault is locked").WithFix("tacit unlock")
	}
	w, err := v.eng.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	a, box, err := v.readAnchor(w)
	if err != nil {
		return err
	}
	return do(w, v.newTx(w, a), append([]byte(nil), box...))
}

func (v *Vault) newTx(src engine.Snapshot, a *Anchor) *Tx {
	tx := v.txOn(&Reader{v: v, src: src, anchor: a}, &idSource{random: v.random})
	tx.next.Revision++
	return tx
}

// txOn returns a transaction on the state of base, with its revision.
func (v *Vault) txOn(base *Reader, ids *idSource) *Tx {
	o := &overlay{below: base.src, changed: make(map[string][]byte)}
	on := *base
	on.src = o
	return &Tx{Reader: on, next: base.anchor.clone(), pending: o, ids: ids}
}

// commit runs do between the two audit records of the change.
func (tx *Tx) commit(hooks Hooks, do func() error) error {
	at, err := hooks.Witness(tx)
	if err != nil {
		return err
	}
	tx.next.AuditSeq, tx.next.Audit = at.Seq, at.Hash[:]
	err = do()
	hooks.Done(tx, err)
	return err
}

// Next returns the revision that this change will create.
func (tx *Tx) Next() uint64 { return tx.next.Revision }

// touched reports whether the anchor itself was changed by hand (as SetBackupAt does).
func (tx *Tx) touched() bool { return tx.next.BackupAt != tx.anchor.BackupAt }

// SetBackupAt remembers when the last backup was made.
func (tx *Tx) SetBackupAt(t Millis) { tx.next.BackupAt = t }

func (tx *Tx) sealAnchor() ([]byte, error) {
	p, err := encode(tx.next)
	if err != nil {
		return nil, err
	}
	keys := tx.v.ring.Epoch(tx.next.Epoch)
	return keys.Seal(nil, tx.v.random, tx.next.Revision, tx.v.bind(KindAnchor, anchorKey()), p)
}

// put writes a record and keeps the accumulators true.
func (tx *Tx) put(kind Kind, key, record []byte) error {
	if err := tx.forget(kind, key); err != nil {
		return err
	}
	mark, err := tx.v.mark(tx.next.Leaving, kind, key, record)
	if err != nil {
		return err
	}
	if i := sumIndex(kind); i >= 0 {
		tx.next.Sums[i].add(mark)
	}
	tx.batch.Put(key, record)
	tx.pending.changed[string(key)] = record
	return nil
}

// remove deletes a record that must be there.
func (tx *Tx) remove(kind Kind, key []byte) error {
	if err := tx.forget(kind, key); err != nil {
		return err
	}
	tx.batch.Delete(key)
	tx.pending.changed[string(key)] = nil
	return nil
}

func (tx *Tx) forget(kind Kind, key []byte) error {
	old, ok, err := tx.src.Get(key)
	if err != nil || !ok {
		return err
	}
	mark, err := tx.v.mark(tx.anchor.Leaving, kind, key, old)
	if err != nil {
		return err
	}
	if i := sumIndex(kind); i >= 0 {
		tx.next.Sums[i].remove(mark)
	}
	return nil
}

// keys are those that new records are written under.
func (tx *Tx) keys() *envelope.Keys { return tx.v.ring.Current() }
