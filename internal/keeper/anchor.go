package keeper

import (
	"context"

	"tacit/internal/vault"
)

// AnchorLog has the vault remember how far the log has come, so that a log that is cut before there is found (I17). A change does it by
// itself; a process that only reads calls this every few seconds, and before it locks. It does nothing while the vault is locked, and
// nothing when the vault knows already.
func (k *Keeper) AnchorLog(ctx context.Context) error {
	if !k.opened.Load() {
		return nil
	}
	return k.retry(func() error {
		if !k.opened.Load() {
			return nil // another process changed the root key
		}
		known := false
		err := k.vault.View(ctx, func(r *vault.Reader) error {
			last, err := k.log.Head(ctx)
			known = last.Head.Seq <= r.Anchor().AuditSeq+1 // the outcome of the last change
			return err
		})
		if err != nil || known {
			return err
		}
		return k.vault.Attest(ctx, func(a *vault.Anchor) (vault.Witness, error) {
			head, err := k.append(ctx, a, true) // nothing but the outcome of a change whose writer died
			return vault.Witness{Seq: head.Seq, Hash: head.Hash}, err
		})
	})
}
