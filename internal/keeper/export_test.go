package keeper

import (
	"context"
	"time"

	"tacit/internal/audit"
)

// WaitingChanges is how many changes wait to be made.
func (k *Keeper) WaitingChanges() int { return len(k.changes.all()) }

// TakeIn lets a batch take in changes for so long.
func (k *Keeper) TakeIn(within time.Duration) { k.changes.within = within }

// PutBroker stores a record about the broker as another version of the program might have.
func (k *Keeper) PutBroker(ctx context.Context, kind string, plain []byte) error {
	return k.change(ctx, Caller{Principal: "user/test", Owner: true}, func(tx *change) (*decision, error) {
		return decide(audit.Record{Action: "admin", Object: k.vaultObject()}), putPlain(tx.Tx, kind, plain)
	})
}
