package keeper

import (
	"context"
	"fmt"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/vault"
	"tacit/internal/when"
)

// Retain is how long the records of the audit log are kept at the least; [Config] may say longer.
const Retain = 90 * 24 * time.Hour

// AuditPrune removes the segments of the log that hold nothing of the time before or later. First the vault remembers up to which
// record, by a change that is on the record; then the files go, the oldest first. Interrupted between the two everything works, and
// the next prune goes on.
func (k *Keeper) AuditPrune(ctx context.Context, c Caller, before time.Time) (out client.AuditPruned, err error) {
	out.Before = before.UTC()
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	said, err := k.config.Load().read()
	if err != nil {
		return out, err // it may say to keep them longer
	}
	retain := max(Retain, said.Retain)
	if earliest := k.opts.Now().Add(-retain); before.After(earliest) {
		return out, fault.New(fault.Invalid, "the records of the last %s are kept", when.Format(retain)).
			WithFix("tacit audit prune --before %s", earliest.UTC().Format(time.DateOnly))
	}
	// What is bad must not be removed as if it were only old.
	if v, err := k.AuditVerify(ctx, c, AuditVerifyRequest{}); err != nil {
		return out, err
	} else if !v.OK {
		return out, fault.New(fault.Tampered, "the audit log is not whole: record %d: %s; nothing was removed", v.Bad.Seq, v.Bad.Kind).
			About(v.Bad.File).WithFix("tacit audit verify")
	}
	upTo, n, err := k.log.Old(ctx, before)
	if err != nil {
		return out, err
	}
	note, err := k.markPruned(ctx, c, upTo, n)
	if err != nil {
		return out, err
	}
	to, err := k.prunedTo()
	if err == nil && upTo.Seq > 0 {
		err = k.log.Prune(ctx, upTo, note)
	}
	if to.Seq > 0 {
		out.LastSeq = &to.Seq
	}
	out.Records = n
	return out, err
}

// markPruned has the vault remember up to where the log is pruned, and returns the note that tells outsiders. When there is nothing to
// prune, that was asked is on the record.
func (k *Keeper) markPruned(ctx context.Context, c Caller, upTo audit.Head, n int) (note []byte, err error) {
	d := decide(audit.Record{Action: "admin", Object: k.vaultObject(), Reason: "audit prune: nothing is old enough"})
	if n == 0 {
		return nil, k.read(ctx, c, func(*query) (*decision, error) { return d, nil })
	}
	d.Reason = fmt.Sprintf("audit log pruned up to record %d", upTo.Seq)
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		key, err := tx.LogKey()
		if err != nil {
			return d, err
		}
		if key == nil {
			return d, fault.New(fault.Failed, "this vault has no key to sign with yet").WithFix("tacit audit checkpoint")
		}
		defer clear(key)
		if note, err = (audit.Checkpoint{Vault: k.vault.Header().VaultID, Head: upTo}).SignPruned(key); err != nil {
			return d, fault.Wrap(fault.Failed, err, "sign what was pruned")
		}
		return d, tx.SetPruned(vault.Witness{Seq: upTo.Seq, Hash: upTo.Hash})
	})
	return note, err
}

// prunedTo tells the log up to where it may lack records.
func (k *Keeper) prunedTo() (to audit.Head, err error) {
	err = k.vault.View(context.Background(), func(r *vault.Reader) error {
		w, err := r.Pruned()
		to = audit.Head{Seq: w.Seq, Hash: w.Hash}
		return err
	})
	return to, err
}
