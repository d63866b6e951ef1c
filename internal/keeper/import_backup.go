package keeper

import (
	"context"
	"fmt"
	"io"

	"tacit/client"
	"tacit/internal/transfer/backup"
)

// ImportBackup takes the current versions of a backup in beside what is in the vault, as Import does with any other file.
// Older versions and groups stay behind, which the warnings say; Restore keeps them.
func (k *Keeper) ImportBackup(ctx context.Context, c Caller, r ImportRequest, b io.Reader) (client.Imported, error) {
	doc, err := k.openBackup(ctx, c, b)
	if err != nil {
		return client.Imported{}, err
	}
	r.Format = "age"
	count, older := 0, 0
	out, err := k.Import(ctx, c, r, func() (ImportEntry, error) {
		s, err := doc.Next()
		if err != nil {
			return ImportEntry{}, err
		}
		count++
		older += len(s.Versions) - 1
		return entryOf(s, count), nil
	})
	if older > 0 {
		out.Warnings = append(out.Warnings, client.ImportWarning{
			Code: "older_versions", Text: fmt.Sprintf("%d older versions are in the backup and were not taken; import --replace keeps them", older),
		})
	}
	if p := doc.Policies(); p.Own != "" || len(p.Grants) > 0 {
		out.Warnings = append(out.Warnings, client.ImportWarning{
			Code: "policies", Text: fmt.Sprintf("policies and %d grants are in the backup and were not taken; import --replace puts them in place of those here", len(p.Grants)),
		})
	}
	if s := doc.Services(); len(s.Services)+len(s.Credentials)+len(s.Bindings)+len(s.Limits) > 0 {
		out.Warnings = append(out.Warnings, client.ImportWarning{
			Code: "services", Text: fmt.Sprintf("%d services, %d credentials and their bindings and limits are in the backup and were not taken; import --replace puts them in place of those here", len(s.Services), len(s.Credentials)),
		})
	}
	return out, err
}

// openBackup decrypts a backup with whatever opens a slot here, and reads its beginning.
func (k *Keeper) openBackup(ctx context.Context, c Caller, b io.Reader) (*backup.Reader, error) {
	if err := k.presence(ctx, c); err != nil {
		return nil, err
	}
	door, err := k.vault.Door(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := k.opts.Opener.Decrypt(ctx, b, door.Slots)
	if err != nil {
		return nil, err
	}
	return backup.NewReader(plain)
}

// entryOf returns the current version of a secret in a backup as an entry of an import.
func entryOf(s backup.Secret, n int) ImportEntry {
	current := s.Versions[len(s.Versions)-1] // oldest first; a secret without a version is refused by the reader
	sealed := s.Exposure == "sealed"
	e := ImportEntry{
		Name: s.Name, From: fmt.Sprintf("secret %d", n), Value: current.Value, Scope: s.Scope, Tags: s.Tags, Aliases: s.Aliases,
		ExpiresAt: current.ExpiresAt, Note: s.Note, OwnedBy: s.Owner, Sealed: &sealed,
	}
	e.pin = text(s.Pin)
	if s.RotateEvery > 0 {
		e.RotateEvery = &s.RotateEvery
	}
	return e
}
