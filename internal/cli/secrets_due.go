package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
)

func (a *app) dueCommand() *cobra.Command {
	var within string
	c := &cobra.Command{
		Use: "due", Short: "List what is expired, expires soon or should be rotated",
		Long:    "List what is expired, expires soon or is past its rotation, most urgent first. Exit 1 if anything is overdue.",
		Example: "tacit due\ntacit due --within 30d",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.due(c.Context(), within) },
	}
	c.Flags().StringVar(&within, "within", "14d", "look ahead for `D`")
	return c
}

func (a *app) due(ctx context.Context, within string) error {
	d, err := mustDuration("--within", within)
	if err != nil {
		return err
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	due, err := k.Due(ctx, a.caller(), d)
	if err != nil {
		return err
	}
	if a.flags.json {
		err = a.out.JSON(due)
	} else if due.Total > 0 {
		rows := make([][]string, 0, len(due.Secrets))
		for _, s := range due.Secrets {
			overdue := ""
			if s.Overdue {
				overdue = "overdue"
			}
			rows = append(rows, []string{s.Name, s.Scope, itoa(s.Version), s.Reason, moment(&s.DueAt), overdue, deref(s.Owner)})
		}
		a.out.Table([]string{"Name", "Scope", "Version", "Reason", "Due", "", "Owner"}, rows)
	} else {
		a.out.Notice("nothing is due within %s", within)
	}
	if err == nil && due.Overdue > 0 {
		err = fault.New(fault.Overdue, "due: %s overdue", plural(due.Overdue, "secret")).WithFix("tacit rotate NAME")
	}
	return err
}
