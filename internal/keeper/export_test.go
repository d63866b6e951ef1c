package keeper

// WaitingChanges is how many changes wait to be made.
func (k *Keeper) WaitingChanges() int { return len(k.changes.all()) }
