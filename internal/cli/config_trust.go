package cli

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
)

func (a *app) configTrustCommand() *cobra.Command {
	force := false
	c := &cobra.Command{
		Use: "trust [FILE]", Short: "Show what a project file wants, and let it",
		Long: `Show what a project file wants, and let it: the providers that it would reach, the commands that it would run, the variables and secrets that
they would get. Without that the file has no effect. What is trusted is the content at this path, together with that of the env
files that it names: when one changes it must be trusted again, and what is new is marked.`,
		Example: "tacit config trust --force", Args: cobra.MaximumNArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error { return a.configTrust(c.Context(), args, force) },
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) configTrust(ctx context.Context, args []string, force bool) error {
	f, err := a.projectFile(args)
	if err != nil {
		return err
	}
	if f.Refused != nil {
		return f.Refused
	}
	if problems := f.Problems(); len(problems) > 0 {
		return problems[0].Fault()
	}
	trust := config.NewTrust(a.layout().State)
	wants, before, err := trust.News(f)
	if err != nil {
		return err
	}
	if wants, err = a.withEnvFiles(f, wants); err != nil {
		return err
	}
	if !a.flags.json {
		a.printWants(f.Path, wants, before)
	}
	if err := a.confirm(force, "trust "+f.Path+" as it is now?"); err != nil {
		return err
	}
	if err := trust.Add(ctx, f); err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(trusted(f, wants, before))
	}
	a.out.Notice("%s is trusted until it changes", f.Path)
	return nil
}

// withEnvFiles adds what the env files that the project names would do, behind each: they are trusted with it.
func (a *app) withEnvFiles(f *config.File, wants []config.Want) ([]config.Want, error) {
	var all []config.Want
	for _, w := range wants {
		all = append(all, w)
		if w.Kind != config.WantFile {
			continue
		}
		file := f.EnvFileOf(w)
		if file.Err != nil { // it is trusted as one that is not there
			continue
		}
		of, err := a.envLines(file.Path, bytes.NewReader(file.Text))
		if err != nil {
			return nil, err
		}
		for i := range of {
			line := config.Want{Kind: config.WantVariable, Text: of[i].name + " of " + w.Text, Place: w.Place, New: w.New}
			all = append(all, line)
			for _, ref := range of[i].value.Secrets() {
				line.Kind, line.Text = config.WantSecret, ref.Bare()+" for "+line.Text
				all = append(all, line)
			}
		}
	}
	return all, nil
}

// trusted is the answer of trust and untrust.
func trusted(f *config.File, wants []config.Want, before bool) client.ConfigTrusted {
	t := client.ConfigTrusted{Path: f.Path, Trusted: f.Trusted, Wants: make([]client.ConfigWant, 0, len(wants)), Total: len(wants)}
	for _, w := range wants {
		t.Wants = append(t.Wants, client.ConfigWant{Kind: w.Kind, Text: w.Text, Line: w.Place.Line, New: before && w.New})
	}
	return t
}

// printWants says on standard error, where the question is asked, what the file would do. Nothing silences it.
func (a *app) printWants(path string, wants []config.Want, before bool) {
	if len(wants) == 0 {
		a.out.say(path + " reaches no provider, runs no command and asks for no secret")
		return
	}
	a.out.say(path + " wants:")
	for _, w := range wants {
		mark := "  "
		if before && w.New {
			mark = "+ " // since it was trusted last
		}
		a.out.say(mark + w.Kind + "  " + w.Text + "  (line " + itoa(w.Place.Line) + ")")
	}
	if before {
		a.out.say("+ is new since you trusted the file")
	}
}

func (a *app) configUntrustCommand() *cobra.Command {
	return &cobra.Command{
		Use: "untrust [FILE]", Short: "Trust a project file no more",
		Example: "tacit config untrust", Args: cobra.MaximumNArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			path, err := a.untrustPath(args)
			if err != nil {
				return err
			}
			was, err := config.NewTrust(a.layout().State).Remove(c.Context(), path)
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(trusted(&config.File{Path: path}, nil, false))
			}
			if was {
				a.out.Notice("%s is trusted no more", path)
			} else {
				a.out.Notice("%s was not trusted", path)
			}
			return nil
		},
	}
}

// untrustPath returns the path of a project file. One that is named need not be there any more.
func (a *app) untrustPath(args []string) (string, error) {
	if len(args) == 0 {
		f, err := a.projectFile(nil)
		if err != nil {
			return "", fault.Wrap(fault.Usage, err, "untrust").WithFix("name the file: tacit config untrust FILE")
		}
		return f.Path, nil
	}
	if path, err := projectPath(args[0]); err == nil {
		return path, nil
	}
	return filepath.Abs(args[0]) // its directory is gone too
}
