package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
)

func itoa(n int) string { return strconv.Itoa(n) }

// entry is one command: its name and aliases, the heading it stands under in help, and how it is built.
// Building costs more than most commands take to run, so only the one that was typed is built.
type entry struct {
	names []string
	group string // a heading of help; empty: not shown
	build func(*app) *cobra.Command
}

// The headings of help, in their order.
const (
	groupVault     = "Vault"
	groupSecrets   = "Secrets"
	groupPrograms  = "Giving secrets to programs"
	groupProviders = "Providers"
	groupServices  = "Using secrets with services"
	groupAccess    = "Access"
	groupMore      = "More"
)

// entries are all commands, in the order of help.
func entries() []entry {
	return slices.Concat(vaultEntries(), secretsEntries(), auditEntries(), programEntries(), handoverEntries(), configEntries(), serviceEntries(), providerEntries(), accessEntries(), moreEntries(), demoEntries(), habitEntries()) // one list a file family
}

// tree returns the root command with the subcommand that args name or, when they name none (help, completion, a typing
// error), with all of them.
func (a *app) tree(args []string) (*cobra.Command, error) {
	root := a.root()
	all := entries()
	word := commandWord(root, args)
	for _, e := range all {
		if slices.Contains(e.names, word) {
			a.attach(root, e)
			return root, nil
		}
	}
	for _, e := range all {
		a.attach(root, e)
	}
	switch word {
	case cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
		a.completeVault(root) // before the rest, which takes what is left
		completeFlags(root)
		return root, nil
	case "", "help":
		return root, nil
	}
	return nil, unknownCommand(root, word)
}

func (a *app) attach(root *cobra.Command, e entry) {
	c := e.build(a)
	c.GroupID, c.Hidden = e.group, e.group == ""
	a.wrap(c)
	root.AddCommand(c)
}

// wrap makes c and its subcommands read the global flags before they run, and tells their own failures from those of cobra,
// which are all wrong arguments.
func (a *app) wrap(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := a.begin(c.CommandPath()); err != nil {
				return err
			}
			return run(c, args)
		}
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error { return a.usageError(c, check(c, args)) }
	}
	if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range c.Commands() {
		a.wrap(sub)
	}
}

// usageError words the errors of cobra about arguments anew: cobra repeats an argument, which may be a value in the wrong place.
func (a *app) usageError(c *cobra.Command, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fault.New(fault.Usage, "%s: wrong number of arguments", strings.TrimPrefix(c.CommandPath(), "tacit ")).
		WithFix("%s, as %s --help explains", useLine(c), c.CommandPath())
}

// root returns the root command with the flags that every command takes.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tacit",
		Short: "Keeps secrets, and gives them to programs that never have to show them",
		Example: `tacit set db.password
tacit get db.password
tacit run -e PGPASSWORD=db.password -- psql`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.NoArgs,
	}
	version := root.Flags().Bool("version", false, "print the version")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *version {
			return a.printVersion()
		}
		return c.Help()
	}
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(a.flagError)
	for _, title := range []string{groupVault, groupSecrets, groupPrograms, groupProviders, groupServices, groupAccess, groupMore} {
		root.AddGroup(&cobra.Group{ID: title, Title: title})
	}
	f, p := &a.flags, root.PersistentFlags()
	p.SortFlags = false
	p.BoolVar(&f.json, "json", false, "print JSON")
	p.StringVar(&f.workspace, "workspace", "", "act within the workspace `W`")
	p.StringVar(&f.group, "group", "", "act within the group `G` of the workspace")
	p.StringVar(&f.scope, "scope", "", "the scope `S`: global, workspace/W, workspace/W/group/G, plugin/P, agent/A, user/U")
	p.StringVar(&f.provider, "provider", "", "only the provider `P`")
	p.StringVar(&f.config, "config", "", "the user's configuration `FILE`")
	p.BoolVar(&f.noProject, "no-project", false, "leave the project file out")
	p.BoolVar(&f.noAgent, "no-agent", false, "open the vault in this process, not through the agent")
	p.BoolVar(&f.offline, "offline", false, "ask no provider over the network")
	p.StringVar(&f.maxAge, "max-age", "", "accept a cached value of at most this age `D`")
	p.BoolVarP(&f.quiet, "quiet", "q", false, "no notices")
	p.BoolVar(&f.debug, "debug", false, "log what happens to stderr; secrets are never logged")
	return root
}

// commandWord returns the first argument that is neither a flag nor a global flag's value.
func commandWord(root *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" || arg == "" {
			return ""
		}
		if arg[0] != '-' {
			return arg
		}
		if long, ok := strings.CutPrefix(arg, "--"); ok {
			if f := root.PersistentFlags().Lookup(long); f != nil && f.NoOptDefVal == "" {
				i++ // its value
			}
		}
	}
	return ""
}

func unknownCommand(root *cobra.Command, word string) error {
	root.SuggestionsMinimumDistance = 2
	err := fault.New(fault.Usage, "unknown command%s", quoteWord(word))
	if near := root.SuggestionsFor(word); len(near) > 0 {
		for i := range near {
			near[i] = "tacit " + near[i]
		}
		return err.WithFix("did you mean %s?", strings.Join(near, " or "))
	}
	return err.WithFix("tacit help lists the commands")
}

// quoteWord returns ` "w"` when w looks like a command or a flag that somebody mistyped, else nothing:
// a value that ended up in the wrong place must not be repeated.
func quoteWord(w string) string {
	if len(w) > 24 || strings.ContainsFunc(w, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' }) {
		return ""
	}
	return ` "` + w + `"`
}

// family returns a command that only has subcommands.
func family(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	c.AddCommand(subs...)
	var names []string
	for _, s := range subs {
		names = append(names, s.Name())
	}
	c.Args = func(c *cobra.Command, args []string) error {
		fix := strings.Join(names, ", ")
		if len(args) == 0 {
			return fault.New(fault.Usage, "%s: which of its commands?", c.Name()).WithFix("tacit %s COMMAND, one of %s", c.Name(), fix)
		}
		return fault.New(fault.Usage, "%s: unknown command%s", c.Name(), quoteWord(args[0])).WithFix("tacit %s COMMAND, one of %s", c.Name(), fix)
	}
	c.RunE = func(*cobra.Command, []string) error { return nil }
	c.Example = subs[0].Example
	return c
}
