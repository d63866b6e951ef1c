package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// auditEntries are the commands about what happened, and against what might.
func auditEntries() []entry {
	return []entry{
		{[]string{"audit"}, groupSecrets, (*app).auditCommand},
		{[]string{"backup"}, groupSecrets, (*app).backupCommand},
	}
}

// auditFlags select records.
type auditFlags struct {
	secret    string
	limit     int
	failed    bool
	since     string
	principal string
	follow    bool
}

func (a *app) auditCommand() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use: "audit [NAME]", Short: "Show who did what, newest last",
		Example: "tacit audit\ntacit audit db.password --since 24h\ntacit audit --failed",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if f.secret != "" && f.secret != args[0] {
					return fault.New(fault.Usage, "audit: two secrets are named").WithFix("tacit audit NAME")
				}
				f.secret = args[0]
			}
			return a.audit(c.Context(), f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.secret, "secret", "", "only records about the secret `NAME`")
	fl.IntVar(&f.limit, "limit", 50, "the newest `N` records; 0 for all")
	fl.BoolVar(&f.failed, "failed", false, "only what was denied or failed")
	fl.StringVar(&f.since, "since", "", "only records of the last `D` (24h, 30d), or from a date on")
	fl.StringVar(&f.principal, "principal", "", "only records of the principal `P`")
	fl.BoolVar(&f.follow, "follow", false, "go on showing new records as they come")
	c.AddCommand(a.auditWhoCommand(), a.auditVerifyCommand(), a.auditCheckpointCommand(), a.auditExportCommand(), a.auditPruneCommand())
	return c
}

// request turns the flags into what keeper is asked.
func (f auditFlags) request(now time.Time) (keeper.AuditRequest, error) {
	r := keeper.AuditRequest{Secret: f.secret, Limit: f.limit, Failed: f.failed, Principal: f.principal}
	if f.limit < 0 {
		return r, fault.New(fault.Usage, "audit: --limit is negative")
	}
	if f.since == "" {
		return r, nil
	}
	var err error
	r.Since, err = past("--since", f.since, now) // of a day, its beginning: a limit in the past includes the day that it names
	return r, err
}

func (a *app) audit(ctx context.Context, f auditFlags) error {
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	r, err := f.request(a.now())
	if err != nil {
		return err
	}
	if f.follow {
		return a.auditFollow(ctx, k, r)
	}
	log, err := k.Audit(ctx, a.caller(), r)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(log)
	}
	rows := make([][]string, 0, len(log.Records))
	for _, rec := range log.Records {
		rows = append(rows, auditRow(rec))
	}
	a.out.Table(auditHeader(), rows)
	s := log.Summary
	frequent := ""
	if s.MostFrequentPrincipal != nil {
		frequent = fmt.Sprintf("%s (%d)", *s.MostFrequentPrincipal, s.MostFrequentCount)
	}
	a.out.Line("")
	a.out.Card(
		[2]string{"shown", fmt.Sprintf("%d of %d", len(log.Records), log.Total)},
		[2]string{"failed attempts", itoa(s.Failed)},
		[2]string{"most frequent principal", frequent},
		[2]string{"last rotation", orElse(moment(s.LastRotationAt), "never")},
	)
	return nil
}

// auditFollow prints records as they come, each at once.
func (a *app) auditFollow(ctx context.Context, k keeper.API, r keeper.AuditRequest) error {
	return k.AuditFollow(ctx, a.caller(), r, func(rec client.AuditRecord) error {
		if a.flags.json {
			if err := a.auditLine(rec); err != nil {
				return err
			}
		} else {
			row := auditRow(rec)
			for i := range row {
				row[i] = visible(row[i])
			}
			a.out.Line("%s  %-16s %-10s %-32s %-8s %s %s", row[0], row[1], row[2], row[3], row[4], row[5], row[6])
		}
		return a.out.flush()
	})
}

// auditLine prints a record as one line of JSON, on a terminal too.
func (a *app) auditLine(rec client.AuditRecord) error {
	b, err := json.Marshal(complete(rec))
	a.out.Bytes(append(b, '\n'))
	return err
}

func auditHeader() []string {
	return []string{"Time", "Principal", "Action", "Object", "Result", "Provider", "Door"}
}

func auditRow(r client.AuditRecord) []string {
	object := orElse(deref(r.Object.Name), r.Object.Kind)
	if r.Object.Version != nil && *r.Object.Version > 0 {
		object += "@" + itoa(*r.Object.Version)
	}
	if q := r.Request; q != nil {
		object += "  " + q.Method + " " + q.Path
		if q.Status != 0 {
			object += " " + itoa(q.Status)
		}
	}
	result := r.Result
	if r.Reason != nil {
		result += " (" + *r.Reason + ")"
	}
	return []string{moment(&r.Time), r.Principal, r.Action, object, result, deref(r.Provider), r.Door}
}

func (a *app) auditWhoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "who NAME", Short: "Say who saw each version of a secret", Example: "tacit audit who db.password", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			w, err := k.AuditWho(c.Context(), a.caller(), keeper.Ref{Name: args[0], Scope: a.flags.scope, Provider: a.flags.provider})
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(w)
			}
			var rows [][]string
			for _, v := range w.Versions {
				for _, p := range v.Principals {
					rows = append(rows, []string{itoa(v.Version), p.Principal, p.Action, itoa(p.Count), moment(&p.FirstAt), moment(&p.LastAt)})
				}
			}
			a.out.Table([]string{"Version", "Principal", "Action", "Times", "First", "Last"}, rows)
			return nil
		},
	}
}

func (a *app) auditExportCommand() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use: "export", Short: "Print all records, one JSON object a line", Example: "tacit audit export", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			r, err := f.request(a.now())
			if err != nil {
				return err
			}
			return k.AuditExport(c.Context(), a.caller(), r, a.auditLine)
		},
	}
	c.Flags().StringVar(&f.since, "since", "", "only records of the last `D` (24h, 30d), or from a date on")
	return c
}
