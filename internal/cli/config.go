package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/settings"
)

// configEntries are the commands about what applies where.
func configEntries() []entry {
	return []entry{{[]string{"config"}, groupPrograms, (*app).configCommand}}
}

func (a *app) configCommand() *cobra.Command {
	return family("config", "The project file and your own configuration", a.configShowCommand(), a.configGetCommand(), a.configSetCommand(), a.configCheckCommand(),
		a.configTrustCommand(), a.configUntrustCommand(), a.configImportCommand())
}

func (a *app) configShowCommand() *cobra.Command {
	var profiles []string
	c := &cobra.Command{
		Use: "show", Short: "Print the configuration that applies here",
		Long: `Print the configuration that applies here: tacit.yaml, the nearest up the tree, over your own config.yaml. Variables of the file are put
in, secrets are ***, and the environment stays as it is written. A project file that is not trusted is left out.`,
		Example: "tacit config show\ntacit config show --json", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := a.loadProject()
			if err == nil && c.Project != nil && !c.Project.Trusted {
				a.out.Notice("%s is left out: it is not trusted (tacit config trust)", c.Project.Path)
			}
			if err == nil {
				c, err = c.WithProfiles(profiles...)
			}
			if err != nil {
				return err
			}
			all, _ := c.Value("")
			all = c.Show(config.HideConfidential("", all))
			if a.flags.json {
				return a.out.JSON(client.ConfigShown{Project: projectStatus(c.Project), Config: config.Plain(all)})
			}
			return a.printYAML(all)
		},
	}
	c.Flags().StringSliceVar(&profiles, "profile", nil, "with the `PROFILES` over it, the last on top")
	return c
}

// projectStatus says which project file applies here.
func projectStatus(f *config.File) client.StatusProject {
	if f == nil {
		return client.StatusProject{}
	}
	return client.StatusProject{Path: &f.Path, Trusted: &f.Trusted}
}

func (a *app) printYAML(v settings.Value) error {
	if v.Table != nil && len(v.Table.Members) == 0 {
		return nil
	}
	text, err := config.YAML(v)
	if err == nil {
		a.printText(string(text))
	}
	return err
}

func (a *app) configGetCommand() *cobra.Command {
	var profiles []string
	reveal := false
	c := &cobra.Command{
		Use: "get PATH", Short: "Print a value of the configuration",
		Long: `Print the value at a path with dots, such as targets.hosts.production.host, with everything put in that it refers to. Secrets in it are
*** unless --reveal. A table is printed as YAML.`,
		Example: "tacit config get vars.region\ntacit config get env.PGPASSWORD --reveal", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeConfig,
		RunE: func(c *cobra.Command, args []string) error {
			return a.configGet(c.Context(), args[0], profiles, reveal)
		},
	}
	c.Flags().BoolVar(&reveal, "reveal", false, "print secrets too")
	c.Flags().StringSliceVar(&profiles, "profile", nil, "with the `PROFILES` over it, the last on top")
	return c
}

func (a *app) configGet(ctx context.Context, path string, profiles []string, reveal bool) error {
	c, err := a.trustedProject()
	if err == nil {
		c, err = c.WithProfiles(profiles...)
	}
	if err != nil {
		return err
	}
	v, ok := c.Value(path)
	if !ok || path == "" {
		return fault.New(fault.NotFound, "there is no %s in the configuration", visible(path)).About(path).WithFix("tacit config show")
	}
	secret := func(name.Reference) ([]byte, error) { return []byte(config.Hidden), nil }
	if reveal {
		secret = a.secretReader(ctx, "config")
	} else {
		v = config.HideConfidential(path[strings.LastIndexByte(path, '.')+1:], v)
	}
	if v, err = c.Expand(v, secret); err != nil {
		return err
	}
	switch {
	case a.flags.json:
		return a.out.JSON(client.ConfigGot{Path: path, Value: config.Plain(v)})
	case v.Table != nil || v.List != nil:
		return a.printYAML(v)
	}
	a.out.Bytes([]byte(v.Text + "\n"))
	return nil
}

// secretReader returns what reads a secret for a purpose, each once.
func (a *app) secretReader(ctx context.Context, door string) func(name.Reference) ([]byte, error) {
	read := map[name.Reference][]byte{}
	return func(r name.Reference) ([]byte, error) {
		if value, ok := read[r]; ok {
			return value, nil
		}
		ref, field, err := a.ref(r.Bare())
		if err != nil {
			return nil, err
		}
		k, err := a.keeper()
		if err != nil {
			return nil, err
		}
		got, err := k.Get(ctx, a.caller(), keeper.GetRequest{Ref: ref, Field: field, Door: door})
		if err != nil {
			return nil, err
		}
		read[r] = got.Value.Reveal()
		return read[r], nil
	}
}

// completeConfig offers the paths of the configuration, a level at a time.
func (a *app) completeConfig(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := a.loadProject()
	if len(args) > 0 || err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	above := word[:strings.LastIndexByte(word, '.')+1]
	v, ok := c.Value(strings.TrimSuffix(above, "."))
	if !ok || v.Table == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, m := range v.Table.Members {
		path := above + m.Key
		if m.Value.Table != nil {
			path += "."
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		if strings.HasPrefix(path, word) && visible(path) == path {
			all = append(all, path)
		}
	}
	return all, directive
}

// projectFile returns the project file of an argument, or the nearest one. Its path has no symbolic links but at its end, which are
// refused.
func (a *app) projectFile(args []string) (*config.File, error) {
	if len(args) > 0 {
		path, err := projectPath(args[0])
		if err != nil {
			return nil, err
		}
		f, err := config.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fault.New(fault.Usage, "there is no file %s", path).About(path)
		}
		return f, err
	}
	dir, err := workingDirectory()
	if err != nil {
		return nil, err
	}
	f, err := config.Find(dir)
	if err == nil && f == nil {
		err = fault.New(fault.Usage, "there is no %s here or above", config.FileName).WithFix("tacit config set vars.name value makes one")
	}
	return f, err
}

// projectPath returns the path under which a project file is trusted: a directory stands for the file in it.
func projectPath(arg string) (string, error) {
	path, err := filepath.Abs(arg)
	if err == nil {
		if info, e := os.Stat(path); e == nil && info.IsDir() {
			path = filepath.Join(path, config.FileName)
		}
		var dir string
		if dir, err = filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			return filepath.Join(dir, filepath.Base(path)), nil
		}
	}
	return "", fault.Wrap(fault.Usage, errCause(err), "%s", arg).About(arg)
}
