package vault

import "maps"

// Part calls change with a transaction inside of tx, on the state that tx has so far: what the parts before it left. When change
// fails, what it did is undone, alone, and its error returned. changed says whether there is anything to commit.
//
// All parts are committed together, as one revision, or none is. A transaction that has parts does nothing beside them.
func (tx *Tx) Part(change func(*Tx) error) (changed bool, err error) {
	now := *tx.next
	now.Revision, now.AuditSeq, now.Audit = tx.anchor.Revision, tx.anchor.AuditSeq, tx.anchor.Audit // as long as nothing is committed
	part := tx.v.txOn(&Reader{v: tx.v, src: merged{tx.pending}, anchor: &now, stored: &tx.Reader, part: tx.v.parts.Add(1)}, tx.ids)
	part.next.Revision = tx.next.Revision
	if err := change(part); err != nil {
		return false, err
	}
	if len(part.batch.Ops) == 0 && !part.touched() {
		return false, nil
	}
	tx.next = part.next
	tx.batch.Ops = append(tx.batch.Ops, part.batch.Ops...)
	maps.Copy(tx.pending.changed, part.pending.changed)
	return true, nil
}
