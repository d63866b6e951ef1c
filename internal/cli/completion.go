package cli

import (
	"io"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
)

// completionCommand prints a script that completes commands and flags. It would complete names of secrets from an unlocked
// agent only: completion never asks for a passphrase and never opens a slot.
func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script for bash, zsh, fish or powershell",
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
