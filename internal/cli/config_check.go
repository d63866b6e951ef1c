package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/interpolate"
	"tacit/internal/order"
)

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Find what is wrong with a project file",
		Long: `Find what is wrong with a project file, trusted or not, with line and column: syntax, unknown keys, references that have no meaning,
secrets that are not there, and commands that would show a secret as an argument. It runs nothing. What may be in other providers than the
vault is looked for among the names that they list, once the file is trusted; --offline asks none of them. Your own
config.yaml is looked at too. Exit 2 if something is wrong.`,
		Example: "tacit config check\ntacit config check --json", Args: cobra.MaximumNArgs(1), ValidArgsFunction: completeFiles,
		RunE: func(c *cobra.Command, args []string) error { return a.configCheck(c.Context(), args) },
	}
}

func (a *app) configCheck(ctx context.Context, args []string) error {
	own := a.configFile(a.layout())
	if _, err := a.userConfig(a.layout()); err != nil {
		return err
	}
	if _, err := os.Lstat(own); err == nil && len(args) == 0 {
		if dir, err := workingDirectory(); err == nil {
			if f, err := config.Find(dir); err == nil && f == nil {
				return a.printProblems(own, nil) // there is nothing else to look at
			}
		}
	}
	f, err := a.projectFile(args)
	if err != nil {
		return err
	}
	var problems []config.Problem
	if f.Refused != nil {
		problems = []config.Problem{refusedProblem(f)}
	} else {
		var mentions []config.Mention
		if problems, mentions, err = f.Check(config.Options{UserFile: own}, checkCommand); err != nil {
			return err
		}
		missing, err := a.missingSecrets(ctx, f, mentions)
		if err != nil {
			return err
		}
		problems = append(problems, missing...)
	}
	order.By(problems, func(a, b config.Problem) int { return a.Place.Line - b.Place.Line })
	return a.printProblems(f.Path, problems)
}

// checkCommand finds what is wrong with the command of a step, as task does before it runs one: references where quotes do not help, and
// secrets that the shell would hand to a program as arguments (I12).
func checkCommand(c config.Command) []config.Problem {
	pieces := handoff.Pieces("", c.Command)
	var names []string
	for i, p := range pieces {
		pieces[i].Line += c.Place.Line - 1
		if p.Of == "" {
			continue
		}
		variable := fmt.Sprintf("TACIT_%d", len(names)+1)
		names = append(names, variable)
		flat, err := interpolate.Template{c.Command[i]}.Flatten(c.Lookup)
		if err != nil {
			return nil // said already
		}
		for _, ref := range flat.Secrets() {
			c.Holds[variable] = ref.Bare()
		}
	}
	command, err := handoff.Command(c.Place.File, pieces, names)
	if err != nil {
		p := config.Problem{Place: c.Place, Code: config.CodeInvalid, Text: err.Error()}
		var e *fault.Error
		if errors.As(err, &e) {
			p.Fix = e.Fix
		}
		return []config.Problem{p}
	}
	var problems []config.Problem
	for _, f := range handoff.Arguments(command, c.Holds) {
		at := c.Place
		at.Line += f.Line - 1
		problems = append(problems, config.Problem{
			Place: at, Code: config.CodeArgument,
			Text: fmt.Sprintf("the shell would hand %s to %s as an argument, which other processes can read", f.Of, orElse(f.Program, "a program")),
			Fix:  fmt.Sprintf(`give it in a variable that the program reads itself, in a here-document, or on standard input: stdin: "${secret:%s}"`, f.Of),
		})
	}
	return problems
}

func refusedProblem(f *config.File) config.Problem {
	p := config.Problem{Code: config.CodeUntrusted, Text: f.Refused.Error()}
	p.Place.File = f.Path
	var e *fault.Error
	if errors.As(f.Refused, &e) {
		p.Fix = e.Fix
	}
	return p
}

func (a *app) printProblems(path string, problems []config.Problem) error {
	answer := client.ConfigChecked{OK: len(problems) == 0, Problems: problemsOf(path, problems), Total: len(problems)}
	if a.flags.json {
		if err := a.out.JSON(answer); err != nil {
			return err
		}
	} else {
		for _, p := range answer.Problems {
			a.out.Line("%s: %s", visible(position(p)), visible(p.Text))
			a.out.Line("  → %s", visible(p.Fix))
		}
	}
	if !answer.OK {
		return fault.New(fault.Usage, "config check: %s in %s", plural(answer.Total, "problem"), path).About(path).WithFix("mend what is listed")
	}
	a.out.Notice("%s is in order", path)
	return nil
}

// problemsOf returns the problems of a file as JSON has them.
func problemsOf(path string, problems []config.Problem) []client.ConfigProblem {
	all := make([]client.ConfigProblem, 0, len(problems))
	for _, p := range problems {
		all = append(all, client.ConfigProblem{
			File: orElse(p.Place.File, path), Line: p.Place.Line, Column: p.Place.Column, Code: p.Code, Text: p.Text,
			Fix: orElse(p.Fix, "mend that line; docs/project.md says what may stand there"),
		})
	}
	return all
}

// position is file, line and column as compilers write them.
func position(p client.ConfigProblem) string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}
