package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints the help of a command: what it does, how it is typed, an example, its commands and its flags.
func (a *app) help(c *cobra.Command, _ []string) {
	o := a.out
	if c.Long != "" {
		o.Line("%s", c.Long)
	} else {
		o.Line("%s.", c.Short)
	}
	o.Line("\n%s %s", o.bold("Usage:"), useLine(c))
	if len(c.Aliases) > 0 {
		o.Line("%s %s", o.bold("Also:"), strings.Join(c.Aliases, ", "))
	}
	if c.Example != "" {
		o.Line("\n%s", o.bold("Examples"))
		for line := range strings.Lines(c.Example) {
			o.Line("  %s", strings.TrimRight(line, "\n"))
		}
	}
	if c.HasParent() {
		a.helpCommands("Commands", c.Commands())
	} else {
		for _, g := range c.Groups() {
			a.helpCommands(g.Title, inGroup(c, g.ID))
		}
	}
	a.helpFlags("Flags", c.LocalNonPersistentFlags())
	if c.HasParent() {
		o.Line("\n`tacit --help` lists the flags that every command takes.")
	} else {
		a.helpFlags("Flags of every command", c.PersistentFlags())
		o.Line("\n`tacit COMMAND --help` shows more about a command.")
	}
}

func useLine(c *cobra.Command) string {
	if !c.HasParent() {
		return "tacit COMMAND [ARG…] [FLAG…]"
	}
	return c.Parent().CommandPath() + " " + c.Use
}

// inGroup returns the commands under a heading of help, in the order of [entries].
func inGroup(root *cobra.Command, group string) (subs []*cobra.Command) {
	for _, e := range entries() {
		for _, c := range root.Commands() {
			if e.group == group && c.Name() == e.names[0] {
				subs = append(subs, c)
			}
		}
	}
	return subs
}

func (a *app) helpCommands(title string, subs []*cobra.Command) {
	var pairs [][2]string
	for _, s := range shown(subs) {
		pairs = append(pairs, [2]string{s.Name(), s.Short})
	}
	a.helpPairs(title, pairs)
}

func (a *app) helpFlags(title string, flags *pflag.FlagSet) {
	var pairs [][2]string
	flags.SortFlags = false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		short := "    "
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		value, usage := pflag.UnquoteUsage(f)
		if value != "" {
			value = " " + value
		}
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "[]" {
			usage += " (default " + d + ")"
		}
		pairs = append(pairs, [2]string{short + "--" + f.Name + value, usage})
	})
	a.helpPairs(title, pairs)
}

func (a *app) helpPairs(title string, pairs [][2]string) {
	if len(pairs) == 0 {
		return
	}
	width := 0
	for _, p := range pairs {
		width = max(width, len([]rune(p[0])))
	}
	a.out.Line("\n%s", a.out.bold(title))
	for _, p := range pairs {
		a.out.Line("  %s%s  %s", p[0], strings.Repeat(" ", width-len([]rune(p[0]))), p[1])
	}
}
