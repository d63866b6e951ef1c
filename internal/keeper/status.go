package keeper

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"tacit/client"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/vault"
)

// Status says what is here. It works while locked, without a vault and without a writable log; it asks for nothing.
func (k *Keeper) Status(ctx context.Context, c Caller) (client.Status, error) {
	out := client.Status{Version: k.opts.Version, Principal: c.Principal, Slots: []client.Slot{}}
	out.Vault.Path, out.Vault.Engine, out.Vault.Locked = k.opts.Layout.Vault, "bolt", true
	if _, err := os.Lstat(k.opts.Layout.Vault); errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	out.Vault.Exists = true
	door, err := k.vault.Door(ctx)
	if err != nil {
		return out, err
	}
	format := door.Header.Format
	out.Vault.ID, out.Vault.Format, out.Vault.CreatedAt = optional(door.Header.VaultID), &format, &door.Header.CreatedAt
	for _, s := range door.Slots {
		out.Slots = append(out.Slots, shapeSlot(s))
	}
	out.Sealing = optional(sealing(door.Slots))
	if err := k.unlockQuietly(ctx); err != nil {
		if fault.CodeOf(err) != fault.Locked {
			return out, err
		}
		return out, nil
	}
	return out, k.vault.View(ctx, func(v *vault.Reader) error {
		a := v.Anchor()
		n := a.Count(vault.KindSecret)
		out.Vault.Locked, out.Vault.Secrets = false, &n
		out.Backup.LastAt = a.BackupAt.Ptr()
		last, err := k.log.Head(ctx)
		if err != nil {
			return err
		}
		out.Audit.Records = int(last.Head.Seq)
		if last.Head.Seq > 0 {
			out.Audit.Head = optional(hex.EncodeToString(last.Head.Hash[:]))
		}
		return k.logbook(v, &out.Audit)
	})
}

// logbook fills in what the vault keeps about its log.
func (k *Keeper) logbook(v *vault.Reader, out *client.StatusAudit) error {
	at, err := v.CheckpointAt()
	if err != nil {
		return err
	}
	out.CheckpointAt = at.Ptr()
	key, err := v.LogKey()
	if key == nil || err != nil {
		return err
	}
	defer clear(key)
	public, err := k.verifierKey(key)
	out.PublicKey = optional(public)
	return err
}

// unlockQuietly unlocks with what opens without asking.
func (k *Keeper) unlockQuietly(ctx context.Context) error {
	if k.opts.Opener == nil {
		return k.unlock(ctx)
	}
	ask := k.opts.Opener.Ask
	k.opts.Opener.Ask = nil
	defer func() { k.opts.Opener.Ask = ask }()
	return k.unlock(ctx)
}

// sealing says whether sealing protects against code that runs as the user: only if every slot needs the user.
func sealing(slots []envelope.Slot) string {
	var weak []string
	for _, s := range slots {
		if !s.NeedsUser() {
			weak = append(weak, fmt.Sprintf("slot %s, %s", s.ID, strings.ReplaceAll(string(s.Kind), "-", " ")))
		}
	}
	if len(weak) == 0 {
		return "protects"
	}
	return "advisory (" + strings.Join(weak, "; ") + ")"
}

// Whoami says as whom the caller is seen. It needs no vault.
func (k *Keeper) Whoami(_ context.Context, c Caller) (client.Whoami, error) {
	return client.Whoami{
		Principal: c.Principal, Rules: []string{}, Workspace: optional(c.Workspace), Group: optional(c.Group), Door: "direct",
	}, nil
}
