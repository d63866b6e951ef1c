package keeper

import (
	"context"

	"tacit/internal/envelope"
)

// SlotVariables returns the environment variables that open a slot. No process that tacit starts gets them (I12).
// It needs no key: slots say it in the clear.
func (k *Keeper) SlotVariables(ctx context.Context) ([]string, error) {
	if err := k.checkFiles(); err != nil {
		return nil, err
	}
	door, err := k.vault.Door(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range door.Slots {
		if s.Kind == envelope.SlotEnv && s.Env != "" {
			names = append(names, s.Env)
		}
	}
	return names, nil
}
