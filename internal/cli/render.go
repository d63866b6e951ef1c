package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/interpolate"
	"tacit/internal/name"
	"tacit/internal/secret"
	"tacit/internal/settings"
)

// handoverEntries are the commands that give secrets to programs in other ways than run.
func handoverEntries() []entry {
	return []entry{
		{[]string{"render"}, groupPrograms, (*app).renderCommand},
		{[]string{"env"}, groupPrograms, (*app).envCommand},
		{[]string{"task"}, groupPrograms, (*app).taskCommand},
	}
}

// maxRendered bounds a file that is rendered, in bytes, without the values.
const maxRendered = 4 << 20

// rendering is what render was asked to do.
type rendering struct {
	output   string
	escape   string
	profiles []string
}

func (a *app) renderCommand() *cobra.Command {
	var r rendering
	c := &cobra.Command{
		Use: "render [FILE|-]", Short: "Put secrets into a file where it refers to them",
		Long: `Put secrets into a file where it refers to them: ${secret:NAME}, ${env.NAME}, ${vars.NAME}, each but the first with a default,
${env.PORT:-8080}. \${ is the two characters. Without FILE, standard input is read.

A value is escaped for where it lands: within quotes, without, in a block, in a here-document, in a part of a URL. It is never more than a text:
nothing in it is run, and it is not looked at for references. What kind of file it is, its name says, else its beginning; --escape says it for
both, and then leaves URLs within the file alone. A reference in a comment stays a reference.

With -o the file is there whole or not at all, and only you can read it. Where a value cannot stand, the error names the line.`,
		Example: "echo 'password: ${secret:db.password}' | tacit render --escape yaml\n" +
			"echo '{\"url\": \"postgres://app:${secret:db.password}@db/app\"}' | tacit render - -o config.json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := "-"
			if len(args) == 1 {
				file = args[0]
			} else if isTerminal(a.world.Stdin) {
				return fault.New(fault.Usage, "render: which file?").WithFix("tacit render FILE, or - for standard input")
			}
			return a.writeOut(r.output, func(w io.Writer) error {
				b, err := a.rendered(c.Context(), file, r)
				if err != nil {
					return err
				}
				_, err = w.Write(b)
				return err
			})
		},
		ValidArgsFunction: completeFiles,
	}
	fl := c.Flags()
	fl.StringVarP(&r.output, "output", "o", "", "write to `FILE`, which only you can read")
	fl.StringVar(&r.escape, "escape", "auto", "`KIND` of file: auto, "+strings.Join(handoff.Kinds(), ", "))
	fl.StringSliceVar(&r.profiles, "profile", nil, "profiles of the project file, the last on top: `P,…`")
	_ = c.RegisterFlagCompletionFunc("escape", cobra.FixedCompletions(append([]string{"auto"}, handoff.Kinds()...), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// rendered returns the file with everything put in. Where values land is clear before the first secret is read.
func (a *app) rendered(ctx context.Context, file string, r rendering) ([]byte, error) {
	if r.escape != "auto" && !slices.Contains(handoff.Kinds(), r.escape) {
		return nil, fault.New(fault.Usage, "render: no such kind of file: %.20q", r.escape).WithFix("use auto, %s", strings.Join(handoff.Kinds(), ", "))
	}
	c, err := a.trustedProject()
	if err == nil {
		c, err = c.WithProfiles(r.profiles...)
	}
	if err != nil {
		return nil, err
	}
	source, err := a.readSmall(file, maxRendered)
	if err != nil {
		return nil, err
	}
	if file == "-" {
		file = "standard input"
	}
	place := settings.Place{File: file, Line: 1}
	text, err := interpolate.Parse(string(source))
	if err != nil {
		return nil, config.At(place, err)
	}
	kind := a.kindOf(file, string(source), r)
	layout, err := handoff.Lay(file, kind, r.escape == "auto", handoff.Pieces(string(source), text))
	if err != nil {
		return nil, err
	}
	values, err := a.valuesOf(ctx, c, place, text, layout)
	if err != nil {
		return nil, err
	}
	return layout.Fill(values)
}

// kindOf says what kind of file is rendered.
func (a *app) kindOf(file, source string, r rendering) handoff.Kind {
	if r.escape != "auto" {
		return handoff.Kind(r.escape)
	}
	kind := handoff.KindOf(file, source)
	if kind == handoff.Plain && r.output != "" {
		kind = handoff.KindOf(r.output, "")
	}
	if kind == handoff.Plain {
		a.out.Notice("%s is of no kind that is known, so values are put in as they are; --escape says what it is", file)
	}
	return kind
}

// valuesOf returns what stands for each reference of text, all secrets read at once. Where the layout wants none there is none.
func (a *app) valuesOf(ctx context.Context, c *config.Config, place settings.Place, text interpolate.Template, layout *handoff.Layout) ([]secret.Value, error) {
	lookup, err := a.lookup(ctx, c, place.File, nil)
	if err != nil {
		return nil, err
	}
	var flat []interpolate.Template
	var refs []name.Reference
	for _, part := range text {
		if part.Secret == nil && part.Table == "" {
			continue
		}
		var f interpolate.Template
		if layout.Wanted(len(flat)) {
			if f, err = (interpolate.Template{part}).Flatten(lookup); err != nil {
				return nil, config.At(place, err)
			}
		}
		flat = append(flat, f)
		refs = append(refs, f.Secrets()...)
	}
	read, err := a.readSecrets(ctx, "render", refs)
	if err != nil {
		return nil, err
	}
	values := make([]secret.Value, len(flat))
	for i, f := range flat {
		value, err := f.Expand(func(r name.Reference) ([]byte, error) {
			return read[r].Value.Reveal(), read[r].Err
		}, nothingElse)
		if err != nil {
			return nil, fault.Wrap(fault.Failed, forPrograms(err), "render: %s:%d", place.File, f[0].Line+1)
		}
		values[i] = secret.New(value)
	}
	return values, nil
}
