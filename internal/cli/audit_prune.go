package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/when"
)

func (a *app) auditPruneCommand() *cobra.Command {
	var before string
	var force bool
	c := &cobra.Command{
		Use: "prune --before D", Short: "Remove old records from the log",
		Long: `Remove old records from the log, whole files of them: none that is not before D.

What is left can still be verified: the vault remembers, and signs for others, up to which record it was pruned, and anything else that
is missing is found. But who saw what in that time cannot be said any more. The records of the last 90 days stay in any case, or of the time that secrets.audit.retain in config.yaml says.`,
		Example: "tacit audit prune --before 400d --force\ntacit audit prune --before 2025-01-01 --force",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.auditPrune(c.Context(), before, force) },
	}
	c.Flags().StringVar(&before, "before", "", "only records that are older than `D` (400d, 2y), or from before a date")
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) auditPrune(ctx context.Context, before string, force bool) error {
	if before == "" {
		return fault.New(fault.Usage, "audit prune: --before is missing").WithFix("tacit audit prune --before 400d")
	}
	limit, err := past("--before", before, a.now())
	if err != nil {
		return err
	}
	k, err := a.owner()
	if err != nil {
		return err
	}
	if err := a.confirm(force, "remove the audit records from before "+limit.Format(time.DateOnly)+" for good?"); err != nil {
		return err
	}
	out, err := k.AuditPrune(ctx, a.caller(), limit)
	switch {
	case err != nil:
		return err
	case a.flags.json:
		return a.out.JSON(out)
	case out.Records == 0:
		a.out.Line("Nothing was removed: no file of the log is older than that as a whole")
	default:
		a.out.Line("Removed %s: the log begins after record %d now", plural(out.Records, "record"), *out.LastSeq)
	}
	return nil
}

// past reads a time that lies behind now: a duration before it, a day (its beginning) or a time.
func past(flag, s string, now time.Time) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	d, err := when.Duration(s)
	if err != nil {
		return time.Time{}, fault.Wrap(fault.Usage, err, "%s", flag)
	}
	return now.Add(-d), nil
}
