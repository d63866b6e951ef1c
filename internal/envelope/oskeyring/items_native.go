//go:build darwin || windows

package oskeyring

import (
	"context"
	"errors"
	"strings"

	"github.com/zalando/go-keyring"

	"tacit/internal/fault"
)

// ours reports whether the item of this name would be the key of a slot: those are VAULT/SLOT of the service tacit here, and a vault's
// id begins so.
func (i *Items) ours(name string) bool {
	return i.service == serviceName && strings.HasPrefix(name, "v_")
}

// Check returns nil: these systems always have a keyring.
func (i *Items) Check(context.Context) error { return nil }

// Get returns the value of an item.
func (i *Items) Get(ctx context.Context, name string) ([]byte, error) {
	return within(ctx, promptTime, func(context.Context) ([]byte, error) {
		if err := i.check(name, errNoItem); err != nil {
			return nil, err
		}
		value, err := keyring.Get(i.service, name)
		return []byte(value), explainItem(err)
	})
}

// Put makes an item, or changes the one of this name.
func (i *Items) Put(ctx context.Context, name string, value []byte) error {
	taken := fault.New(fault.Invalid, "the name is that of a vault's key, or differs in case only from another item's").WithFix("choose another name")
	_, err := within(ctx, promptTime, func(context.Context) (struct{}, error) {
		if err := i.check(name, taken); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, explainItem(keyring.Set(i.service, name, string(value)))
	})
	return err
}

// Remove removes an item.
func (i *Items) Remove(ctx context.Context, name string) error {
	_, err := within(ctx, promptTime, func(context.Context) (struct{}, error) {
		if err := i.check(name, errNoItem); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, explainItem(keyring.Delete(i.service, name))
	})
	return err
}

// check returns taken for a name under which there is something else than an item of ours.
func (i *Items) check(name string, taken error) error {
	ok, err := i.spelled(name)
	if err != nil {
		return err
	}
	if i.ours(name) || !ok {
		return taken
	}
	return nil
}

func explainItem(err error) error {
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return errNoItem
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return fault.New(fault.Invalid, "the value is too long for this keyring: it takes %s", limit).WithFix("keep it in the vault: --provider local")
	}
	return explain(err)
}
