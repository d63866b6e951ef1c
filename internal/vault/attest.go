package vault

import (
	"context"

	"tacit/internal/engine"
)

// Attest has the anchor remember a later record of the log, without any other change: from then on a log that ends before it was
// cut. place is told the anchor and returns the record, which is durable, while nobody else can write; one that is not later
// changes nothing. Since no meaning changes the revision stays, and nothing is recorded.
func (v *Vault) Attest(ctx context.Context, place func(*Anchor) (Witness, error)) error {
	return v.write(ctx, func(w engine.Writer, tx *Tx, before []byte) error {
		at, err := place(tx.anchor)
		if err != nil || at.Seq <= tx.anchor.AuditSeq {
			return err
		}
		tx.next.Revision = tx.anchor.Revision
		tx.next.AuditSeq, tx.next.Audit = at.Seq, at.Hash[:]
		anchor, err := tx.sealAnchor()
		if err != nil {
			return err
		}
		tx.batch.Expect(anchorKey(), before)
		tx.batch.Put(anchorKey(), anchor)
		return w.Commit(&tx.batch)
	})
}
