package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/paths"
)

func (a *app) configImportCommand() *cobra.Command {
	out, force := "", false
	c := &cobra.Command{
		Use: "import FILE", Short: "Make a project file of another tool's configuration",
		Long: `Make a tacit.yaml of .xec/config.yaml or .claude/config/secrets.yaml: variables, targets, tasks, profiles and providers, with their
references in tacit's form. What has no place in a project file is listed. Secrets are not part of this: tacit import.`,
		Example: "tacit config import .xec/config.yaml -o -\ntacit config import .xec/config.yaml --force", Args: cobra.ExactArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(_ *cobra.Command, args []string) error { return a.configImport(args[0], out, force) },
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write to `FILE`; - is standard output (default tacit.yaml)")
	c.Flags().BoolVarP(&force, "force", "f", false, "replace a file that is there")
	return c
}

func (a *app) configImport(from, to string, force bool) error {
	text, err := a.readSmall(from, maxConfigFile)
	if err != nil {
		return err
	}
	out, lost, err := config.Foreign(from, text)
	if err != nil {
		return err
	}
	if to == "" {
		to = config.FileName
	}
	if to == "-" {
		if a.flags.json {
			return fault.New(fault.Usage, "config import: -o - prints the file itself, and --json something else")
		}
		a.printText(string(out))
	} else if to, err = writeImported(to, out, force); err != nil {
		return err
	}
	answer := client.ConfigImported{File: to, Lost: problemsOf(from, lost), Total: len(lost)}
	if a.flags.json {
		return a.out.JSON(answer)
	}
	for _, p := range answer.Lost {
		a.out.Warning("%s:%d: %s", p.File, p.Line, p.Text)
	}
	if to != "-" {
		a.out.Notice("%s is made of %s; it must be trusted before it is used: tacit config trust", to, from)
	}
	return nil
}

// writeImported writes a new project file and returns its path.
func writeImported(to string, text []byte, force bool) (string, error) {
	path, err := filepath.Abs(to)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "find the path of %s", to)
	}
	_, err = os.Lstat(path)
	switch {
	case err == nil && !force:
		return "", fault.New(fault.Exists, "%s is already there", path).About(path).WithFix("--force replaces it, -o names another file")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", paths.Explain(err, path, "write %s", path)
	}
	if err := paths.WriteFile(path, text); err != nil {
		return "", err
	}
	if err := os.Chmod(path, newProjectMode); err != nil {
		return "", paths.Explain(err, path, "chmod %s", path)
	}
	return path, nil
}
