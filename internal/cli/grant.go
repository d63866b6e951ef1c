package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/policy"
)

func (a *app) grantCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "grant PRINCIPAL RULE", Short: "Let a principal do what a rule says",
		Long: `Let a principal (user/NAME, agent/NAME or plugin/NAME) do what a rule says. It counts for every token of that principal that the
owner made, from the next request on. The rule may be one argument or several.

` + ruleHelp,
		Example: "tacit grant agent/claude 'read ci/*'\ntacit grant agent/claude read 'db/**' in workspace/web tagged dev",
		Args:    cobra.MinimumNArgs(2), ValidArgsFunction: a.completeGrant,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			g, err := k.Grant(c.Context(), a.caller(), args[0], strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			return a.printGrant("Granted", g)
		},
	}
	c.AddCommand(a.grantListCommand(), a.grantRemoveCommand())
	return c
}

func (a *app) printGrant(done string, g client.Grant) error {
	if a.flags.json {
		return a.out.JSON(g)
	}
	a.out.Line("%s %s  %s %s", done, visible(g.ID), visible(g.Principal), visible(g.Rule))
	return nil
}

func (a *app) grantListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List what was granted", Example: "tacit grant list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.GrantList(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(list)
			}
			rows := make([][]string, 0, len(list.Grants))
			for _, g := range list.Grants {
				rows = append(rows, []string{g.ID, g.Principal, g.Rule})
			}
			a.out.Table([]string{"ID", "Principal", "Rule"}, rows)
			return nil
		},
	}
}

func (a *app) grantRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Aliases: []string{"remove", "delete"}, Short: "Take a grant back",
		Long:    "Take a grant back. The next request is decided without it. It does not ask: giving it again is one command.",
		Example: "tacit grant agent/claude 'read ci/*'\ntacit grant rm grant-1",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.removeGrant(c.Context(), args[0]) },
	}
}

func (a *app) revokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke PRINCIPAL RULE", Short: "Take back what tacit grant gave",
		Long:    "Take back what tacit grant gave with the same words. tacit grant list shows what there is; tacit token revoke ends tokens.",
		Example: "tacit grant agent/claude 'read ci/*'\ntacit revoke agent/claude 'read ci/*'",
		Args:    cobra.MinimumNArgs(2), ValidArgsFunction: a.completeGrant,
		RunE: func(c *cobra.Command, args []string) error {
			rule, err := policy.ParseRule(strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			return a.revoke(c.Context(), args[0], rule.String())
		},
	}
}

// revoke removes the grant with a rule, in its one spelling.
func (a *app) revoke(ctx context.Context, principal, rule string) error {
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	list, err := k.GrantList(ctx, a.caller())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list.Grants, func(g client.Grant) bool { return g.Principal == principal && g.Rule == rule })
	if i < 0 {
		return fault.New(fault.NotFound, "%s was not granted '%s'", principal, rule).About(principal).WithFix("tacit grant list")
	}
	return a.removeGrant(ctx, list.Grants[i].ID)
}

func (a *app) removeGrant(ctx context.Context, id string) error {
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	g, err := k.GrantRemove(ctx, a.caller(), id)
	if err != nil {
		return err
	}
	return a.printGrant("Took back", g)
}

// completeGrant offers principals, then what a rule begins with.
func (a *app) completeGrant(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return actionNames(), cobra.ShellCompDirectiveNoFileComp
	}
	return a.completePrincipal(c, args, word)
}
