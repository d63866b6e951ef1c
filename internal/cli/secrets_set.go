package cli

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/when"
)

// metaFlags are the metadata that a secret can be given when it gets a value.
type metaFlags struct {
	tags        []string
	expires     string
	rotateEvery string
	note        string
	owner       string
	aliases     []string
	sealed      bool
	readable    bool
	service     string
}

func (f *metaFlags) add(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.tags, "tag", nil, "the tags `T,…`")
	fl.StringVar(&f.expires, "expires", "", "valid for `D` (30d), or until the end of a date")
	fl.StringVar(&f.rotateEvery, "rotate-every", "", "due for rotation after `D`")
	fl.StringVar(&f.note, "note", "", "a note of `TEXT`; it is encrypted too")
	fl.StringVar(&f.owner, "owner", "", "`WHO` answers for it")
	fl.StringArrayVar(&f.aliases, "alias", nil, "another name `A` for it (may be repeated)")
	fl.BoolVar(&f.sealed, "sealed", false, "it can be used but never read")
	fl.BoolVar(&f.readable, "readable", false, "it can be read")
	fl.StringVar(&f.service, "service", "", "the service `S` that a sealed secret is for")
}

// apply puts what was given on the command line into a request.
func (f *metaFlags) apply(fl *pflag.FlagSet, now time.Time, r *keeper.SetRequest) error {
	tags, err := parseTags(f.tags)
	if err != nil {
		return err
	}
	r.Tags, r.Aliases, r.Service = tags, f.aliases, f.service
	if r.ExpiresAt, err = parseTime("--expires", f.expires, now); err != nil {
		return err
	}
	if r.RotateEvery, err = parseDuration("--rotate-every", f.rotateEvery); err != nil {
		return err
	}
	if fl.Changed("note") {
		r.Note = &f.note
	}
	if fl.Changed("owner") {
		r.OwnedBy = &f.owner
	}
	if err := bothExposures(f.sealed, f.readable); err != nil {
		return err
	}
	if f.sealed || f.readable {
		r.Sealed = &f.sealed
	}
	return nil
}

func bothExposures(sealed, readable bool) error {
	if sealed && readable {
		return fault.New(fault.Usage, "--sealed and --readable exclude each other")
	}
	return nil
}

// parseTags parses lists with commas, one a flag.
func parseTags(lists []string) ([]string, error) {
	var all []string
	for _, l := range lists {
		tags, err := name.ParseTags(l)
		if err != nil {
			return nil, err
		}
		all = append(all, tags...)
	}
	return all, nil
}

// parseTime parses the value of a flag; nil when it was not given.
func parseTime(flag, s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	t, err := when.Time(s, now)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "%s", flag)
	}
	return &t, nil
}

// parseDuration parses the value of a flag; nil when it was not given.
func parseDuration(flag, s string) (*time.Duration, error) {
	if s == "" {
		return nil, nil
	}
	d, err := when.Duration(s)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "%s", flag)
	}
	return &d, nil
}

// mustDuration parses the value of a flag that has a default.
func mustDuration(flag, s string) (time.Duration, error) {
	d, err := when.Duration(s)
	if err != nil {
		return 0, fault.Wrap(fault.Usage, err, "%s", flag)
	}
	return d, nil
}

func (a *app) setCommand() *cobra.Command {
	var (
		from valueFlags
		meta metaFlags
	)
	c := &cobra.Command{
		Use: "set NAME [VALUE]", Short: "Keep a value: a new secret, or a new version of one",
		Long: `Keep a value: a new secret, or a new version of one.

The value is asked for on a terminal without being shown, or read from standard input, which loses one newline at its end
(--raw keeps it), or from a file. As an argument it works too, but stays in the shell's history.

The first secret creates the vault if there is none.`,
		Example: "tacit set db.password\ntacit set tls/key --from-file key.pem --tag prod --expires 90d\npwgen 32 1 | tacit set db.password",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := a.plainRef(args[0])
			if err != nil {
				return err
			}
			r := keeper.SetRequest{Ref: ref, Via: "set"}
			if err := meta.apply(c.Flags(), a.now(), &r); err != nil {
				return err
			}
			if err := a.openBeforeAsking(c.Context(), args[1:], from); err != nil {
				return err
			}
			if r.Value, err = a.value(ref.Name, args[1:], from); err != nil {
				return err
			}
			var w keeper.Written
			if err := a.withVault(c.Context(), func(k keeper.API) (err error) {
				w, err = k.Set(c.Context(), a.caller(), r)
				return err
			}); err != nil {
				return err
			}
			return a.printChanged(w.Changed)
		},
	}
	from.add(c.Flags())
	meta.add(c.Flags())
	return c
}
