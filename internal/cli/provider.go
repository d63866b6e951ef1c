package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
)

// providerEntries are the commands about where secrets come from.
func providerEntries() []entry {
	return []entry{
		{[]string{"provider"}, groupProviders, (*app).providerCommand},
		{[]string{"health"}, groupProviders, func(a *app) *cobra.Command { return a.healthCommand("health") }},
		{[]string{"explain"}, groupProviders, (*app).explainCommand},
	}
}

func (a *app) providerCommand() *cobra.Command {
	return family("provider", "Where secrets come from: the vault and other stores",
		a.providerListCommand(), a.healthCommand("health [PROVIDER]…"), a.providerTestCommand(), a.providerCopyCommand())
}

func (a *app) providerListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the providers in the order in which they are asked",
		Long: `List the providers in the order in which they are asked: by priority, the highest first. No store is asked anything.

Providers are declared under secrets.providers of tacit.yaml or config.yaml. env and keyring may be named without that, as in
tacit get tacit://env:NAME.`,
		Example: "tacit provider list\ntacit provider list --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.providerList(c.Context()) },
	}
}

func (a *app) providerList(ctx context.Context) error {
	k, err := a.chained()
	if err != nil {
		return err
	}
	l := k.Providers(ctx, a.caller())
	if a.flags.json {
		return a.out.JSON(l)
	}
	rows := make([][]string, 0, len(l.Providers))
	for _, p := range l.Providers {
		rows = append(rows, []string{p.Name, p.Type, itoa(p.Priority), yes(p.Required), yes(p.Writable), yes(p.Versions), p.Origin})
	}
	a.out.Table([]string{"Provider", "Type", "Priority", "Required", "Writable", "Versions", "Origin"}, rows)
	a.out.Line("\nAsked in this order: %s", visible(strings.Join(l.Chain, ", ")))
	a.out.Line("Written to, when nothing else is said: %s", visible(l.Default))
	return nil
}

func millis(ms float64) string { return fmt.Sprintf("%.1f ms", ms) }

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

func (a *app) healthCommand(use string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: "Ask every provider whether it would answer",
		Long: `Ask every provider at once whether it would answer, each within its own timeout. No secret is read.

Exit 7 if one that is required is down.`,
		Example: "tacit health\ntacit provider health --json",
		Args:    cobra.ArbitraryArgs,
		RunE:    func(c *cobra.Command, args []string) error { return a.health(c.Context(), args) },
	}
}

func (a *app) health(ctx context.Context, only []string) error {
	k, err := a.chained()
	if err != nil {
		return err
	}
	if len(only) == 0 && a.flags.provider != "" {
		only = []string{a.flags.provider}
	}
	h, err := k.Health(ctx, a.caller(), only...)
	if err != nil {
		return err
	}
	if a.flags.json {
		err = a.out.JSON(h)
	} else {
		a.printHealth(h)
	}
	if err == nil && !h.OK {
		err = down(h)
	}
	return err
}

func (a *app) printHealth(h client.Health) {
	rows := make([][]string, 0, len(h.Providers))
	for _, p := range h.Providers {
		rows = append(rows, []string{p.Name, p.Status, itoa(p.Priority), millis(p.LatencyMS), moment(&p.CheckedAt)})
	}
	a.out.Table([]string{"Provider", "Status", "Priority", "Latency", "Last check"}, rows)
	for _, p := range h.Providers {
		if p.Detail == nil {
			continue
		}
		a.out.Line("\n%s", visible(*p.Detail))
		if p.Fix != nil {
			a.out.Line("  → %s", visible(*p.Fix))
		}
	}
	a.out.Line("\nAsked in this order: %s", visible(strings.Join(h.Chain, ", ")))
}

// down is the error when a provider that is required would not answer.
func down(h client.Health) error {
	var names []string
	for _, p := range h.Providers {
		if p.Down() {
			names = append(names, p.Name+" is "+p.Status)
		}
	}
	return fault.New(fault.Unavailable, "required, but %s", strings.Join(names, ", ")).From("provider").About(strings.Fields(names[0])[0])
}

func (a *app) providerTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test PROVIDER", Short: "Write, read and delete a probe in a provider",
		Long: `Write a secret named tacit-probe-… to a provider, read it, compare it and delete it: so it is known whether all of that is
permitted. A provider that is read-only is not tried.`,
		Example: "tacit provider test local",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.providerTest(c.Context(), args[0]) },
	}
}

func (a *app) providerTest(ctx context.Context, named string) error {
	k, err := a.chained()
	if err != nil {
		return err
	}
	t, err := k.Test(ctx, a.caller(), named)
	if err != nil {
		return err
	}
	if a.flags.json {
		if err := a.out.JSON(t); err != nil {
			return err
		}
	} else {
		rows := make([][]string, 0, len(t.Steps))
		for _, s := range t.Steps {
			result := "ok"
			if !s.OK {
				result = "failed"
			}
			rows = append(rows, []string{s.Step, result, millis(s.LatencyMS), deref(s.Detail)})
		}
		a.out.Table([]string{"Step", "Result", "Latency", "Detail"}, rows)
	}
	if !t.OK {
		return fault.New(fault.Unavailable, "%s: the test failed", named).From("provider").About(named).WithFix("tacit provider health %s", named)
	}
	return nil
}
