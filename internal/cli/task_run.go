package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tacit/client"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/interpolate"
	"tacit/internal/mask"
	"tacit/internal/settings"
)

// A step is one command of a task, ready but for the secrets.
type step struct {
	config.Step
	command   string    // with variables for its references
	plan      []planned // its environment
	planned   int       // how many of plan are no variables of the command
	stdin     *planned  // nil: ours
	variables []handoff.Variable
	input     *handoff.Variable
}

// task runs a task, or says what it would do. Every secret of every step is read before the first step starts.
func (a *app) task(ctx context.Context, c *config.Config, taskName string, args []string, t tasking) error {
	found, err := findTask(c, taskName)
	if err != nil {
		return err
	}
	params, err := a.taskParams(c, found, args)
	if err != nil {
		return err
	}
	steps := make([]step, 0, len(found.Steps))
	for i := range found.Steps {
		s, err := a.planStep(ctx, c, found, found.Steps[i], params, t)
		if err != nil {
			return err
		}
		steps = append(steps, s)
	}
	if err := a.warnArguments(steps, t.strict); err != nil {
		return err
	}
	if t.dryRun {
		return a.showTask(ctx, c, found, steps, params)
	}
	if err := a.fillSteps(ctx, steps); err != nil {
		return err
	}
	return a.runSteps(ctx, c, found, steps, args)
}

// taskParams gives the arguments to the parameters, in their order.
func (a *app) taskParams(c *config.Config, t config.Task, args []string) (map[string]string, error) {
	params := make(map[string]string, len(t.Params))
	for i, p := range t.Params {
		switch {
		case i < len(args):
			params[p.Name] = args[i]
		case !p.HasDefault:
			return nil, fault.New(fault.Usage, "task %s: the parameter %s is missing", t.Name, p.Name).About(t.Name).WithFix("tacit task %s %s", t.Name, taskUsage(t))
		default:
			flat, err := p.Default.Flatten(c.Lookup(p.Place.File, params))
			if err != nil {
				return nil, config.At(p.Place, err)
			}
			text, literal := flat.Literal()
			if !literal {
				return nil, fault.New(fault.Usage, "%s: the default of the parameter %s is a secret", p.Place, p.Name).About(p.Place.File).WithFix("write the reference where it is used")
			}
			params[p.Name] = text
		}
	}
	return params, nil
}

func taskUsage(t config.Task) string {
	words := make([]string, 0, len(t.Params))
	for _, p := range t.Params {
		words = append(words, strings.ToUpper(p.Name))
	}
	return strings.Join(words, " ")
}

// planStep finds out what a step needs. It reads no secret.
func (a *app) planStep(ctx context.Context, c *config.Config, t config.Task, s config.Step, params map[string]string, asked tasking) (step, error) {
	out := step{Step: s}
	ofTask, err := a.planOf(ctx, c, params, t.Env)
	if err != nil {
		return out, err
	}
	ofStep, err := a.planOf(ctx, c, params, s.Env)
	if err != nil {
		return out, err
	}
	if out.plan, err = a.plan(ctx, sources{door: "task", profiles: asked.profiles, own: append(ofTask, ofStep...)}); err != nil {
		return out, err
	}
	out.planned = len(out.plan)
	lookup, err := a.lookup(ctx, c, t.Place.File, params)
	if err != nil {
		return out, err
	}
	pieces := handoff.Pieces("", s.Command)
	var names []string
	number := map[string]string{} // reference without a default → variable
	for i, p := range pieces {
		pieces[i].Line += s.Place.Line - 1
		if p.Of == "" {
			continue
		}
		variable, ok := number[p.Text]
		if s.Command[i].HasDefault || !ok {
			flat, err := interpolate.Template{s.Command[i]}.Flatten(lookup)
			if err != nil {
				return out, config.At(s.Place, err)
			}
			variable = fmt.Sprintf("TACIT_%d", len(out.plan)-out.planned+1)
			if !s.Command[i].HasDefault {
				number[p.Text] = variable
			}
			out.plan = append(out.plan, planned{name: variable, value: flat, place: fmt.Sprintf("%s, line %d", s.Place.File, s.Place.Line+s.Command[i].Line)})
		}
		names = append(names, variable)
	}
	if out.command, err = handoff.Command(s.Place.File, pieces, names); err != nil {
		return out, err
	}
	if s.HasStdin {
		flat, err := s.Stdin.Flatten(lookup)
		if err != nil {
			return out, config.At(s.StdinPlace, err)
		}
		out.stdin = &planned{name: "stdin", value: flat, place: fmt.Sprintf("%s, line %d", s.StdinPlace.File, s.StdinPlace.Line)}
	}
	return out, nil
}

// warnArguments says where the shell would hand a secret to a program as an argument, or refuses it (I12).
func (a *app) warnArguments(steps []step, strict bool) error {
	const instead = "give it in a variable that the program reads itself, in stdin:, or in a here-document"
	for _, s := range steps {
		holds := map[string]string{}
		for i := range s.plan {
			for _, r := range s.plan[i].value.Secrets() {
				holds[s.plan[i].name] = r.Bare()
			}
		}
		for _, f := range handoff.Arguments(s.command, holds) {
			at := settings.Place{File: s.Place.File, Line: s.Place.Line + f.Line - 1}
			program := f.Program
			if program == "" {
				program = "a program"
			}
			if strict {
				return fault.New(fault.Invalid, "%s: the shell would hand %s to %s as an argument, which other processes can read", at, f.Of, program).About(f.Of).WithFix("%s", instead)
			}
			a.out.Warning("%s: the shell hands %s to %s as an argument, which other processes can read: %s", at, f.Of, program, instead)
		}
	}
	return nil
}

// fillSteps reads the secrets of all steps at once.
func (a *app) fillSteps(ctx context.Context, steps []step) error {
	var all []planned
	for _, s := range steps {
		all = append(all, s.plan...)
		if s.stdin != nil {
			all = append(all, *s.stdin)
		}
	}
	filled, err := a.fill(ctx, "task", all)
	if err != nil {
		return err
	}
	for i := range steps {
		s := &steps[i]
		s.variables, filled = filled[:len(s.plan)], filled[len(s.plan):]
		if s.stdin != nil {
			s.input, filled = &filled[0], filled[1:]
		}
	}
	return nil
}

// runSteps runs the steps until one fails, which gives the exit status.
func (a *app) runSteps(ctx context.Context, c *config.Config, t config.Task, steps []step, args []string) error {
	shell, err := handoff.Find("sh")
	if err != nil {
		return a.startFailure(err)
	}
	env, err := a.runEnvironment(ctx)
	if err != nil {
		return err
	}
	a.close() // everything is on the record; the keys need not outlive us
	var given []handoff.Variable
	for _, s := range steps {
		given = append(given, s.variables...)
		if s.input != nil {
			given = append(given, *s.input)
		}
	}
	masks, short := handoff.Masks(given)
	for _, of := range short {
		a.out.Warning("%s is shorter than %d bytes, so it is not masked in what the task prints", of, handoff.MinMasked)
	}
	dir := ""
	if c.Project != nil {
		dir = filepath.Dir(c.Project.Path)
	}
	for i, s := range steps {
		a.out.Notice("%s: %s", t.Name, stepName(s.Step, i, len(steps)))
		p := handoff.Program{Path: shell, Argv: append([]string{"sh", "-c", s.command, t.Name}, args...), Dir: dir, Mask: masks}
		if p.Env, err = handoff.Add(env, s.variables); err != nil {
			return err
		}
		exit, err := a.runStep(p, s.input)
		if err != nil {
			return a.startFailure(err)
		}
		if exit != 0 {
			return exitStatus(exit)
		}
	}
	return nil
}

func stepName(s config.Step, i, n int) string {
	if s.Name != "" {
		return s.Name
	}
	return fmt.Sprintf("step %d of %d", i+1, n)
}

// runStep runs one command, with input on its standard input if there is any.
func (a *app) runStep(p handoff.Program, input *handoff.Variable) (int, error) {
	if err := a.out.flush(); err != nil {
		return 0, fault.Wrap(fault.Failed, err, "write to standard output")
	}
	if input == nil {
		return p.Run()
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, fault.Wrap(fault.Failed, err, "give the step its input")
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.Copy(write, strings.NewReader(string(input.Value.Reveal()))) // a program need not read all of it
		_ = write.Close()
	}()
	p.Stdin = read
	exit, err := p.Run()
	_ = read.Close() // nobody reads any more: the writer ends
	<-written
	return exit, err
}

// showTask prints what would run.
func (a *app) showTask(ctx context.Context, c *config.Config, t config.Task, steps []step, params map[string]string) error {
	lookup, err := a.lookup(ctx, c, t.Place.File, params)
	if err != nil {
		return err
	}
	out := client.TaskPlan{Task: t.Name}
	for i, s := range steps {
		command, err := s.Command.Flatten(lookup)
		if err != nil {
			return config.At(s.Place, err)
		}
		shown := client.TaskStep{Name: stepName(s.Step, i, len(steps)), Command: masked(command)}
		for _, v := range s.plan[:s.planned] {
			shown.Env = append(shown.Env, client.TaskVariable{Name: v.name, Value: masked(v.value)})
		}
		if s.stdin != nil {
			shown.Stdin = optional(masked(s.stdin.value))
		}
		out.Steps = append(out.Steps, shown)
	}
	if a.flags.json {
		return a.out.JSON(out)
	}
	for _, s := range out.Steps {
		a.out.Line("%s", a.out.bold(visible(s.Name)))
		for _, v := range s.Env {
			a.out.Line("  %s=%s", v.Name, visible(v.Value))
		}
		for line := range strings.Lines(s.Command) {
			a.out.Line("  $ %s", visible(strings.TrimSuffix(line, "\n")))
		}
		if s.Stdin != nil {
			a.out.Line("  < %s", visible(*s.Stdin))
		}
	}
	return nil
}

// masked is a flat template as text, with secrets as ***.
func masked(t interpolate.Template) string {
	var out strings.Builder
	for _, p := range t {
		if p.Secret != nil {
			out.WriteString(mask.Replacement)
		} else {
			out.WriteString(p.Text)
		}
	}
	return out.String()
}
