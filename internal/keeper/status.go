package keeper

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"tacit/client"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/vault"
)

// Status says what is here. It works while locked, without a vault and without a writable log; it asks for nothing.
func (k *Keeper) Status(ctx context.Context, c Caller) (client.Status, error) {
	out := client.Status{Version: k.opts.Version, Principal: c.Principal, Slots: []client.Slot{}}
	out.Vault.Path, out.Vault.Engine, out.Vault.Locked = k.opts.Layout.Vault, "bolt", true
	if c.isOwner() { // nobody else needs to know that now is the time
		enforced := k.Enforced()
		out.Enforced = &enforced
	}
	if _, err := os.Lstat(k.opts.Layout.Vault); errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	out.Vault.Exists = true
	if !c.isOwner() {
		return k.statusOfToken(ctx, c, out)
	}
	door, err := k.vault.Door(ctx)
	if err != nil {
		return out, err
	}
	format := door.Header.Format
	out.Vault.ID, out.Vault.Format, out.Vault.CreatedAt = optional(door.Header.VaultID), &format, &door.Header.CreatedAt
	for _, s := range door.Slots {
		out.Slots = append(out.Slots, k.shapeSlot(door.Header.VaultID, s))
	}
	out.Sealing = optional(sealing(door.Slots))
	if err := k.unlockQuietly(ctx); err != nil {
		switch fault.CodeOf(err) {
		case fault.Locked, fault.WrongKey: // what was given does not open it
			return out, nil
		}
		return out, err
	}
	locked := out
	err = k.vault.View(ctx, func(v *vault.Reader) error {
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
	if errors.Is(err, fault.StaleKeys) && k.opts.Opener == nil {
		k.stale.Store(true)
		return locked, nil
	}
	return out, err
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

// statusOfToken is what a token's bearer is told: that there is a vault, and who it is itself.
func (k *Keeper) statusOfToken(ctx context.Context, c Caller, out client.Status) (client.Status, error) {
	out.Vault.Path, out.Principal = "", ""
	if c.Token.Len() == 0 {
		return out, noToken()
	}
	who, err := k.Whoami(ctx, c)
	if fault.CodeOf(err) == fault.Locked {
		return out, nil
	}
	out.Principal, out.Vault.Locked = who.Principal, false
	return out, err
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

// Whoami says as whom the caller is seen. Without a token it needs no vault.
func (k *Keeper) Whoami(ctx context.Context, c Caller) (client.Whoami, error) {
	out := client.Whoami{Principal: c.Principal, Rules: []string{}, Workspace: optional(c.Workspace), Group: optional(c.Group), Door: c.Door}
	if c.Door == "cli" {
		out.Door = "direct"
	}
	if c.Token.Len() == 0 {
		return out, nil
	}
	began := time.Now()
	err := k.view(ctx, func(r *vault.Reader) error {
		a, err := k.admit(r, c)
		if err != nil {
			return k.turnedAway(ctx, a, r.Anchor(), err)
		}
		t := shapeToken(a.chain, k.opts.Now())
		out.Principal, out.Token, out.Rules, out.ExpiresAt, out.UsesLeft = t.Principal, &t.ID, t.Rules, t.ExpiresAt, t.UsesLeft
		out.Workspace, out.Group = t.Workspace, t.Group
		if len(a.chain) > 1 {
			return nil // grants count for what the owner made; what that made has its rules and no more
		}
		for _, rule := range a.access.set.Held(a.chain[0].Principal) {
			out.Rules = append(out.Rules, rule.String())
		}
		return nil
	})
	even(ctx, c, began, err)
	return out, err
}
