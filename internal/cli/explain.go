package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
)

// explainCommand says where a name comes from.
func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain NAME", Short: "Say which providers were asked for a name, and what each answered",
		Long: `Say which providers were asked for a name, in which order and what each answered. No value is shown. Only "not found" moves on to the
next provider; every other answer ends the walk.`,
		Example: "tacit explain db.password",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.explain(c.Context(), args[0]) },
	}
}

func (a *app) explain(ctx context.Context, arg string) error {
	ref, field, err := a.ref(arg)
	if err == nil && field != "" {
		err = fault.New(fault.Usage, "%s: a field cannot stand here", arg).About(ref.Name).WithFix("leave out # and what follows")
	}
	if err != nil {
		return err
	}
	k, err := a.chained()
	if err != nil {
		return err
	}
	who := a.caller()
	who.Owner = !a.distant() // whose scopes are known; whoever is asked decides who we are
	e, err := k.Explain(ctx, who, ref)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(e)
	}
	rows := make([][]string, 0, len(e.Asked))
	for _, x := range e.Asked {
		version, age := "", ""
		if x.Version != nil {
			version = itoa(*x.Version)
		}
		if x.CachedAgeS != nil {
			age = itoa(*x.CachedAgeS) + " s"
		}
		rows = append(rows, []string{x.Provider, deref(x.Scope), itoa(x.Priority), x.Answer, version, millis(x.LatencyMS), age, deref(x.Detail)})
	}
	a.out.Table([]string{"Provider", "Scope", "Priority", "Answer", "Version", "Latency", "Cached for", "Detail"}, rows)
	if e.Provider != nil {
		a.out.Line("\n%s comes from %s", visible(e.Name), visible(*e.Provider))
	} else {
		a.out.Line("\n%s: %s", visible(e.Name), e.Result)
	}
	return nil
}
