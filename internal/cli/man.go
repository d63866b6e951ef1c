package cli

import (
	"os"
	"path/filepath"
	"strings"

	mango "github.com/muesli/mango-cobra"
	"github.com/muesli/roff"
	"github.com/spf13/cobra"

	"tacit/internal/fault"
)

// manCommand writes the manual from the same tree that parses the command line.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man [DIR]", Short: "Print the manual page, or write one page a command into a directory",
		Example: "tacit man",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			root, err := a.tree(nil)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				page, err := manPage(root)
				a.out.Bytes([]byte(page))
				return err
			}
			return writeManPages(root, args[0])
		},
	}
}

// manPage renders one command, with its subcommands and flags.
func manPage(c *cobra.Command) (string, error) {
	p, err := mango.NewManPage(1, c)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "make the manual page")
	}
	return p.Build(roff.NewDocument()), nil
}

func writeManPages(c *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a manual is for everybody
		return fileError(err, "make the directory", dir)
	}
	page, err := manPage(c)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil { //nolint:gosec // a manual is for everybody
		return fileError(err, "write", file)
	}
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := writeManPages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}
