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

// CreateCredentials makes many credentials as [Keeper.CredentialCreate] makes one, in one change.
func (k *Keeper) CreateCredentials(ctx context.Context, c Caller, all []CredentialRequest) error {
	return k.change(ctx, c, func(tx *change) (*decision, error) {
		d := decide(audit.Record{Action: "admin", Object: k.vaultObject()})
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return d, err
		}
		for i := range all {
			a, err := all[i].make(tx, b)
			if err != nil {
				return d, err
			}
			if err := putRecord(tx.Tx, credentialRecord, a.made); err != nil {
				return d, err
			}
		}
		return d, nil
	})
}

// ForgetAnswers forgets which credentials answered, and the credentials, as after a change of the vault and a minute.
func (k *Keeper) ForgetAnswers() {
	k.forgetPrepared()
	k.prepared.mu.Lock()
	defer k.prepared.mu.Unlock()
	k.prepared.answering = answering{}
}
