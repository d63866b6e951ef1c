package cli

import (
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/internal/fault"
)

// completionCommand prints a script that has the shell ask this program what a word may be: commands and flags, and what an unlocked
// agent knows (complete_names.go).
func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script for bash, zsh, fish or powershell",
		Long: `Print the completion script for bash, zsh, fish or powershell.

Commands and flags complete always; names of secrets, tags, scopes, workspaces and groups while the agent is unlocked. Tab never asks
for a passphrase, never opens the vault, and takes no use of a token.`,
		Example:   "tacit completion bash\ntacit completion zsh\ntacit completion fish\ntacit completion powershell",
		Args:      cobra.ExactArgs(1),
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			root, err := a.tree(nil)
			if err != nil {
				return err
			}
			write := map[string]func(io.Writer) error{
				"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
				"zsh":        root.GenZshCompletion,
				"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
				"powershell": root.GenPowerShellCompletionWithDesc,
			}[args[0]]
			if write == nil {
				return fault.New(fault.Usage, "completion: unknown shell%s", quoteWord(args[0])).WithFix("bash, zsh, fish or powershell")
			}
			return write(a.out.stdout)
		},
	}
}

// completeFiles lets the shell complete the names of files.
func completeFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// completeFlags keeps the shell from offering files where a flag takes something else, and descriptions plain.
func completeFlags(c *cobra.Command) {
	files := []string{"FILE", "PATH", "F", "DIR"}
	visit := func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		f.Usage = usage
		if !slices.Contains(files, value) {
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions) // fails only where a command has registered its own
		}
	}
	c.PersistentFlags().VisitAll(visit)
	c.LocalNonPersistentFlags().VisitAll(visit)
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}
