package cli

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/envelope/oskeyring"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/policy"
)

// Vault is the vault of this machine, opened by this process: everything that doors may do, and what only the owner may.
type Vault interface {
	keeper.API
	keeper.Owner
	// Init creates the vault with its slots. fault.Exists when there is one; fault.Conflict when only its log is there.
	Init(ctx context.Context, c keeper.Caller, slots []keeper.NewSlot) ([]client.SlotAdded, error)
	// HandOver opens the vault with a slot and calls to with the root key, for the agent.
	HandOver(ctx context.Context, to func(rootKey []byte, slot string) error) error
}

var _ Vault = (*keeper.Keeper)(nil)

// vaultKeeper returns what answers for the vault: the agent if there is one that is unlocked, else the vault of this machine, opened by
// this process. A command cannot tell which. It opens nothing yet: the first call that needs a key does.
func (a *app) vaultKeeper() (keeper.API, error) {
	if a.api != nil {
		return a.api, nil
	}
	api, err := a.far()
	if err != nil {
		return nil, err
	}
	if err := undump(); err != nil {
		return nil, err
	}
	if api == nil {
		return a.owner()
	}
	a.api = api
	return api, nil
}

// owner returns the vault of this machine for what takes presence (I31): this process opens it itself, whatever agent there is.
func (a *app) owner() (Vault, error) {
	if a.vault != nil {
		return a.vault, nil
	}
	if err := a.refuseDistance(); err != nil {
		return nil, err
	}
	if err := undump(); err != nil {
		return nil, err
	}
	l := a.layout()
	a.log.Debug("vault", "path", l.Vault, "audit", l.Audit)
	a.vault = a.keeperOf(l, a.opener(l))
	return a.vault, nil
}

// keeperOf returns a keeper of the vault in l, whose slots o opens.
func (a *app) keeperOf(l paths.Layout, o *envelope.Opener) *keeper.Keeper {
	storage := bolt.Options{Command: a.command, Share: a.serving}
	return keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, storage), Opener: o, Now: a.world.Now, Random: a.world.Random, Version: a.world.Version,
		Config: func() (keeper.Config, error) { return a.accessConfig(a.layout()) }, Lazy: a.serving, BaseURL: a.foregroundProxy,
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, storage, fill)
		},
	})
}

// keyless returns a keeper of the vault that opens no slot: the agent's. What reads record is on the disk a second later.
func (a *app) keyless(l paths.Layout, configuration func() (keeper.Config, error), baseURL func() string) *keeper.Keeper {
	return keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: a.command, Share: true}), Now: a.world.Now, Random: a.world.Random, Version: a.world.Version,
		Config: configuration, Lazy: true, HTTP2: true, BaseURL: baseURL,
	})
}

// accessConfig returns what the user's configuration lets others do. It is read when that matters: no command of the owner waits for
// it.
func (a *app) accessConfig(l paths.Layout) (keeper.Config, error) {
	u, err := a.userConfig(l)
	if err != nil {
		return keeper.Config{}, err
	}
	return accessOf(u)
}

// accessOf is what a configuration says about access.
func accessOf(u config.User) (keeper.Config, error) {
	grants, err := policy.Defaults(u.DefaultPermissions)
	return keeper.Config{Defaults: grants, Unenforced: u.Unenforced, Retain: u.Retain}, err
}

// configFile is where the user's configuration is.
func (a *app) configFile(l paths.Layout) string { return orElse(a.flags.config, l.Config) }

// userConfig reads the user's configuration.
func (a *app) userConfig(l paths.Layout) (config.User, error) {
	return config.ReadUser(a.configFile(l), func(who, rule string) error {
		_, err := policy.Defaults(map[string][]string{who: {rule}})
		return err
	})
}

// undump makes this process unreadable for others of the same user, before any key, passphrase or value is in its memory (I09).
func undump() error {
	if err := envelope.Undump(); err != nil {
		return fault.Wrap(fault.Failed, err, "open vault")
	}
	return nil
}

// opener says where on this machine identities and passphrases come from.
func (a *app) opener(l paths.Layout) *envelope.Opener {
	home := a.home()
	o := &envelope.Opener{
		Getenv: a.getenv, Environ: a.world.Environ,
		IdentityFiles: []string{l.Identity, filepath.Join(home, ".ssh", "id_ed25519"), filepath.Join(home, ".ssh", "id_rsa")},
		Keyring:       oskeyring.New(a.getenv), LookPath: exec.LookPath,
		Random: a.world.Random, Now: a.world.Now, WorkFactor: a.world.WorkFactor,
		Tell: func(message string) { a.out.Notice("%s", message) },
	}
	if t, err := openTerminal(); err == nil {
		t.close()
		o.Ask = a.askPassphrase
	}
	return o
}

// withVault calls fn with the keeper. When there is no vault it makes one by the default rules, says so, and calls fn again:
// this is what set, generate and import do, wherever the secret goes: the vault says who may, and keeps the log. Every other command
// uses [app.keeper] and fails with fault.NoVault.
func (a *app) withVault(ctx context.Context, fn func(keeper.API) error) error {
	k, err := a.keeper()
	if err != nil {
		return err
	}
	if err = fn(k); !errors.Is(err, fault.NoVault) || a.distant() {
		return err
	}
	own, err := a.create(ctx)
	if err != nil {
		return err
	}
	if a.stores == nil {
		return fn(own)
	}
	// The chain is made anew over the vault that is there now. Nothing of the old one is under way.
	_ = a.stores.Close()
	a.stores = nil
	if a.api != nil {
		_ = a.api.Close()
		a.api = nil
	}
	if k, err = a.keeper(); err != nil {
		return err
	}
	return fn(k)
}

// withOwnVault is withVault for what takes presence.
func (a *app) withOwnVault(ctx context.Context, fn func(Vault) error) error {
	k, err := a.owner()
	if err != nil {
		return err
	}
	if err = fn(k); !errors.Is(err, fault.NoVault) {
		return err
	}
	if _, err := a.create(ctx); err != nil {
		return err
	}
	return fn(k)
}

// create makes the missing vault by the default rules, unless another process has made it meanwhile.
func (a *app) create(ctx context.Context) (Vault, error) {
	k, err := a.owner()
	if err != nil {
		return nil, err
	}
	slot, notice, err := a.defaultSlot()
	if err != nil {
		return nil, err
	}
	switch _, err := k.Init(ctx, a.caller(), []keeper.NewSlot{slot}); {
	case err == nil:
		a.out.Notice("created the vault %s; %s", a.layout().Vault, notice)
	case !errors.Is(err, fault.Exists):
		return nil, err
	}
	return k, a.lockAgent(ctx) // it may have the keys of a vault that was here before
}
