package cli

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/chain"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) listCommand() *cobra.Command {
	var (
		r     keeper.ListRequest
		tags  []string
		names bool
	)
	c := &cobra.Command{
		Use: "list [PATTERN]", Aliases: []string{"ls"}, Short: "List secrets, without their values",
		Long: `List secrets, without their values.

PATTERN is a glob over names: * stands for anything within a segment of /, ** across segments. Several tags mean all of them.

When a provider does not answer, what the others have is listed, and the command fails with an error that names it.`,
		Example: "tacit list\ntacit list 'db*' --tag prod\ntacit list --names",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				r.Pattern = args[0]
			}
			if r.Tags, err = parseTags(tags); err != nil {
				return err
			}
			r.Scope, r.Provider = a.flags.scope, a.flags.provider
			if names && !a.flags.json {
				return a.listNames(c.Context(), r)
			}
			return a.list(c.Context(), r)
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&tags, "tag", nil, "only those with the tags `T,…`")
	fl.BoolVar(&r.AllScopes, "all-scopes", false, "those of every scope")
	fl.BoolVar(&r.IncludeExpired, "include-expired", false, "the expired ones too")
	fl.BoolVar(&names, "names", false, "only the names, one a line")
	return c
}

// listNames writes each name as it comes: it takes no memory, however many there are.
func (a *app) listNames(ctx context.Context, r keeper.ListRequest) error {
	k, err := a.keeper()
	if err != nil {
		return err
	}
	line := make([]byte, 0, 512)
	return a.others(k.Names(ctx, a.caller(), r, func(name string) error {
		line = append(append(line[:0], name...), '\n') // a name is ASCII without control characters
		a.out.Bytes(line)
		return nil
	}))
}

func (a *app) list(ctx context.Context, r keeper.ListRequest) error {
	k, err := a.keeper()
	if err != nil {
		return err
	}
	l, err := k.List(ctx, a.caller(), r)
	var part *chain.Incomplete
	if err != nil && !errors.As(err, &part) {
		return err
	}
	if a.flags.json {
		return cmp.Or(a.out.JSON(client.Listed{List: l, Unavailable: unavailable(part)}), err)
	}
	if len(l.Secrets) > 0 {
		rows := make([][]string, 0, len(l.Secrets))
		for _, s := range l.Secrets {
			rows = append(rows, []string{s.Name, s.Provider, versionOf(s.Version, s.StoreVersion), s.Scope, strings.Join(s.Tags, ", "), expiry(s)})
		}
		a.out.Table([]string{"Name", "Provider", "Version", "Scope", "Tags", "Expires"}, rows)
	} else if part == nil {
		a.out.Notice("no secrets")
	}
	if l.HiddenExpired > 0 {
		a.out.Notice("%s not shown; --include-expired shows them", plural(l.HiddenExpired, "expired secret"))
	}
	return a.others(err)
}

// unavailable is what --json says of the providers whose secrets a list lacks.
func unavailable(part *chain.Incomplete) []client.ProviderDown {
	if part == nil {
		return nil
	}
	var all []client.ProviderDown
	for _, m := range part.Missing {
		d := client.ProviderDown{Provider: m.Provider, Code: string(fault.CodeOf(m.Err)), Message: m.Err.Error()}
		var f *fault.Error
		if errors.As(m.Err, &f) {
			d.Fix = optional(f.Fix)
		}
		all = append(all, d)
	}
	return all
}

// others warns of the providers that a list lacks besides the first, which the error itself names.
func (a *app) others(err error) error {
	var part *chain.Incomplete
	if errors.As(err, &part) {
		for _, m := range part.Missing[1:] {
			a.out.Warning("%v", m.Err)
		}
	}
	return err
}
