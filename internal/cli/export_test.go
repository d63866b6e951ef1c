package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// visibleCommands calls visit with each command that help shows and that does something, in the order of help.
func visibleCommands(visit func(group string, c *cobra.Command)) {
	root, err := newApp(World{}).tree(nil)
	if err != nil {
		panic(err)
	}
	var walk func(group string, c *cobra.Command)
	walk = func(group string, c *cobra.Command) {
		if c.Example != "" && c.Use != c.Name() || !c.HasSubCommands() {
			visit(group, c)
		}
		for _, s := range shown(c.Commands()) {
			walk(group, s)
		}
	}
	for _, g := range root.Groups() {
		for _, c := range inGroup(root, g.ID) {
			walk(g.Title, c)
		}
	}
}

// CommandExamples returns the example of each command, by the command's path.
func CommandExamples() map[string]string {
	all := map[string]string{}
	visibleCommands(func(_ string, c *cobra.Command) { all[c.CommandPath()] = c.Example })
	return all
}

// CommandTable returns the commands as docs/cli.md lists them.
func CommandTable() string {
	var b strings.Builder
	last := ""
	visibleCommands(func(group string, c *cobra.Command) {
		if group != last {
			b.WriteString("\n### " + group + "\n\n| Command | |\n|---|---|\n")
			last = group
		}
		use := strings.ReplaceAll(strings.TrimPrefix(useLine(c), "tacit "), "|", `\|`)
		b.WriteString("| `" + use + "` | " + c.Short + " |\n")
	})
	return b.String()
}
