package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/policy"
	"tacit/internal/when"
)

// accessEntries are the commands about who else may do what.
func accessEntries() []entry {
	return []entry{
		{[]string{"token"}, groupAccess, (*app).tokenCommand},
		{[]string{"grant"}, groupAccess, (*app).grantCommand},
		{[]string{"revoke"}, groupAccess, (*app).revokeCommand},
		{[]string{"policy"}, groupAccess, (*app).policyCommand},
	}
}

// ruleHelp explains rules in the help of the commands that take them.
const ruleHelp = `A rule is ACTION OBJECT [in SCOPE] [tagged TAG,…]. The actions are read, write, delete, list, rotate, use, audit and admin; the
object is the name of a secret or a glob: * stands for anything within a segment, ** for anything.`

func (a *app) tokenCommand() *cobra.Command {
	return family("token", "Let others use secrets, each as itself", a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var (
		r   keeper.TokenRequest
		end string
	)
	c := &cobra.Command{
		Use: "create PRINCIPAL --allow RULE…", Short: "Make a token and print it, once",
		Long: `Make a token and print it, once: only its hash is kept. Whoever has it is PRINCIPAL (user/NAME, agent/NAME or plugin/NAME), and
may do what the rules say and what was granted to that principal. The token alone goes to standard output, what is to be known
about it to standard error.

` + ruleHelp + `

It is good for 8 hours unless --for says otherwise. With --workspace and --group its bearer is in that workspace and group, and
in no other. A bearer can make tokens with less than it has itself; they end when its own does.`,
		Example: "tacit token create agent/claude --allow 'read ci/*' --allow 'use openai/*'\ntacit token create user/eve --allow 'read db.password' --uses 1 --for 30m",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completePrincipal,
		RunE: func(c *cobra.Command, args []string) error {
			r.Principal, r.Workspace, r.Group = args[0], a.flags.workspace, a.flags.group
			if c.Flags().Changed("uses") && r.Uses < 1 {
				return fault.New(fault.Usage, "token create: --uses is at least 1")
			}
			return a.tokenCreate(c.Context(), r, end)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&r.Allow, "allow", nil, "what it permits: `RULE`, such as 'read ci/*'; may be repeated")
	f.StringVar(&end, "for", "8h", "good for `D`, or until a date, or "+never)
	f.IntVar(&r.Uses, "uses", 0, "good for `N` uses (default no limit)")
	_ = c.RegisterFlagCompletionFunc("allow", completeRule) // fails only for a flag that is not there
	return c
}

func (a *app) tokenCreate(ctx context.Context, r keeper.TokenRequest, end string) error {
	if end != never {
		at, err := when.Time(end, a.now())
		if err != nil {
			return fault.Wrap(fault.Usage, err, "--for")
		}
		r.ExpiresAt = &at
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	t, err := k.TokenCreate(ctx, a.caller(), r)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(t)
	}
	a.out.Line("%s", visible(t.Token))
	a.out.Notice("token %s is %s%s, %s", t.ID, t.Principal, placeOf(t.Workspace, t.Group), goodFor(t.ExpiresAt, t.UsesLeft))
	for _, rule := range t.Rules {
		a.out.Notice("  %s", rule)
	}
	a.out.Notice("it is shown this once; tacit token revoke %s ends it", t.ID)
	return nil
}

// placeOf says in which workspace and group the bearer of a token is: ", in workspace/W/group/G".
func placeOf(workspace, group *string) string {
	if workspace == nil {
		return ""
	}
	place := ", in workspace/" + *workspace
	if group != nil {
		place += "/group/" + *group
	}
	return place
}

func goodFor(end *time.Time, uses *int) string {
	s := "until it is revoked"
	if end != nil {
		s = "until " + moment(end)
	}
	if uses != nil {
		s += " or for " + plural(*uses, "use")
	}
	return s
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the tokens, newest first",
		Long:    "List the tokens, newest first. What expired, was used up or revoked is shown for 30 days. A bearer sees its own and those it made.",
		Example: "tacit token list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.TokenList(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(list)
			}
			rows := make([][]string, 0, len(list.Tokens))
			for _, t := range list.Tokens {
				place := strings.TrimPrefix(placeOf(t.Workspace, t.Group), ", in ")
				rows = append(rows, []string{
					t.ID, t.Principal, t.State, strings.Join(t.Rules, "; "), orElse(moment(t.ExpiresAt), never), number("", t.UsesLeft), place, deref(t.Parent), moment(&t.CreatedAt),
				})
			}
			a.out.Table([]string{"ID", "Principal", "State", "Rules", "Expires", "Uses left", "In", "Made by", "Created"}, rows)
			return nil
		},
	}
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID|PRINCIPAL", Short: "End a token, or every token of a principal, at once",
		Long: `End a token, or every token of a principal, and with them the tokens that they made. The next request is refused, also on a
connection that is open, and what is being sent ends within a second. It does not ask: when it is needed it is needed now.`,
		Example: "tacit token create agent/claude --allow 'read ci/*'\ntacit token revoke agent/claude",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completePrincipal,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			out, err := k.TokenRevoke(c.Context(), a.caller(), args[0])
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(out)
			}
			for _, id := range out.Revoked {
				a.out.Line("Revoked %s", visible(id))
			}
			if out.Total == 0 {
				a.out.Notice("no token was good any more")
			}
			return nil
		},
	}
}

// completePrincipal offers the principals of the tokens that an unlocked agent knows.
func (a *app) completePrincipal(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || a.distant() {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a.out.quiet = true
	agent := a.unlockedAgent()
	if agent == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer agent.Close()
	list, err := agent.TokenList(c.Context(), a.caller())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return principals(list.Tokens), cobra.ShellCompDirectiveNoFileComp
}

func principals(tokens []client.Token) (all []string) {
	for _, t := range tokens {
		all = append(all, t.Principal)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// completeRule offers the word that a rule begins with.
func completeRule(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return actionNames(), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func actionNames() (names []string) {
	for _, action := range policy.Actions() {
		names = append(names, string(action))
	}
	return names
}
