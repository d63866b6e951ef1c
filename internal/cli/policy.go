package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) policyCommand() *cobra.Command {
	return family("policy", "The rules about who may do what, and why", a.policyShowCommand(), a.policySetCommand(), a.policyTestCommand(), a.policyExplainCommand())
}

func (a *app) policyShowCommand() *cobra.Command {
	own := false
	c := &cobra.Command{
		Use: "show", Short: "Print all policies as Cedar",
		Long: `Print all policies as Cedar: those of tacit policy set, then one for each grant and each default of the configuration. What tokens
permit by themselves is not among them.`,
		Example: "tacit policy show\ntacit policy show --own >mine.cedar", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			p, err := k.PolicyShow(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(p)
			}
			text := p.Text
			if own {
				text = p.Own
			}
			a.printText(text)
			if p.Text == "" {
				a.out.Notice("there are no policies: a token permits what it was made for, and nobody else but the owner anything")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&own, "own", false, "only what tacit policy set replaces")
	return c
}

// printText prints text of somebody's own: exactly as it is, but to a terminal without what a terminal would act on.
func (a *app) printText(text string) {
	if !a.out.toTerminal {
		a.out.Bytes([]byte(text))
		return
	}
	for line := range strings.Lines(text) {
		a.out.Line("%s", visible(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")))
	}
}

func (a *app) policySetCommand() *cobra.Command {
	force := false
	c := &cobra.Command{
		Use: "set FILE|-", Short: "Replace your own policies",
		Long: `Replace your own policies, which are Cedar: docs/policy.md has the schema and examples. A text with a mistake changes nothing, and
the mistake is named with its line. Grants stay. An empty file removes what there was.`,
		Example: "tacit policy set policies.cedar\ntacit policy show --own | tacit policy set - --force",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error { return a.policySet(c.Context(), args[0], force) },
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) policySet(ctx context.Context, file string, force bool) error {
	text, err := a.readSmall(file, maxPolicyFile)
	if err != nil {
		return err
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	if !force {
		before, err := k.PolicyShow(ctx, a.caller())
		if err != nil {
			return err
		}
		if before.Own != "" && before.Own != string(text) {
			if err := a.confirm(false, "replace the policies that are there?"); err != nil {
				return err
			}
		}
	}
	p, err := k.PolicySet(ctx, a.caller(), string(text))
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(p)
	}
	a.out.Notice("the policies are set, beside %s", plural(p.Grants, "grant"))
	return nil
}

// maxPolicyFile bounds what is read of a file of policies or test cases, in bytes; keeper says what it takes.
const maxPolicyFile = 2 << 20

func (a *app) policyTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test FILE", Short: "Check that the policies decide as a file says",
		Long: `Check that the policies, grants and defaults decide as a YAML file says. Exit 1 if one case is decided otherwise.

  - {principal: agent/claude, action: read, object: ci/one, expect: allow}
  - {principal: agent/claude, action: read, object: prod/db, expect: deny}

An object that is only named is looked up in the vault; docs/policy.md has the whole form. What tokens permit does not count.`,
		Example: "tacit policy test cases.yaml",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error { return a.policyTest(c.Context(), args[0]) },
	}
}

func (a *app) policyTest(ctx context.Context, file string) error {
	text, err := a.readSmall(file, maxPolicyFile)
	if err != nil {
		return err
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	t, err := k.PolicyTest(ctx, a.caller(), text)
	if err != nil {
		return err
	}
	if a.flags.json {
		err = a.out.JSON(t)
	} else {
		rows := make([][]string, 0, len(t.Cases))
		for _, c := range t.Cases {
			rows = append(rows, []string{
				itoa(c.Line), c.Principal, c.Action, c.Object, c.Expect, map[bool]string{true: "ok", false: "is " + c.Decision}[c.OK], c.Reason,
			})
		}
		a.out.Table([]string{"Line", "Principal", "Action", "Object", "Expect", "Result", "Reason"}, rows)
	}
	if err == nil && !t.OK {
		err = fault.New(fault.Failed, "policy test: %d of %s decided otherwise", t.Failed, plural(t.Total, "case")).About(file).
			WithFix("tacit policy explain PRINCIPAL ACTION OBJECT")
	}
	return err
}

func (a *app) policyExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain PRINCIPAL ACTION OBJECT", Short: "Say why something is allowed or denied, and what would allow it",
		Long: `Say which rules decide whether a principal may do something, or that none does, and which grant would allow that and nothing else.
--workspace and --group say where the principal is, --scope which secret is meant when several have the name.`,
		Example: "tacit policy explain agent/claude read db.password\ntacit policy explain agent/claude read db.password --workspace web",
		Args:    cobra.ExactArgs(3),
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) < 2 {
				return a.completeGrant(c, args, word)
			}
			return a.completeWith(func(args []string) offer {
				return offers{offerNothing, offerNothing, offerNames, offerNothing}[min(len(args), 3)]
			}, false)(c, args, word)
		},
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			e, err := k.PolicyExplain(c.Context(), a.caller(), keeper.ExplainRequest{
				Principal: args[0], Action: args[1], Object: args[2], Scope: a.flags.scope, Workspace: a.flags.workspace, Group: a.flags.group,
			})
			if err != nil {
				return err
			}
			if !a.distant() && e.Principal == a.caller().Principal {
				a.out.Notice("policy does not ask you, the owner; this is what somebody with a token for %s may do", e.Principal)
			}
			return a.printExplained(e)
		},
	}
}

func (a *app) printExplained(e client.PolicyExplained) error {
	if a.flags.json {
		return a.out.JSON(e)
	}
	a.out.Card(
		[2]string{"decision", e.Decision}, [2]string{"principal", e.Principal}, [2]string{"action", e.Action}, [2]string{"object", e.Object},
		[2]string{"rules", strings.Join(e.Rules, ", ")}, [2]string{"reason", e.Reason}, [2]string{"to allow it", deref(e.Grant)},
	)
	return nil
}
