package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"tacit/client"
)

// moreEntries are the commands about tacit itself.
func moreEntries() []entry {
	return []entry{
		{[]string{"version"}, groupMore, (*app).versionCommand},
		{[]string{"completion"}, groupMore, (*app).completionCommand},
		{[]string{"man"}, groupMore, (*app).manCommand},
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "tacit version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	if a.flags.json {
		return a.out.JSON(client.Build{Version: a.world.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH})
	}
	a.out.Line("tacit %s", visible(a.world.Version))
	return nil
}
