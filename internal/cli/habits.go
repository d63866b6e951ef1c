package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// habitEntries are hidden groups for people who come from other tools: they hold the same commands and take the names and
// flags that those tools have. What is typed is translated (habits_translate.go) and run as if it had been typed in its new form.
func habitEntries() []entry {
	return []entry{{[]string{"secrets", "secret", "s", "vault"}, "", (*app).habitsCommand}}
}

func (a *app) habitsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "secrets COMMAND", Aliases: []string{"secret", "s", "vault"}, Short: "The commands about secrets, as other tools have them",
		Example:            "tacit secrets list --pattern 'db*'",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			return a.habit(c, c.CalledAs(), args)
		},
	}
}

func (a *app) habit(c *cobra.Command, group string, args []string) error {
	h, err := a.translate(group, args)
	if err != nil {
		return err
	}
	if h.verb == "" {
		if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
			return c.Help()
		}
		return fault.New(fault.Usage, "%s: which of its commands?", group).WithFix("tacit --help lists the commands")
	}
	if err := a.habitID(c.Context(), h); err != nil {
		return err
	}
	if h.neverAsked && !a.canAsk() {
		h.flag("--force")
	}
	if a.out.errTerminal {
		a.out.Notice("the new form of this is: %s", h.shown())
	}
	a.world.Args = h.args()
	return a.run(c.Context())
}

// canAsk reports whether a question would reach somebody.
func (a *app) canAsk() bool {
	t, err := openTerminal()
	if err != nil {
		return false
	}
	t.close()
	return true
}

// habitID turns the id of a secret into its name and scope. What no secret has as its id is taken as a name.
func (a *app) habitID(ctx context.Context, h *habit) error {
	id := strings.TrimPrefix(h.id, "vault:secret:")
	if id == "" {
		return nil
	}
	h.words = append([]string{id}, h.words...)
	if !strings.HasPrefix(id, "s_") {
		return nil
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	all, err := k.List(ctx, a.caller(), keeper.ListRequest{AllScopes: true, IncludeExpired: true})
	if err != nil {
		return err
	}
	for _, s := range all.Secrets {
		if s.ID == id {
			h.words[0] = s.Name
			if !h.has("--scope") {
				h.flag("--scope", s.Scope)
			}
		}
	}
	return nil
}
