package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

func (a *app) slotCommand() *cobra.Command {
	return family("slot", "The ways to unlock the vault", a.slotListCommand(), a.slotAddCommand(), a.slotRemoveCommand(), a.slotTestCommand())
}

func (a *app) slotListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the slots", Example: "tacit slot list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.owner()
			if err != nil {
				return err
			}
			s, err := k.SlotList(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(s)
			}
			rows := make([][]string, 0, len(s.Slots))
			for _, slot := range s.Slots {
				quantum := ""
				if slot.PostQuantum {
					quantum = "yes"
				}
				rows = append(rows, []string{slot.ID, slot.Kind, deref(slot.Label), deref(slot.Path), quantum, moment(&slot.CreatedAt), moment(slot.LastUsedAt)})
			}
			a.out.Table([]string{"ID", "Kind", "Label", "Path", "Post-quantum", "Created", "Last used"}, rows)
			return nil
		},
	}
}

// slotKinds are the kinds that slot add takes.
func slotKinds() []string {
	return []string{"passphrase", "recovery", "key-file", "keyring", "env", "recipient"}
}

func (a *app) slotAddCommand() *cobra.Command {
	var label, from string
	c := &cobra.Command{
		Use: "add KIND [ARG]", Short: "Add a way to unlock the vault",
		Long: `Add a way to unlock the vault. No secret is encrypted anew.

  passphrase         asked for twice
  recovery           ten words, shown once, to keep on paper
  key-file [PATH]    an age identity in a file, made if it is missing
  keyring            a key in the system's keyring
  env NAME           the age identity in an environment variable
  recipient R        an age or ssh recipient: its holder can open the vault`,
		Example: "tacit slot add recovery\ntacit slot add key-file backup-identity.txt --label usb-stick",
		Args:    cobra.RangeArgs(1, 2), ValidArgs: slotKinds(),
		RunE: func(c *cobra.Command, args []string) error {
			return a.slotAdd(c.Context(), args, label, from)
		},
	}
	c.Flags().StringVar(&label, "label", "", "a `NAME` to know the slot by")
	c.Flags().StringVar(&from, "from-file", "", "read the new passphrase from `FILE` (- for standard input)")
	return c
}

func (a *app) slotAdd(ctx context.Context, args []string, label, from string) error {
	k, err := a.owner()
	if err != nil {
		return err
	}
	s, err := a.newSlot(args, from)
	if err != nil {
		return err
	}
	s.Label = label
	added, err := k.SlotAdd(ctx, a.caller(), s)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(added)
	}
	a.out.Line("Added slot %s  %s", visible(added.Slot.ID), visible(slotTitle(added.Slot)))
	a.printMade(added)
	return nil
}

// printMade says what there is to know about a new slot. A phrase is shown now and never again.
func (a *app) printMade(s client.SlotAdded) {
	if s.Phrase != nil {
		a.out.Line("\n  %s\n", *s.Phrase)
	}
	if s.Notice != nil {
		a.out.Notice("%s", *s.Notice)
	}
}

// newSlot reads KIND and ARG.
func (a *app) newSlot(args []string, from string) (s keeper.NewSlot, err error) {
	kind, arg := args[0], ""
	if len(args) == 2 {
		arg = args[1]
	}
	s.Kind = kind
	takes := map[string]string{"passphrase": "", "recovery": "", "keyring": "", "key-file": "PATH", "env": "NAME", "recipient": "R"}
	what, known := takes[kind]
	switch {
	case !known:
		return s, fault.New(fault.Usage, "slot add: unknown kind%s", quoteWord(kind)).WithFix("one of %s", strings.Join(slotKinds(), ", "))
	case what == "" && arg != "":
		return s, fault.New(fault.Usage, "slot add %s takes no argument", kind)
	case what != "" && arg == "" && kind != "key-file":
		return s, fault.New(fault.Usage, "slot add %s needs an argument", kind).WithFix("tacit slot add %s %s", kind, what)
	case from != "" && kind != "passphrase":
		return s, fault.New(fault.Usage, "slot add: --from-file is for a passphrase")
	}
	switch kind {
	case "passphrase":
		s.Passphrase, err = a.slotPassphrase(from)
	case "key-file":
		s.Path = a.layout().Identity
		if arg != "" {
			s.Path, err = filepath.Abs(arg)
		}
	case "env":
		s.Env = arg
	case "recipient":
		s.Recipient = arg
	}
	return s, err
}

// slotPassphrase takes the passphrase of a new slot: from a file, from the environment (said, because there it also opens the
// vault), or asked for.
func (a *app) slotPassphrase(from string) (secret.Value, error) {
	if from == "" {
		if _, given, _ := a.givenPassphrase(); given {
			a.out.Notice("the new slot gets the passphrase that the environment holds; --from-file gives another")
		}
		return a.newPassphrase()
	}
	r := a.world.Stdin
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return secret.Value{}, paths.Explain(err, from, "read %s", from)
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	p, err := readPassphrase(r)
	if err != nil {
		return secret.Value{}, paths.Explain(err, from, "read %s", from)
	}
	return p, envelope.CheckPassphrase(p)
}

func (a *app) slotRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "rm ID", Aliases: []string{"remove", "delete"}, Short: "Remove a way to unlock the vault",
		Long: `Remove a way to unlock the vault. The last one that works cannot be removed.

Whoever could open the slot may have kept the root key; tacit rotate-root makes that worthless.`,
		Example: "tacit slot add recovery\ntacit slot rm 2 --force",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.slotRemove(c.Context(), args[0], force)
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) slotRemove(ctx context.Context, id string, force bool) error {
	k, err := a.owner()
	if err != nil {
		return err
	}
	list, err := k.SlotList(ctx, a.caller())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list.Slots, func(s client.Slot) bool { return s.ID == id })
	if i < 0 {
		return fault.New(fault.NotFound, "no such slot: %s", id).About(id).WithFix("tacit slot list")
	}
	gone := list.Slots[i]
	if err := a.confirm(force, "remove slot "+id+" ("+slotTitle(gone)+")?"); err != nil {
		return err
	}
	if err := k.SlotRemove(ctx, a.caller(), id); err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(client.SlotRemoved{Slot: gone})
	}
	a.out.Line("Removed slot %s  %s", visible(id), visible(slotTitle(gone)))
	a.out.Notice("whoever could open it may know the root key; tacit rotate-root makes a new one")
	return nil
}

func (a *app) slotTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test", Short: "Try every slot", Example: "tacit slot test", Args: cobra.NoArgs,
		Long: "Try every slot that can be tried here, asking for passphrases. Exit 1 if one does not open or was not tried.",
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.owner()
			if err != nil {
				return err
			}
			t, err := k.SlotTest(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				err = a.out.JSON(t)
			} else {
				a.printSlotTest(t)
			}
			if err == nil && !t.OK {
				err = slotTestFault(t)
			}
			return err
		},
	}
}

func (a *app) printSlotTest(t client.SlotTest) {
	rows := make([][]string, 0, len(t.Slots))
	for _, s := range t.Slots {
		result := "does not open"
		switch {
		case s.OK:
			result = "opens"
		case s.Untried:
			result = "not tried here"
		}
		rows = append(rows, []string{s.ID, result, deref(s.Detail)})
	}
	a.out.Table([]string{"ID", "Result", "Detail"}, rows)
}

// slotTestFault is what a test says in the end that did not open every slot. Only what was tried and does not open may be removed: the
// others may be the ones that open the vault on the day when nothing else does.
func slotTestFault(t client.SlotTest) error {
	var broken, untried []string
	for _, s := range t.Slots {
		switch {
		case s.OK:
		case s.Untried:
			untried = append(untried, s.ID)
		default:
			broken = append(broken, s.ID)
		}
	}
	if len(broken) > 0 {
		return fault.New(fault.Failed, "slot test: does not open: %s", strings.Join(broken, ", ")).
			WithFix("put back what its line says; if that is lost for good: tacit slot rm %s, then tacit slot add", broken[0])
	}
	return fault.New(fault.Failed, "slot test: not tried here: %s", strings.Join(untried, ", ")).
		WithFix("give what opens it, as its line says, and test again")
}
