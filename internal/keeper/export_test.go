package keeper

import "time"

// WaitingChanges is how many changes wait to be made.
func (k *Keeper) WaitingChanges() int { return len(k.changes.all()) }

// TakeIn lets a batch take in changes for so long.
func (k *Keeper) TakeIn(within time.Duration) { k.changes.within = within }
