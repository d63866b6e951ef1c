package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/chain"
	"tacit/internal/keeper"
)

func (a *app) providerCopyCommand() *cobra.Command {
	var r chain.CopyRequest
	c := &cobra.Command{
		Use: "copy FROM TO [PATTERN]", Short: "Copy secrets from one provider to another",
		Long: `Copy the current values of secrets from one provider to another. Every value that was written is read again and compared.

A secret that is there with the same value is left alone, so that a copy which broke off can be repeated. One that is there with another
value is a conflict: fail copies nothing, skip leaves it, version adds a version. What the other provider cannot hold, such as tags, is
said. Sealed secrets stay where they are. A name that the vault has in two scopes is refused: --scope says which.`,
		Example: "tacit provider copy env local 'DB_*' --dry-run\ntacit provider copy env local --on-conflict skip",
		Args:    cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			r.From, r.To = args[0], args[1]
			if len(args) == 3 {
				r.Pattern = args[2]
			}
			return a.providerCopy(c.Context(), r)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&r.DryRun, "dry-run", false, "say what would be done, and do nothing")
	fl.StringVar(&r.OnConflict, "on-conflict", "fail", "with another value that is there: `fail`, skip or version")
	return c
}

func (a *app) providerCopy(ctx context.Context, r chain.CopyRequest) error {
	a.otherNamed, a.flags.maxAge = true, "0" // what moves is what is there now
	r.Scope = a.flags.scope
	progress, done := a.progress("Copying")
	defer done()
	r.Progress = progress
	var out client.Copied
	err := a.withVault(ctx, func(keeper.API) (err error) {
		out, err = a.stores.Copy(ctx, a.caller(), r)
		return err
	})
	done()
	if err != nil && len(out.Secrets) == 0 {
		return err
	}
	if a.flags.json {
		return errors.Join(a.out.JSON(out), err)
	}
	a.printCopied(out)
	return err
}

func (a *app) printCopied(out client.Copied) {
	if len(out.Secrets) == 0 {
		a.out.Notice("no secrets")
		return
	}
	rows := make([][]string, 0, len(out.Secrets))
	for _, s := range out.Secrets {
		detail := deref(s.Reason)
		if len(s.Lost) > 0 && (s.Action == "create" || s.Action == "version") {
			detail = "without " + strings.Join(s.Lost, ", ")
		}
		rows = append(rows, []string{s.Name, s.Action, detail})
	}
	a.out.Table([]string{"Name", "Action", "Detail"}, rows)
	n := out.Counts
	what := "Copied"
	if out.DryRun {
		what = "Would copy"
	}
	a.out.Line("\n%s %s from %s to %s; %d there already, %d skipped, %d in conflict, %d failed", what, plural(n.Create+n.Version, "secret"),
		visible(out.From), visible(out.To), n.Same, n.Skip, n.Conflict, n.Failed)
}
