package keeper

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/vault"
)

// Init creates the vault with its slots. fault.Exists when there is one; fault.Conflict when there is none, but the log of one that
// was used here.
func (k *Keeper) Init(ctx context.Context, c Caller, slots []NewSlot) ([]client.SlotAdded, error) {
	l := k.opts.Layout
	if err := k.missing(); err != nil {
		return nil, err
	}
	if err := k.freshLog(); err != nil {
		return nil, err
	}
	for _, dir := range []string{filepath.Dir(l.Vault), l.Audit} {
		if err := paths.EnsureDir(dir); err != nil {
			return nil, err
		}
	}
	id, err := vault.NewVaultID(k.opts.Random)
	if err != nil {
		return nil, err
	}
	root, err := envelope.NewRoot(k.opts.Random)
	if err != nil {
		return nil, err
	}
	k.opts.Opener.VaultID = id
	var made []envelope.Slot
	added := make([]client.SlotAdded, 0, len(slots))
	for i, s := range slots {
		slot, m, err := k.opts.Opener.Make(ctx, strconv.Itoa(i+1), id, spec(s), 1, root)
		if err != nil {
			return nil, err
		}
		made = append(made, slot)
		added = append(added, shapeAdded(slot, m))
	}
	record := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "vault", Name: id}, Reason: "created"})
	h := vault.Header{Format: vault.FormatVersion, VaultID: id, CreatedAt: k.opts.Now().UTC().Truncate(time.Second)}
	k.log = audit.Open(audit.Options{Dir: l.Audit, VaultID: id, Keys: k.vault, Epoch: 1, Trace: k.opts.Trace})
	err = k.vault.Create(h, root, made, k.hooks(ctx, func() (Caller, *decision) { return c, record }), func(fill func(put func(key, value []byte) error) error) error {
		return k.opts.Create(ctx, fill)
	})
	if err != nil {
		root.Wipe()
		return nil, err
	}
	k.mu.Lock()
	k.root, k.slot = root, made[0]
	k.mu.Unlock()
	// A vault that is made here is not foreign, whatever was here before.
	f := k.vault.Fingerprint()
	return added, paths.NewKnown(l.Known).Remember(ctx, l.Vault, f[:])
}

// missing returns fault.Exists when there is a vault.
func (k *Keeper) missing() error {
	path := k.opts.Layout.Vault
	if _, err := os.Lstat(path); err == nil {
		return fault.New(fault.Exists, "there is a vault at %s", path).About(path).WithFix("tacit status")
	}
	return nil
}

// freshLog makes sure that a vault does not begin in the log of another one. What a creation left that was interrupted is set
// aside; the log of a vault that was used here is not.
func (k *Keeper) freshLog() error {
	l := k.opts.Layout
	files, err := filepath.Glob(filepath.Join(l.Audit, "*.log"))
	if err != nil || len(files) == 0 {
		return err
	}
	if _, used, err := paths.NewKnown(l.Known).Lookup(l.Vault); err != nil || !used {
		return errors.Join(err, k.setLogAside())
	}
	if err := k.missing(); err != nil { // another process has made it since
		return err
	}
	return fault.New(fault.Conflict, "%s has the audit log of the vault that was here before", l.Audit).About(l.Audit).
		WithFix("put that vault back, or move its log away: mv %s %s", paths.Quote(l.Audit), paths.Quote(l.Audit+".old"))
}

// setLogAside renames the directory of the log, so that a new one begins. Nothing of it is lost.
func (k *Keeper) setLogAside() error {
	dir := k.opts.Layout.Audit
	aside := dir + k.opts.Now().UTC().Format(".20060102T150405.000")
	if err := os.Rename(dir, aside); err != nil {
		return paths.Explain(err, dir, "set the audit log aside")
	}
	k.newLog = true
	return nil
}

func spec(s NewSlot) envelope.Spec {
	return envelope.Spec{Kind: envelope.SlotKind(s.Kind), Label: s.Label, Passphrase: s.Passphrase, Path: s.Path, Env: s.Env, Recipient: s.Recipient}
}

func shapeSlot(s envelope.Slot) client.Slot {
	return client.Slot{
		ID: s.ID, Kind: string(s.Kind), Label: optional(s.Label), PostQuantum: s.PostQuantum, Path: optional(s.Path), CreatedAt: s.CreatedAt.UTC(),
	}
}

func shapeAdded(s envelope.Slot, m envelope.Made) client.SlotAdded {
	out := client.SlotAdded{Slot: shapeSlot(s), Notice: optional(m.Notice)}
	if m.Phrase.Len() > 0 {
		out.Phrase = optional(string(m.Phrase.Reveal()))
	}
	return out
}

// SlotList returns the slots. It needs no key, so it says nothing that the vault file does not show.
func (k *Keeper) SlotList(ctx context.Context, _ Caller) (client.Slots, error) {
	out := client.Slots{Slots: []client.Slot{}}
	if err := k.checkFiles(); err != nil {
		return out, err
	}
	door, err := k.vault.Door(ctx)
	for _, s := range door.Slots {
		out.Slots = append(out.Slots, k.shapeSlot(door.Header.VaultID, s))
	}
	out.Total = len(out.Slots)
	return out, err
}

// SlotTest opens every slot that can be opened here and now.
func (k *Keeper) SlotTest(ctx context.Context, c Caller) (client.SlotTest, error) {
	out := client.SlotTest{Slots: []client.SlotResult{}, OK: true}
	if err := k.checkFiles(); err != nil {
		return out, err
	}
	door, err := k.vault.Door(ctx)
	if err != nil {
		return out, err
	}
	k.opts.Opener.VaultID = door.Header.VaultID
	for _, s := range door.Slots {
		result := client.SlotResult{ID: s.ID, OK: true}
		root, err := k.opts.Opener.Try(ctx, s)
		if err == nil {
			var keys *envelope.Keys
			if keys, err = envelope.NewKeys(root, door.Header.VaultID, s.Epoch); err == nil {
				err = s.Authenticate(keys, door.Header.VaultID)
			}
			root.Wipe()
		}
		if err != nil {
			result.OK, result.Detail, out.OK = false, optional(err.Error()), false
			result.Untried = k.opts.Opener.Untried(s, err)
		}
		out.Slots = append(out.Slots, result)
	}
	return out, nil
}

// SlotAdd adds a slot that holds the root key.
func (k *Keeper) SlotAdd(ctx context.Context, c Caller, s NewSlot) (out client.SlotAdded, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	var id string
	if err := k.vault.View(ctx, func(r *vault.Reader) error { id = r.NextSlotID(); return nil }); err != nil {
		return out, err
	}
	slot, made, err := k.opts.Opener.Make(ctx, id, k.vault.Header().VaultID, spec(s), k.vault.Epoch(), k.root)
	if err != nil {
		return out, err
	}
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		record := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "slot", ID: id, Name: id}, Reason: "added: " + s.Kind})
		slots, err := tx.Slots()
		if err == nil {
			err = newKey(slots, slot)
		}
		if err != nil {
			return record, err
		}
		return record, tx.AddSlot(slot)
	})
	if err != nil {
		return out, errors.Join(err, k.opts.Opener.Discard(ctx, k.vault.Header().VaultID, slot))
	}
	return shapeAdded(slot, made), nil
}

// newKey returns fault.Conflict when one of slots is for the key of the new one: removing either would take nothing from its holder.
func newKey(slots []envelope.Slot, added envelope.Slot) error {
	for _, s := range slots {
		if added.Recipient != "" && s.Recipient == added.Recipient {
			title := string(s.Kind)
			if s.Path != "" {
				title += " " + s.Path
			}
			return fault.New(fault.Conflict, "slot %s (%s) has this key already", s.ID, title).About(s.ID).
				WithFix("name another file or recipient, or remove that slot first: tacit slot rm %s", s.ID)
		}
	}
	return nil
}

// SlotRemove removes a slot.
func (k *Keeper) SlotRemove(ctx context.Context, c Caller, id string) error {
	if err := k.presence(ctx, c); err != nil {
		return err
	}
	var removed envelope.Slot
	err := k.change(ctx, c, func(tx *change) (*decision, error) {
		record := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "slot", ID: id, Name: id}, Reason: "removed"})
		slots, err := tx.Slots()
		if err != nil {
			return record, err
		}
		for _, s := range slots {
			if s.ID == id {
				removed = s
			}
		}
		return record, tx.RemoveSlot(id)
	})
	if err != nil {
		return err
	}
	k.slotGone(k.vault.Header().VaultID, id)
	return k.opts.Opener.Discard(ctx, k.vault.Header().VaultID, removed)
}
