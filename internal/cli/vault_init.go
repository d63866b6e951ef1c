package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

// vaultEntries are the commands about the vault as a whole.
func vaultEntries() []entry {
	return []entry{
		{[]string{"init"}, groupVault, (*app).initCommand},
		{[]string{"status"}, groupVault, (*app).statusCommand},
		{[]string{"unlock"}, groupVault, (*app).unlockCommand},
		{[]string{"lock"}, groupVault, (*app).lockCommand},
		{[]string{"agent"}, groupVault, (*app).agentCommand},
		{[]string{"slot"}, groupVault, (*app).slotCommand},
		{[]string{"rotate-root"}, groupVault, (*app).rotateRootCommand},
		{[]string{"doctor"}, groupVault, (*app).doctorCommand},
		{[]string{"whoami"}, groupVault, (*app).whoamiCommand},
	}
}

// slotFlags are the kinds of slots that init can make, each by its flag.
type slotFlags struct {
	passphrase bool
	keyFile    string
	keyring    bool
	env        string
	recipients []string
}

func (a *app) initCommand() *cobra.Command {
	var f slotFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "Create the vault",
		Long: `Create the vault, with a slot for each way to unlock it that a flag names.

Without a flag: a passphrase if TACIT_PASSPHRASE or TACIT_PASSPHRASE_FILE is set or there is a terminal to ask on; else the
Keychain on macOS, and a key file (identity.txt) elsewhere.`,
		Example: "tacit init --key-file identity.txt",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.init(c.Context(), f) },
	}
	fl := c.Flags()
	fl.BoolVar(&f.passphrase, "passphrase", false, "a passphrase, asked for twice")
	fl.StringVar(&f.keyFile, "key-file", "", "an age identity in the file `PATH`, made if it is missing")
	fl.BoolVar(&f.keyring, "keyring", false, "a key in the system's keyring")
	fl.StringVar(&f.env, "env", "", "the age identity in the environment variable `NAME`")
	fl.StringArrayVar(&f.recipients, "recipient", nil, "the age or ssh recipient `R` (may be repeated)")
	return c
}

func (a *app) init(ctx context.Context, f slotFlags) error {
	k, err := a.owner()
	if err != nil {
		return err
	}
	if s, err := k.Status(ctx, a.caller()); err != nil {
		return err
	} else if s.Vault.Exists { // before the user thinks of a passphrase
		return fault.New(fault.Exists, "init: there is a vault already: %s", s.Vault.Path).About(s.Vault.Path).WithFix("tacit status")
	}
	slots, err := a.initialSlots(f)
	if err != nil {
		return err
	}
	added, err := k.Init(ctx, a.caller(), slots)
	if err != nil {
		return err
	}
	if err := a.lockAgent(ctx); err != nil { // it may have the keys of a vault that was here before
		return err
	}
	path := a.layout().Vault
	if a.flags.json {
		return a.out.JSON(client.Initialized{Path: path, Slots: added, Total: len(added)})
	}
	a.out.Line("Created the vault %s", visible(path))
	for _, s := range added {
		a.out.Line("  slot %s  %s", visible(s.Slot.ID), visible(slotTitle(s.Slot)))
	}
	for _, s := range added {
		a.printMade(s)
	}
	a.out.Notice("for the day when nothing else opens the vault, make a recovery phrase: tacit slot add recovery")
	return nil
}

// initialSlots returns the slots that the flags ask for, or the default one.
func (a *app) initialSlots(f slotFlags) (slots []keeper.NewSlot, err error) {
	if f.keyFile != "" {
		path, err := filepath.Abs(f.keyFile)
		if err != nil {
			return nil, err
		}
		slots = append(slots, keeper.NewSlot{Kind: "key-file", Path: path})
	}
	if f.keyring {
		slots = append(slots, keeper.NewSlot{Kind: "keyring"})
	}
	if f.env != "" {
		slots = append(slots, keeper.NewSlot{Kind: "env", Env: f.env})
	}
	for _, r := range f.recipients {
		slots = append(slots, keeper.NewSlot{Kind: "recipient", Recipient: r})
	}
	ask := f.passphrase || len(slots) == 0 && a.interactive()
	if ask {
		var p secret.Value
		if p, err = a.newPassphrase(); err != nil {
			return nil, err
		}
		return append([]keeper.NewSlot{{Kind: "passphrase", Passphrase: p}}, slots...), nil
	}
	if len(slots) == 0 {
		var s keeper.NewSlot
		s, _, err = a.defaultSlot()
		slots = append(slots, s)
	}
	return slots, err
}

// interactive reports whether somebody sits at the terminal: standard input is one.
func (a *app) interactive() bool {
	if !isTerminal(a.world.Stdin) {
		return false
	}
	t, err := openTerminal()
	if err != nil {
		return false
	}
	t.close()
	return true
}
