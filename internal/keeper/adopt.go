package keeper

import (
	"context"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/vault"
)

// HandOver opens the vault with a slot and calls to with the root key and the ID of that slot, for an agent that will call Adopt
// with them. to must not keep the key.
func (k *Keeper) HandOver(ctx context.Context, to func(rootKey []byte, slot string) error) error {
	if err := k.present(ctx); err != nil {
		return err
	}
	return k.root.Lend(func(key []byte) error { return to(key, k.slot.ID) })
}

// presence is [Keeper.present] for a caller, who must be the owner: whoever comes with a token is not, wherever it comes from.
func (k *Keeper) presence(ctx context.Context, c Caller) error {
	if !c.isOwner() {
		return fault.New(fault.Denied, "only the owner may do this").WithFix("ask the owner of the vault")
	}
	return k.present(ctx)
}

// present opens the vault with a slot, which is what a presence operation takes: a vault that was adopted is not enough (I31).
func (k *Keeper) present(ctx context.Context) error {
	if err := k.unlock(ctx); err != nil {
		return err
	}
	if k.root == nil {
		return fault.New(fault.Denied, "only a process that opened a slot itself may do this")
	}
	return nil
}

// Adopt opens the vault with a root key that another process of its owner took from a slot. The key is not kept, only what is
// derived from it: a keeper that adopted can do nothing of what [Owner] has, nor can who reads its memory (I31). The caller wipes
// rootKey. After a root rotation by another process everything fails with fault.Locked until Adopt is called again.
func (k *Keeper) Adopt(ctx context.Context, rootKey []byte, slot string) error {
	if err := k.checkFiles(); err != nil {
		return err
	}
	find := func(_ context.Context, door vault.Door) (*envelope.Root, envelope.Slot, error) {
		for _, s := range door.Slots {
			if s.ID == slot {
				root, err := envelope.RootFrom(rootKey)
				return root, s, err
			}
		}
		return nil, envelope.Slot{}, fault.New(fault.Conflict, "slot %s was removed meanwhile", slot).WithFix("tacit unlock")
	}
	k.relock()
	k.stale.Store(false)
	if err := k.openWith(ctx, find, nothing); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.root.Wipe()
	k.root = nil
	return nil
}

// Locked reports whether there are no keys: none were given, or another process changed the root key meanwhile.
func (k *Keeper) Locked() bool { return k.stale.Load() || !k.opened.Load() }
