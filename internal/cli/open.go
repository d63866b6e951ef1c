package cli

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/envelope/oskeyring"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
)

// Vault is what the commands ask: everything that doors may do and, because the command line opens the vault in its own
// process, what only the owner may.
type Vault interface {
	keeper.API
	keeper.Owner
	// Init creates the vault with its slots. fault.Exists when there is one.
	Init(ctx context.Context, c keeper.Caller, slots []keeper.NewSlot) ([]client.SlotAdded, error)
}

var _ Vault = (*keeper.Keeper)(nil)

// keeper returns the keeper of the vault on this machine. It opens nothing yet: the first call that needs a key does.
func (a *app) keeper() (Vault, error) {
	if a.vault != nil {
		return a.vault, nil
	}
	if err := a.refuseRemote(); err != nil {
		return nil, err
	}
	if err := envelope.Undump(); err != nil { // I09: before any key or passphrase is in memory
		return nil, fault.Wrap(fault.Failed, err, "open vault")
	}
	l := a.layout()
	storage := bolt.Options{Command: a.command}
	a.log.Debug("vault", "path", l.Vault, "audit", l.Audit)
	a.vault = keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, storage), Opener: a.opener(l), Now: a.world.Now, Random: a.world.Random, Version: a.world.Version,
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, storage, fill)
		},
	})
	return a.vault, nil
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
// this is what set, generate and import do. Every other command uses [app.keeper] and fails with fault.NoVault.
func (a *app) withVault(ctx context.Context, fn func(Vault) error) error {
	k, err := a.keeper()
	if err != nil {
		return err
	}
	err = fn(k)
	if !errors.Is(err, fault.NoVault) {
		return err
	}
	slot, notice, err := a.defaultSlot()
	if err != nil {
		return err
	}
	if _, err := k.Init(ctx, a.caller(), []keeper.NewSlot{slot}); err != nil && !errors.Is(err, fault.Exists) {
		return err
	}
	a.out.Notice("created the vault %s; %s", a.layout().Vault, notice)
	return fn(k)
}

// refuseRemote fails when the environment says to go through a door that this version does not have. A token in the
// environment makes the caller that token's principal, so the vault is never opened with it.
func (a *app) refuseRemote() error {
	if a.getenv("TACIT_TOKEN") != "" {
		if a.flags.noAgent {
			return fault.New(fault.Usage, "TACIT_TOKEN is set and --no-agent forbids what could answer it").
				WithFix("unset TACIT_TOKEN to use the vault as its owner")
		}
		return fault.New(fault.Locked, "TACIT_TOKEN is set and there is no agent or server to answer it").
			WithFix("unset TACIT_TOKEN to use the vault as its owner")
	}
	addr := a.getenv("TACIT_ADDR")
	if addr == "" {
		return nil
	}
	if err := checkAddr(addr); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, "TACIT_ADDR is set, but this version of tacit reaches no agent or server").
		WithFix("unset TACIT_ADDR to use the vault on this machine")
}

// checkAddr refuses an address that no version would use: a secret must not travel in clear to another machine.
func checkAddr(addr string) error {
	bad := func(why string) error {
		return fault.New(fault.Usage, "TACIT_ADDR: %s", why).WithFix("write unix:/path/to/agent.sock or https://host")
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return bad("the path of the socket is not absolute")
		}
		return nil
	}
	u, err := url.Parse(addr)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return bad("not an address")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"):
		return nil
	}
	return bad("only https, or http to this machine")
}
