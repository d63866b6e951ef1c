package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/agent"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) doctorCommand() *cobra.Command {
	var fix, strict bool
	c := &cobra.Command{
		Use: "doctor", Short: "Check everything: files, every record, slots, weak or due values, credentials",
		Long:    "Check permissions, every record, the anchor and the accumulator, slots, values that are weak, reused or due, what credentials wait for, the clock, the agent if one runs, and whether other providers answer. Exit 1 on warn or fail.",
		Example: "tacit doctor\ntacit doctor --fix",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.doctor(c.Context(), fix, strict)
		},
	}
	c.Flags().BoolVar(&fix, "fix", false, "repair what can be repaired without a loss")
	c.Flags().BoolVar(&strict, "strict", false, "notes count as warnings")
	return c
}

func (a *app) doctor(ctx context.Context, fix, strict bool) error {
	k, err := a.owner()
	if err != nil {
		return err
	}
	also := append(a.examineAgent(), a.examineProviders(ctx, k)...)
	progress, done := a.progress("Checking")
	d, err := k.Doctor(ctx, a.caller(), keeper.DoctorRequest{Fix: fix, Strict: strict, Also: also, Progress: progress})
	done()
	if err != nil {
		return err
	}
	if a.flags.json {
		if err := a.out.JSON(d); err != nil {
			return err
		}
	} else {
		a.printDoctor(d)
	}
	if !d.OK {
		return fault.New(fault.Overdue, "doctor: %s", plural(d.Counts.Warn, "warning")+" and "+plural(d.Counts.Fail, "failure"))
	}
	return nil
}

// examineAgent looks at the agent of this vault. That it is asked is no use of the vault.
func (a *app) examineAgent() []client.DoctorCheck {
	l := a.layout()
	r, err := a.agentReport()
	e := agent.Examination{Layout: l, Version: a.world.Version, Now: a.now(), Report: r, Err: err, Config: a.configFile(l), Linger: lingerFile(a.username())}
	if u, err := a.userConfig(l); err == nil { // what is wrong with it is found beside this
		if e.Shared, err = sharedSocket(u, l); err != nil {
			e.Shared = agent.Shared{Path: u.SharedSocket, Group: -1}
		}
	}
	return e.Examine()
}

// lingerFile is what systemd-logind keeps for a user whose processes it lets run on after the log-out (loginctl enable-linger).
func lingerFile(user string) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	return "/var/lib/systemd/linger/" + user
}

func (a *app) printDoctor(d client.Doctor) {
	width := 0
	for _, c := range d.Checks {
		width = max(width, len(c.Check))
	}
	colors := map[string]string{"ok": "32", "note": "36", "warn": "33", "fail": "31", "skip": "2"}
	for _, c := range d.Checks {
		detail := c.Detail
		if c.Object != nil {
			detail = *c.Object + ": " + detail
		}
		status := fmt.Sprintf("%-4s", c.Status)
		a.out.Line("%s  %-*s  %s", a.out.style(colors[c.Status], visible(status)), width, visible(c.Check), visible(detail))
		if c.Fix != nil {
			a.out.Line("      → %s", visible(*c.Fix))
		}
	}
	n := d.Counts
	a.out.Line("\n%d ok, %d note, %d warn, %d fail, %d skipped", n.OK, n.Note, n.Warn, n.Fail, n.Skip)
}

// plural returns "1 failure" or "2 failures".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return itoa(n) + " " + noun + "s"
}

func (a *app) rotateRootCommand() *cobra.Command {
	var resume bool
	c := &cobra.Command{
		Use: "rotate-root", Short: "Make a new root key and move everything to it",
		Long: `Make a new root key and move everything to it, so that a key that somebody kept opens nothing any more.

Passphrases are asked for, and a recovery slot gets a new phrase. It is safe to interrupt: the vault works meanwhile, and
--resume goes on.`,
		Example: "tacit rotate-root",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.owner()
			if err != nil {
				return err
			}
			handBack, err := a.takeFromAgent(c.Context(), k)
			if err != nil {
				return err
			}
			progress, done := a.progress("Moving")
			r, err := k.RotateRoot(c.Context(), a.caller(), keeper.RotateRootRequest{Resume: resume, Progress: progress})
			done()
			if err != nil {
				return err
			}
			handBack()
			if a.flags.json {
				return a.out.JSON(r)
			}
			a.out.Line("Rotated the root key: epoch %d, %s moved", r.Epoch, plural(r.Records, "record"))
			if r.Phrase != nil {
				a.out.Line("\nThe new recovery phrase, shown once:\n\n  %s\n", *r.Phrase)
			}
			a.out.Notice("older backups and copies of the vault still open with the old key")
			return nil
		},
	}
	c.Flags().BoolVar(&resume, "resume", false, "go on with a rotation that was interrupted")
	return c
}
