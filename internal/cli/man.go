package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/internal/paths"
)

// manCommand writes the manual from the same tree that parses the command line.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man [DIR]", Short: "Print the manual page, or write a page for each command into a directory",
		Example: "tacit man\ntacit man manuals",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			root, err := a.tree(nil)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				a.out.Bytes(manPage(root, a.world.Version))
				return nil
			}
			return a.writeManPages(root, args[0])
		},
	}
}

// writeManPages writes the page of c and of every command below it. A manual is for everybody, so it has the modes of one.
func (a *app) writeManPages(c *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // see above
		return paths.Explain(err, dir, "make the directory %s", dir)
	}
	file := filepath.Join(dir, manName(c)+".1")
	if err := os.WriteFile(file, manPage(c, a.world.Version), 0o644); err != nil { //nolint:gosec // see above
		return paths.Explain(err, file, "write %s", file)
	}
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := a.writeManPages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// manName is the name of a command's page: tacit-slot-add.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is the page of one command, in the macros of man(7). It has no date, so that two builds of one version are equal.
func manPage(c *cobra.Command, version string) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH %s 1 "" "tacit %s" "User Commands"`, roffQuote(strings.ToUpper(manName(c))), roff(version))
	line(".SH NAME\n%s \\- %s", roff(manName(c)), roff(c.Short))
	line(".SH SYNOPSIS\n.B %s", roff(useLine(c)))
	line(".SH DESCRIPTION")
	if c.Long != "" {
		line("%s", roffText(c.Long))
	} else {
		line("%s.", roff(c.Short))
	}
	subs := func(title string, all []*cobra.Command) {
		if len(all) > 0 {
			line(".SH %s", roffQuote(strings.ToUpper(title)))
		}
		for _, s := range all {
			line(".TP\n.BR %s (1)\n%s", roff(manName(s)), roff(s.Short))
		}
	}
	if c.HasParent() {
		subs("Commands", shown(c.Commands()))
	} else {
		for _, g := range c.Groups() {
			subs(g.Title, shown(inGroup(c, g.ID)))
		}
	}
	flags := func(title string, set *pflag.FlagSet) {
		if set.HasAvailableFlags() {
			line(".SH %s", roffQuote(title))
		}
		set.SortFlags = false
		set.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				line(".TP\n%s", manFlag(f))
			}
		})
	}
	flags("OPTIONS", c.LocalNonPersistentFlags())
	if !c.HasParent() {
		flags("OPTIONS OF EVERY COMMAND", c.PersistentFlags())
	}
	if c.Example != "" {
		line(".SH EXAMPLES\n.EX\n%s\n.EE", roffText(c.Example))
	}
	if c.HasParent() {
		line(".SH SEE ALSO\n.BR %s (1)", roff(manName(c.Parent())))
	}
	return []byte(b.String())
}

func manFlag(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	name := `\fB\-\-` + roff(f.Name) + `\fR`
	if f.Shorthand != "" {
		name = `\fB\-` + roff(f.Shorthand) + `\fR, ` + name
	}
	if value != "" {
		name += ` \fI` + roff(value) + `\fR`
	}
	return name + "\n" + roff(usage)
}

func shown(all []*cobra.Command) (some []*cobra.Command) {
	for _, c := range all {
		if c.IsAvailableCommand() {
			some = append(some, c)
		}
	}
	return some
}

// roff escapes what troff would read as its own: backslashes, hyphens that may be copied, and a control character that
// begins a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", "").Replace(s)
	if i := strings.IndexFunc(s, func(r rune) bool { return r > '~' }); i >= 0 {
		var b strings.Builder
		for _, r := range s {
			if r > '~' {
				fmt.Fprintf(&b, `\[u%04X]`, r) // groff reads bytes
			} else {
				b.WriteRune(r)
			}
		}
		s = b.String()
	}
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func roffQuote(s string) string { return `"` + roff(s) + `"` }

// roffText is a text of several lines: an empty one begins a paragraph, and indented ones stay as they are.
func roffText(s string) string {
	var b strings.Builder
	plain := true
	for l := range strings.Lines(s) {
		l = strings.TrimRight(l, "\n")
		if indented := strings.HasPrefix(l, "  "); indented == plain && l != "" {
			b.WriteString(map[bool]string{true: ".EX\n", false: ".EE\n"}[indented])
			plain = !indented
		}
		if l == "" {
			l = ".PP"
		} else {
			l = roff(l)
		}
		b.WriteString(l + "\n")
	}
	if !plain {
		b.WriteString(".EE\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
