package keeper

import (
	"context"
	"crypto/ed25519"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

// AuditCheckpoint signs the place of the log where the making of the checkpoint is recorded: everything before it is covered.
func (k *Keeper) AuditCheckpoint(ctx context.Context, c Caller) (out client.AuditCheckpoint, err error) {
	at := k.opts.Now().UTC()
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		d := decide(audit.Record{Action: "audit", Object: k.vaultObject(), Reason: "checkpoint"})
		if err := tx.allow(d, policy.Object{Kind: policy.Vault}, "", policy.Audit); err != nil {
			return d, err
		}
		return d, tx.SetCheckpointAt(vault.MillisOf(&at))
	})
	if err != nil {
		return out, err
	}
	return out, k.view(ctx, func(r *vault.Reader) error {
		head, err := anchored(r.Anchor())
		if err != nil {
			return err
		}
		key, err := r.LogKey()
		if err != nil {
			return err
		}
		defer clear(key)
		made := audit.Checkpoint{Vault: k.vault.Header().VaultID, Head: head}
		text, err := made.Sign(key)
		if err != nil {
			return fault.Wrap(fault.Failed, err, "sign the checkpoint")
		}
		out.Seq, out.Head, out.At, out.Checkpoint = head.Seq, head.String(), at, string(text)
		out.PublicKey, err = k.verifierKey(key)
		return err
	})
}

// verifierKey is the public half of the key of this vault's checkpoints.
func (k *Keeper) verifierKey(key ed25519.PrivateKey) (string, error) {
	public, _ := key.Public().(ed25519.PublicKey)
	text, err := audit.VerifierKey(k.vault.Header().VaultID, public)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "public key of the audit log")
	}
	return text, nil
}

// anchored returns the record of the log that the vault remembers.
func anchored(a *vault.Anchor) (audit.Head, error) {
	if len(a.Audit) != audit.HashSize {
		return audit.Head{}, fault.New(fault.Corrupted, "the vault's anchor names no audit record")
	}
	return audit.Head{Seq: a.AuditSeq, Hash: [audit.HashSize]byte(a.Audit)}, nil
}

// AuditVerify checks the whole log against itself, against the vault and, if the request has one, against a checkpoint. It needs
// no writable log and records nothing.
func (k *Keeper) AuditVerify(ctx context.Context, c Caller, r AuditVerifyRequest) (out client.AuditVerify, err error) {
	if !c.isOwner() {
		if err := k.audited(ctx, c, "verify"); err != nil {
			return out, err
		}
	}
	k.writeEnds(ctx)
	var revision uint64
	var known []audit.Head
	err = k.view(ctx, func(v *vault.Reader) error {
		head, err := anchored(v.Anchor())
		if err != nil {
			return err
		}
		known = append(known, head)
		if len(r.Checkpoint) == 0 {
			return nil
		}
		seen, err := k.openCheckpoint(v, r)
		known = append(known, seen)
		return err
	})
	if err != nil {
		return out, err
	}
	report, err := k.log.Verify(ctx, known, func() (uint64, error) {
		err := k.vault.View(ctx, func(v *vault.Reader) error { revision = v.Anchor().Revision; return nil })
		return revision, err
	})
	return report.Wire(), err
}

// openCheckpoint returns the place that a checkpoint of this vault's log names, which the given key or else the vault's must have
// signed.
func (k *Keeper) openCheckpoint(v *vault.Reader, r AuditVerifyRequest) (audit.Head, error) {
	verifier, id := r.VerifierKey, k.vault.Header().VaultID
	if verifier == "" {
		key, err := v.LogKey()
		if err != nil {
			return audit.Head{}, err
		}
		if key == nil {
			return audit.Head{}, fault.New(fault.NotFound, "this vault has made no checkpoint yet").WithFix("tacit audit checkpoint -o FILE")
		}
		defer clear(key)
		if verifier, err = k.verifierKey(key); err != nil {
			return audit.Head{}, err
		}
	}
	seen, err := audit.OpenCheckpoint(r.Checkpoint, verifier)
	if err != nil {
		return audit.Head{}, err
	}
	if seen.Vault != id {
		return audit.Head{}, fault.New(fault.Foreign, "the checkpoint is of the vault %s, this one is %s", seen.Vault, id).About(seen.Vault)
	}
	return seen.Head, nil
}
