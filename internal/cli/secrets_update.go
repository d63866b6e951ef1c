package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) moveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "mv OLD NEW", Short: "Give a secret another name",
		Example: "tacit mv db.password db/main/password",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := a.plainRef(args[0])
			if err != nil {
				return err
			}
			to, err := a.plainRef(args[1])
			if err != nil {
				return err
			}
			k, err := a.keeper()
			if err != nil {
				return err
			}
			changed, err := k.Move(c.Context(), a.caller(), ref, to.Name)
			if err != nil {
				return err
			}
			return a.printChanged(changed)
		},
	}
}

// updateFlags are the metadata that update changes.
type updateFlags struct {
	aliases, tags, untags, attach, detach []string
	clearAliases, sealed, readable        bool
	expires, rotateEvery, note, owner     string
	service                               string
}

// never is what --expires and --rotate-every take to end what they began.
const never = "never"

func (a *app) updateCommand() *cobra.Command {
	var f updateFlags
	c := &cobra.Command{
		Use: "update NAME", Short: "Change what is known about a secret, not its value",
		Long: `Change what is known about a secret, not its value.

--readable makes a sealed secret one that can be read: every version is encrypted anew, and it is recorded.`,
		Example: "tacit update db.password --tag prod --owner ana --expires 90d\ntacit update db.password --rotate-every 30d --note 'primary'",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := a.plainRef(args[0])
			if err != nil {
				return err
			}
			r, err := f.request(ref, c.Flags(), a.now())
			if err != nil {
				return err
			}
			return a.update(c.Context(), r, f, c.LocalFlags())
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.aliases, "alias", nil, "add another name `A` (may be repeated)")
	fl.BoolVar(&f.clearAliases, "clear-aliases", false, "remove its other names")
	fl.StringArrayVar(&f.tags, "tag", nil, "add the tags `T,…`")
	fl.StringArrayVar(&f.untags, "untag", nil, "remove the tags `T,…`")
	fl.StringVar(&f.expires, "expires", "", "valid for `D` (30d), until the end of a date, or never")
	fl.StringVar(&f.rotateEvery, "rotate-every", "", "due for rotation after `D`, or never")
	fl.StringVar(&f.note, "note", "", "a note of `TEXT`; an empty one removes it")
	fl.StringVar(&f.owner, "owner", "", "`WHO` answers for it")
	fl.BoolVar(&f.sealed, "sealed", false, "it can be used but never read")
	fl.BoolVar(&f.readable, "readable", false, "it can be read")
	fl.StringVar(&f.service, "service", "", "the service `S` that a sealed secret is for")
	fl.StringArrayVar(&f.attach, "attach-group", nil, "show it in the group `G` of its workspace")
	fl.StringArrayVar(&f.detach, "detach-group", nil, "show it in the group `G` no longer")
	return c
}

// request turns the flags into what keeper is asked.
func (f *updateFlags) request(ref keeper.Ref, fl *pflag.FlagSet, now time.Time) (r keeper.UpdateRequest, err error) {
	r = keeper.UpdateRequest{
		Ref: ref, AddAliases: f.aliases, ClearAliases: f.clearAliases, Seal: f.sealed, Service: f.service,
		AttachGroups: f.attach, DetachGroups: f.detach,
	}
	if err := bothExposures(f.sealed, f.readable); err != nil {
		return r, err
	}
	if r.AddTags, err = parseTags(f.tags); err != nil {
		return r, err
	}
	if r.RemoveTags, err = parseTags(f.untags); err != nil {
		return r, err
	}
	if f.expires == never {
		r.NoExpiry = true
	} else if r.ExpiresAt, err = parseTime("--expires", f.expires, now); err != nil {
		return r, err
	}
	if f.rotateEvery == never {
		r.NoRotation = true
	} else if r.RotateEvery, err = parseDuration("--rotate-every", f.rotateEvery); err != nil {
		return r, err
	}
	if fl.Changed("note") {
		r.Note = &f.note
	}
	if fl.Changed("owner") {
		r.OwnedBy = &f.owner
	}
	return r, nil
}

func (a *app) update(ctx context.Context, r keeper.UpdateRequest, f updateFlags, fl *pflag.FlagSet) error {
	given := 0
	for _, name := range []string{
		"alias", "clear-aliases", "tag", "untag", "expires", "rotate-every", "note", "owner", "sealed", "service", "attach-group", "detach-group",
	} {
		if fl.Changed(name) {
			given++
		}
	}
	if given == 0 && !f.readable {
		return fault.New(fault.Usage, "update %s: what should change?", r.Name).About(r.Name).
			WithFix("tacit update --help lists it; a new value is tacit set %s", r.Name)
	}
	k, err := a.keeper()
	if err != nil {
		return err
	}
	var own Vault
	if f.readable {
		if own, err = a.owner(); err != nil {
			return err
		}
		k = own
	}
	var changed client.Changed
	if given > 0 {
		if changed, err = k.Update(ctx, a.caller(), r); err != nil {
			return err
		}
	}
	if f.readable {
		unsealed, err := own.Unseal(ctx, a.caller(), r.Ref)
		if err != nil {
			return err
		}
		unsealed.Changed = append(changed.Changed, unsealed.Changed...)
		changed = unsealed
	}
	return a.printChanged(changed)
}
