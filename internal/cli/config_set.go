package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/policy"
)

func (a *app) configSetCommand() *cobra.Command {
	user := false
	c := &cobra.Command{
		Use: "set PATH VALUE", Short: "Set a value in the project file",
		Long: `Set the value at a path with dots in the nearest tacit.yaml, or in a new one here; with --user in your own config.yaml. The rest of the
file stays as it is written. VALUE is text; one that begins with [ or { is YAML. A project file that changed must be trusted again.

A value is no place for a secret: refer to one, as in '${secret:db.password}'.`,
		Example: "tacit config set vars.region eu-2\ntacit config set env.DATABASE_URL 'postgresql://app:${secret:db.password}@localhost/app'",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: a.completeConfig,
		RunE: func(c *cobra.Command, args []string) error { return a.configSet(c.Context(), args[0], args[1], user) },
	}
	c.Flags().BoolVar(&user, "user", false, "in your own config.yaml")
	return c
}

func (a *app) configSet(ctx context.Context, path, value string, user bool) error {
	file, err := a.editedFile(user)
	if err != nil {
		return err
	}
	text, mode, err := readConfigText(file)
	if err != nil {
		return err
	}
	edited, err := config.Edit(file, text, path, value)
	if err == nil {
		err = checkEdited(file, text, edited.Text, user)
	}
	if err != nil {
		return err
	}
	if user {
		if err := paths.EnsureDir(filepath.Dir(file)); err != nil {
			return err
		}
	}
	if err := paths.WriteFile(file, edited.Text); err != nil {
		return err
	}
	if !user {
		if err := os.Chmod(file, mode); err != nil {
			return paths.Explain(err, file, "chmod %s", file)
		}
	}
	if a.flags.json {
		return a.out.JSON(client.ConfigSet{File: file, Path: path, Created: edited.Created})
	}
	again := "; it must be trusted before it is used: tacit config trust"
	if user {
		again = ""
	}
	a.out.Notice("%s is set in %s%s", path, file, again)
	if edited.Anew {
		a.out.Notice("the file was written anew: its comments are there, its spacing may differ")
	}
	return nil
}

// editedFile returns the file that set changes.
func (a *app) editedFile(user bool) (string, error) {
	if user {
		return a.configFile(a.layout()), nil
	}
	dir, err := workingDirectory()
	if err != nil {
		return "", err
	}
	f, err := config.Find(dir)
	switch {
	case err != nil:
		return "", err
	case f == nil || f.Foreign && filepath.Dir(f.Path) != dir: // that of somebody else further up is not ours to change
		return filepath.Join(dir, config.FileName), nil
	case f.Refused != nil:
		return "", f.Refused
	}
	return f.Path, nil
}

// readConfigText returns a file's text and mode; those of a new one when there is none.
func readConfigText(file string) ([]byte, fs.FileMode, error) {
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, newProjectMode, nil
	}
	if err == nil && info.Size() > maxConfigFile {
		return nil, 0, fault.New(fault.Usage, "%s is larger than 1 MiB", file).About(file)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, 0, paths.Explain(err, file, "read %s", file)
	}
	return text, info.Mode().Perm(), nil
}

// newProjectMode is the mode of a new project file: it is shared with others, and holds no secret.
const newProjectMode fs.FileMode = 0o644

// maxConfigFile bounds a file that is edited, in bytes; package config says what it takes.
const maxConfigFile = 1 << 20

// checkEdited refuses a change that makes a file wrong.
func checkEdited(file string, before, after []byte, user bool) error {
	if user {
		_, err := config.ParseUser(after, func(who, rule string) error {
			_, err := policy.Defaults(map[string][]string{who: {rule}})
			return err
		})
		if err != nil {
			return fault.Wrap(fault.Usage, err, "%s would be wrong", file).About(file).WithFix("docs/cli.md says what may stand there")
		}
		return nil
	}
	old := config.Parse(file, before).Problems()
	problems := config.Parse(file, after).Problems()
	if len(problems) > len(old) {
		for _, p := range problems {
			if !known(old, p) {
				return fault.Wrap(fault.Usage, p.Fault(), "it would be wrong").About(file)
			}
		}
	}
	return nil
}

func known(problems []config.Problem, p config.Problem) bool {
	for _, o := range problems {
		if o.Text == p.Text {
			return true
		}
	}
	return false
}
