package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/generate"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

// addGenerate adds the flags that say how to make a value.
func addGenerate(fl *pflag.FlagSet, g *keeper.Generate) {
	fl.IntVarP(&g.Length, "length", "l", 0, "so many characters (default 32), or words (default 6)")
	fl.StringVar(&g.Kind, "kind", "", "`KIND`: "+strings.Join(generate.Kinds(), ", ")+" (default "+generate.Alnum+")")
}

// checkGenerate refuses a length that was given but is none: 0 means the kind's own only where nothing was said.
func checkGenerate(fl *pflag.FlagSet, g keeper.Generate) error {
	if fl.Changed("length") && g.Length < 1 {
		return fault.New(fault.Usage, "invalid length %d", g.Length).WithFix("a length is 1 to %d", generate.MaxLength)
	}
	return nil
}

func (a *app) generateCommand() *cobra.Command {
	var (
		g            keeper.Generate
		meta         metaFlags
		print, force bool
	)
	c := &cobra.Command{
		Use: "generate NAME", Short: "Make a value that nobody can guess, and keep it",
		Long: `Make a value that nobody can guess, and keep it. Every value of its kind and length is equally likely.

It is not shown: tacit get shows it, and --print at once.`,
		Example: "tacit generate api.token\ntacit generate wifi --kind words --print\ntacit generate api.token --length 64 --kind hex --force",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := a.plainRef(args[0])
			if err != nil {
				return err
			}
			if err := checkGenerate(c.Flags(), g); err != nil {
				return err
			}
			r := keeper.SetRequest{Ref: ref, Generate: &g, Reveal: print, Via: "generate", MustBeNew: !force}
			if err := meta.apply(c.Flags(), a.now(), &r); err != nil {
				return err
			}
			return a.generate(c.Context(), r)
		},
	}
	fl := c.Flags()
	addGenerate(fl, &g)
	fl.BoolVar(&print, "print", false, "print the value")
	fl.BoolVarP(&force, "force", "f", false, "if there is one of this name: a new version of it")
	meta.add(fl)
	return c
}

func (a *app) generate(ctx context.Context, r keeper.SetRequest) error {
	var w keeper.Written
	err := a.withVault(ctx, func(k keeper.API) (err error) {
		w, err = k.Set(ctx, a.caller(), r)
		return err
	})
	var e *fault.Error
	if errors.As(err, &e) && e.Code == fault.Exists && r.MustBeNew {
		return e.WithFix("--force adds a new version; tacit rotate %s --generate keeps the old one valid for a while", r.Name)
	}
	switch {
	case err != nil:
		return err
	case !r.Reveal:
		return a.printChanged(w.Changed)
	case a.flags.json:
		text, _ := textOrBase64(w.Value, false)
		return a.out.JSON(client.Generated{Changed: w.Changed, Value: text})
	}
	a.out.Bytes(w.Value.Reveal())
	if a.out.toTerminal {
		a.out.Bytes([]byte("\n"))
	}
	a.changedNotices(w.Changed)
	return nil
}

func (a *app) rotateCommand() *cobra.Command {
	var (
		from      valueFlags
		g         keeper.Generate
		generated bool
		overlap   string
		r         keeper.RotateRequest
	)
	c := &cobra.Command{
		Use: "rotate NAME [VALUE]", Short: "Replace a value; the old one stays valid for a while",
		Long: `Replace a value. The old one stays valid for the overlap, as NAME@previous, or expires now.

The value is taken as set takes it, or made with --generate.`,
		Example: "tacit rotate db.password --generate\ntacit rotate db.password --generate --overlap 24h\ntacit rotate db.password --generate --expire-old",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if r.Ref, err = a.plainRef(args[0]); err != nil {
				return err
			}
			fl := c.Flags()
			switch {
			case r.ExpireOld && fl.Changed("overlap"):
				return fault.New(fault.Usage, "rotate: --overlap and --expire-old exclude each other")
			case generated && (len(args) == 2 || from.fromFile != ""):
				return fault.New(fault.Usage, "rotate: there is a value, and --generate would make another")
			case !generated && (fl.Changed("length") || fl.Changed("kind")):
				return fault.New(fault.Usage, "rotate: --length and --kind are for --generate").WithFix("add --generate")
			}
			if r.Overlap, err = mustDuration("--overlap", overlap); err != nil {
				return err
			}
			if err := checkGenerate(fl, g); err != nil {
				return err
			}
			if generated {
				r.Generate = &g
				return a.rotate(c.Context(), r, fl.Changed("overlap"))
			}
			if err := a.openBeforeAsking(c.Context(), args[1:], from); err != nil {
				return err
			}
			if r.Value, err = a.value(r.Name, args[1:], from); err != nil {
				return err
			}
			return a.rotate(c.Context(), r, fl.Changed("overlap"))
		},
	}
	fl := c.Flags()
	fl.BoolVar(&generated, "generate", false, "make the value")
	addGenerate(fl, &g)
	fl.StringVar(&overlap, "overlap", "30d", "the old version stays valid for `D`")
	fl.BoolVar(&r.ExpireOld, "expire-old", false, "the old version expires now")
	from.add(fl)
	return c
}

func (a *app) rotate(ctx context.Context, r keeper.RotateRequest, overlapAsked bool) error {
	k, err := a.keeper()
	if err != nil {
		return err
	}
	if a.stores != nil {
		if r.Provider, err = a.stores.Destination(ctx, a.caller(), r.Ref); err != nil {
			return err
		}
		if r.Provider != name.Local && !overlapAsked {
			r.Overlap = 0 // another store knows what becomes of old versions
		}
	}
	rotated, err := k.Rotate(ctx, a.caller(), r)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(rotated)
	}
	s := rotated.Secret
	old := "expired"
	if rotated.OldValidUntil != nil {
		old = "valid until " + moment(rotated.OldValidUntil)
	}
	if s.Provider == name.Local {
		old = itoa(rotated.OldVersion) + ", " + old
	} else {
		old = "as its store keeps it"
	}
	a.out.Card(
		[2]string{"name", s.Name}, [2]string{"provider", s.Provider}, [2]string{"version", versionOf(s.Version, s.StoreVersion)},
		[2]string{"old version", old}, [2]string{"scope", s.Scope},
	)
	a.printReadiness(rotated.Readiness)
	return nil
}
