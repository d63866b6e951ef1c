//go:build darwin || windows

package oskeyring

import (
	"context"
	"errors"

	"github.com/zalando/go-keyring"

	"tacit/internal/fault"
)

// serviceName is the service under which items are stored; the account is VAULT/SLOT.
const serviceName = "tacit"

// Keyring is the Keychain or the Credential Manager of the user.
type Keyring struct{}

// New returns the keyring of the user. The environment does not matter here.
func New(func(string) string) *Keyring { return &Keyring{} }

// Probe returns nil: these systems always have a keyring.
func (*Keyring) Probe(context.Context) error { return nil }

// Store keeps key, in the place of one that is there for the same slot.
func (*Keyring) Store(ctx context.Context, vaultID, slotID string, key []byte) error {
	_, err := within(ctx, promptTime, func(context.Context) (struct{}, error) {
		return struct{}{}, explain(keyring.Set(serviceName, vaultID+"/"+slotID, string(key)))
	})
	return err
}

// Load returns what Store stored, or an error of class fault.NotFound.
func (*Keyring) Load(ctx context.Context, vaultID, slotID string) ([]byte, error) {
	return within(ctx, promptTime, func(context.Context) ([]byte, error) {
		key, err := keyring.Get(serviceName, vaultID+"/"+slotID)
		return []byte(key), explain(err)
	})
}

// Delete removes what Store stored. That there is nothing is no error.
func (*Keyring) Delete(ctx context.Context, vaultID, slotID string) error {
	_, err := within(ctx, promptTime, func(context.Context) (struct{}, error) {
		err := explain(keyring.Delete(serviceName, vaultID+"/"+slotID))
		if errors.Is(err, fault.NotFound) {
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return errNone
	}
	return fault.Wrap(fault.Unavailable, err, "keyring")
}
