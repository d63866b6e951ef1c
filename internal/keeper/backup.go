package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/secret"
	"tacit/internal/transfer/backup"
	"tacit/internal/vault"
)

// Backup writes an age file with every version of every secret, sealed ones included, the policies and the grants, and what is known
// of services to w.
func (k *Keeper) Backup(ctx context.Context, c Caller, r BackupRequest, w io.Writer) (out BackupSummary, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	first := &pending{w: w} // making the age file writes its header
	dst, err := k.encryptBackup(ctx, r, first, &out)
	if err != nil {
		return out, err
	}
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		d := decide(audit.Record{Action: "admin", Object: k.vaultObject(), Reason: "backup for " + out.OpensBy})
		if v.Anchor().Count(vault.KindSecret) == 0 {
			return d, fault.New(fault.Failed, "there is nothing to export").WithFix("tacit list")
		}
		return d, nil
	})
	if err == nil {
		err = first.release()
	}
	if err != nil {
		return out, err
	}
	err = k.vault.View(ctx, func(v *vault.Reader) error {
		policies, err := k.backupPolicies(v)
		if err != nil {
			return err
		}
		services, err := k.backupServices(v)
		if err != nil {
			return err
		}
		doc, err := backup.NewWriter(dst, backup.Header{ExportedAt: k.opts.Now().UTC(), VaultID: k.vault.Header().VaultID})
		if err != nil {
			return err
		}
		total := v.Anchor().Count(vault.KindSecret)
		err = v.Each(func(s *vault.Secret) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			entry, err := backupOf(v, s)
			if err != nil {
				return err
			}
			if out.Secrets++; r.Progress != nil {
				r.Progress(out.Secrets, total)
			}
			out.Versions += len(entry.Versions)
			err = doc.Secret(entry)
			for _, old := range entry.Versions {
				old.Value.Wipe()
			}
			return err
		})
		doc.Services(services)
		doc.Policies(policies)
		return errors.Join(err, doc.Close())
	})
	if err == nil {
		err = dst.Close()
	}
	if err != nil {
		return out, err
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		tx.SetBackupAt(vault.Millis(k.opts.Now().UnixMilli()))
		return decide(audit.Record{Action: "admin", Object: k.vaultObject(), Reason: fmt.Sprintf("backup of %d secrets written", out.Secrets)}), nil
	})
}

// pending holds back what is written until the decision about it is on the record.
type pending struct {
	w        io.Writer
	held     []byte
	released bool
}

func (p *pending) Write(b []byte) (int, error) {
	if p.released {
		return p.w.Write(b)
	}
	p.held = append(p.held, b...)
	return len(b), nil
}

func (p *pending) release() error {
	p.released = true
	_, err := p.w.Write(p.held)
	return err
}

func (k *Keeper) vaultObject() audit.Object {
	return audit.Object{Kind: "vault", Name: k.vault.Header().VaultID}
}

// encryptBackup returns what a backup is written to, and says in out what will open it.
func (k *Keeper) encryptBackup(ctx context.Context, r BackupRequest, w io.Writer, out *BackupSummary) (io.WriteCloser, error) {
	if len(r.Recipients) > 0 {
		out.OpensBy, out.Command = "the given recipients", "age -d -i IDENTITY FILE"
		return k.opts.Opener.EncryptToRecipients(ctx, r.Recipients, w)
	}
	var slots []envelope.Slot
	err := k.vault.View(ctx, func(v *vault.Reader) (err error) {
		slots, err = v.Slots()
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := k.backupSlot(slots, r.Slot)
	if err != nil {
		return nil, err
	}
	out.Command, out.OnlyHere = s.AgeCommand("FILE"), s.Kind == envelope.SlotKeyring || s.Kind == envelope.SlotKeyFile
	out.OpensBy = fmt.Sprintf("slot %s (%s)", s.ID, s.Kind)
	return k.opts.Opener.EncryptTo(ctx, s, w)
}

// backupSlot returns the slot that a backup is for: the one asked for, else the passphrase slot, else the one that was opened.
func (k *Keeper) backupSlot(slots []envelope.Slot, asked string) (envelope.Slot, error) {
	for _, s := range slots {
		if s.ID == asked || asked == "" && s.Kind == envelope.SlotPassphrase {
			return s, nil
		}
	}
	for _, s := range slots {
		if asked == "" && s.ID == k.slot.ID {
			return s, nil
		}
	}
	return envelope.Slot{}, fault.New(fault.NotFound, "no such slot: %s", asked).About(asked).WithFix("tacit slot list")
}

// backupOf returns a secret with all its versions, oldest first.
func backupOf(v *vault.Reader, s *vault.Secret) (out backup.Secret, err error) {
	out = backup.Secret{
		ID: s.ID.String(), Name: s.Name, Scope: string(s.Scope), Exposure: s.Exposure(), Pin: optional(s.Pin),
		Tags: orEmpty(s.Tags), Aliases: orEmpty(s.Aliases), Groups: orEmpty(s.Groups), Owner: optional(s.OwnedBy), Note: optional(s.Note),
		CreatedAt: s.CreatedAt.Time(), UpdatedAt: s.UpdatedAt.Time(), RotateEvery: time.Duration(s.RotateEvery) * time.Second,
	}
	all, err := v.History(s)
	if err != nil {
		return out, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		old := all[i]
		value, err := v.Value(old)
		if err != nil {
			return out, err
		}
		entry := backup.Version{
			Version: old.Version, Via: string(old.Via), Principal: old.Principal, CreatedAt: old.MadeAt.Time(),
			ValidUntil: old.ValidTo.Ptr(), ExpiresAt: old.ExpiresAt.Ptr(), Value: secret.New(value),
		}
		if old.From != 0 {
			entry.FromVersion = &old.From
		}
		out.Versions = append(out.Versions, entry)
	}
	return out, nil
}

// Restore replaces everything but vault id, slots and audit chain by the backup's content, all or nothing. Tokens are in no backup: they
// end.
func (k *Keeper) Restore(ctx context.Context, c Caller, r RestoreRequest) (out client.Imported, err error) {
	out = client.Imported{
		Format: "age", DryRun: r.DryRun, Entries: []client.ImportedEntry{}, Warnings: []client.ImportWarning{},
		Readiness: []client.Readiness{}, PlainTextLeft: []string{},
	}
	doc, err := k.openBackup(ctx, c, r.Backup)
	if err != nil {
		return out, err
	}
	each := func(add func(vault.Versioned) error) error { return restoreEach(doc, &out, r.Progress, add) }
	if r.DryRun {
		if err := each(func(vault.Versioned) error { return nil }); err != nil {
			return out, err
		}
		if _, _, err := restoredPolicies(doc.Policies()); err != nil {
			return out, err
		}
		return out, restoreServices(doc.Services(), func(string, []byte) error { return nil })
	}
	aside, err := k.acceptLog(ctx)
	if err != nil {
		return out, err
	}
	decided := func() *decision {
		return decide(audit.Record{Action: "admin", Object: k.vaultObject(), Reason: fmt.Sprintf("restored %d secrets from a backup of %s%s", out.Total, doc.Header().VaultID, aside)})
	}
	rest := func(before *vault.Reader, put vault.Put) error {
		err := restoreServices(doc.Services(), func(record string, plain []byte) error { return put(vault.KindBroker, record, plain) })
		if err != nil {
			return err
		}
		return k.restorePolicies(before, doc.Policies(), &out, put)
	}
	return out, k.vault.Restore(ctx, k.hooks(ctx, func() (Caller, *decision) { return c, decided() }), aside != "", each, rest)
}

// acceptLog sets a log aside that does not belong to the vault as it is: a restore is how the owner accepts that (I31). It returns
// what the first record of the new log shall say about it.
func (k *Keeper) acceptLog(ctx context.Context) (string, error) {
	err := k.vault.View(ctx, func(v *vault.Reader) error { return k.reconcile(ctx, v.Anchor()) })
	switch code := fault.CodeOf(err); {
	case err == nil:
		return "", nil
	case code == fault.RolledBack || code == fault.Tampered || code == fault.Corrupted || code == fault.Foreign:
		return fmt.Sprintf("; the log before was set aside (%s)", code), k.setLogAside()
	}
	return "", err
}

// restoreEach gives every secret of a backup to add.
func restoreEach(doc *backup.Reader, out *client.Imported, progress Progress, add func(vault.Versioned) error) error {
	for {
		b, err := doc.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s, err := restored(b)
		if err != nil {
			return err
		}
		if err := add(s); err != nil {
			return err
		}
		if len(out.Entries) < maxReported {
			out.Entries = append(out.Entries, client.ImportedEntry{Name: b.Name, From: fmt.Sprintf("secret %d", out.Total+1), Action: "create", Pin: b.Pin, Lost: []string{}})
		}
		out.Total++
		if out.Counts.Create++; progress != nil {
			progress(out.Total, 0)
		}
	}
}

// restored returns a secret of a backup as the vault keeps it.
func restored(b backup.Secret) (out vault.Versioned, err error) {
	id, err := vault.ParseID(b.ID)
	if err != nil {
		return out, err
	}
	scope, err := name.ParseScope(b.Scope)
	if err != nil {
		return out, err
	}
	for _, v := range b.Versions {
		s := &vault.Secret{
			ID: id, Name: b.Name, Scope: scope, Sealed: b.Exposure == "sealed", Pin: text(b.Pin), Tags: b.Tags, Aliases: b.Aliases, Groups: b.Groups,
			OwnedBy: text(b.Owner), Note: text(b.Note), CreatedAt: vault.MillisOf(&b.CreatedAt), UpdatedAt: vault.MillisOf(&b.UpdatedAt),
			RotateEvery: int64(b.RotateEvery / time.Second), Versions: len(b.Versions),
			Version: v.Version, Via: vault.Via(v.Via), Principal: v.Principal, MadeAt: vault.MillisOf(&v.CreatedAt),
			ExpiresAt: vault.MillisOf(v.ExpiresAt), ValidTo: vault.MillisOf(v.ValidUntil),
		}
		if v.FromVersion != nil {
			s.From = *v.FromVersion
		}
		out.Versions = append(out.Versions, s)
		out.Values = append(out.Values, v.Value.Reveal())
	}
	return out, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
