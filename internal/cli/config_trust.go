package cli

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/settings"
)

func (a *app) configTrustCommand() *cobra.Command {
	force := false
	c := &cobra.Command{
		Use: "trust [FILE]", Short: "Show what a project file wants, and let it",
		Long: `Show what a project file wants, and let it: the providers that it would reach, the commands that it would run with what they read, the
variables and secrets that they would get. Without that the file has no effect. What is trusted is the content at this path, together with that of
the env files that it names: when one changes it must be trusted again, and what is new is marked.`,
		Example: "tacit config trust --force", Args: cobra.MaximumNArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error { return a.configTrust(c.Context(), args, force) },
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) configTrust(ctx context.Context, args []string, force bool) error {
	if a.flags.json && !force {
		return fault.New(fault.Usage, "config trust --json asks nothing: nobody saw what the file wants").WithFix("without --json it is shown; add --force to trust it unseen")
	}
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
			line := config.Want{Kind: config.WantVariable, Text: envLineText(of[i]) + " of " + w.Text, Place: w.Place, New: w.New}
			all = append(all, line)
			for _, ref := range of[i].value.Secrets() {
				line.Kind, line.Text = config.WantSecret, ref.Bare()+" for "+of[i].name+" of "+w.Text
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

// envLineText is a line of an env file as it is written, so that it is seen where a secret in it goes. A password without a reference is not
// repeated.
func envLineText(p planned) string {
	text := config.HideConfidential(strings.ToLower(p.name), settings.Value{Text: p.value.Source()}).Text
	if r := []rune(text); len(r) > maxEnvLine {
		text = string(r[:maxEnvLine]) + fmt.Sprintf("… (%d more characters)", len(r)-maxEnvLine)
	}
	return p.name + "=" + text
}

const maxEnvLine = 200 // characters of a value that are shown

// printWants says on standard error, where the question is asked, what the file would do. Nothing silences it. What does not fit on a screen
// ends with what matters most, so that nothing is scrolled out of sight by the rest.
func (a *app) printWants(path string, wants []config.Want, before bool) {
	if len(wants) == 0 {
		a.out.say(path + " reaches no provider, runs no command and asks for no secret")
		return
	}
	a.out.say(path + " wants:")
	lines := 0
	for _, w := range wants {
		lines += a.printWant(w, before)
	}
	if lines > screen {
		a.out.say("of these, what it runs and reaches:")
		for _, w := range wants {
			if w.Kind == config.WantCommand || w.Kind == config.WantProvider || w.Kind == config.WantDefault {
				a.printWant(w, before)
			}
		}
	}
	if before {
		a.out.say("+ is new since you trusted the file")
	}
	a.out.say("in all: " + countWants(wants))
}

const screen = 20 // lines that are surely seen at once, of 80 columns

// printWant prints a want and returns how many lines that takes.
func (a *app) printWant(w config.Want, before bool) int {
	mark := "  "
	if before && w.New {
		mark = "+ " // since it was trusted last
	}
	line := visible(mark + w.Kind + "  " + squeeze(w.Text) + "  (line " + itoa(w.Place.Line) + ")")
	a.out.say(line)
	return 1 + len(line)/80
}

// countWants says how many there are of each kind. They are in the order of kinds, but for what env files add.
func countWants(wants []config.Want) string {
	var kinds []string
	count := map[string]int{}
	for _, w := range wants {
		if count[w.Kind]++; count[w.Kind] == 1 {
			kinds = append(kinds, w.Kind)
		}
	}
	for i, kind := range kinds {
		kinds[i] = plural(count[kind], kind)
	}
	return strings.Join(kinds, ", ")
}

// squeeze replaces more than 8 characters in a row of which nothing is seen by their number: what follows them would be pushed out of sight.
func squeeze(s string) string {
	var out, run strings.Builder
	n := 0
	flush := func() {
		if n > 8 {
			fmt.Fprintf(&out, " [%d blanks] ", n)
		} else {
			out.WriteString(run.String())
		}
		run.Reset()
		n = 0
	}
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if isBlank(r) {
			run.WriteString(s[:size])
			n++
		} else {
			flush()
			out.WriteString(s[:size])
		}
		s = s[size:]
	}
	flush()
	return out.String()
}

// isBlank reports whether nothing is seen of r: spaces, what has no shape, and letters that have none (Unicode 15, 5.21; U+2800 is the empty
// pattern of Braille).
func isBlank(r rune) bool {
	return r != utf8.RuneError && !unicode.IsGraphic(r) || unicode.In(r, unicode.White_Space, unicode.Zs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == 0x2800
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
