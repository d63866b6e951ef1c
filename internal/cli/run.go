package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/keeper"
)

// programEntries are the commands that give secrets to programs.
func programEntries() []entry {
	return []entry{
		{[]string{"run"}, groupPrograms, (*app).runCommand},
		{[]string{clearCommandName}, "", (*app).clipboardClearCommand},
	}
}

func (a *app) runCommand() *cobra.Command {
	var (
		env      []string
		pristine bool
		sealed   bool
	)
	c := &cobra.Command{
		Use: "run [-e NAME=REF]… -- COMMAND [ARG…]", Short: "Run a program with secrets in its environment",
		Long: `Run a program with secrets in its environment. NAME is the variable, REF the secret: db.password, db.password@previous,
config#field, tacit://db.password. Everything is read before the program starts.

The program takes the place of tacit: its exit status, its signals and its terminal are its own. It does not get what opens
the vault (TACIT_PASSPHRASE and the like).

A sealed secret is given to no program. With --sealed the program can use it instead: it gets the variables with which the service's SDKs take a
base URL, which is a proxy of tacit, and a token in the place of the key. Both are there for this program alone, and end with it.`,
		Example: "tacit run -e PGPASSWORD=db.password -- sh -c 'test -n \"$PGPASSWORD\"'\ntacit run --pristine -e TOKEN=db.password -- env",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fault.New(fault.Usage, "run: which program?").WithFix("tacit run -e NAME=REF -- COMMAND")
			}
			return a.runProgram(c.Context(), env, pristine, sealed, args)
		},
		ValidArgsFunction: completeFiles,
	}
	fl := c.Flags()
	fl.SetInterspersed(false) // what follows the program's name is the program's
	fl.StringArrayVarP(&env, "env", "e", nil, "`NAME=REF`: the variable NAME holds the secret REF (may be repeated)")
	fl.BoolVar(&sealed, "sealed", false, "of a sealed secret: give the program base URLs and a token, with which it can use the service")
	fl.BoolVar(&pristine, "pristine", false, "start from an almost empty environment: PATH, HOME, TERM, the language and the like")
	return c
}

func (a *app) runProgram(ctx context.Context, assignments []string, pristine, sealed bool, argv []string) error {
	wanted, err := a.parseAssignments(assignments)
	if err != nil {
		return err
	}
	path, err := handoff.Find(argv[0])
	if err != nil {
		return a.startFailure(err)
	}
	env, err := a.runEnvironment(ctx)
	if err != nil {
		return err
	}
	if pristine {
		env = handoff.Pristine(env)
	}
	if sealed {
		return a.runSealed(ctx, path, argv, env, wanted)
	}
	variables, err := a.resolve(ctx, wanted)
	if err != nil {
		return err
	}
	if env, err = handoff.Add(env, variables); err != nil {
		return err
	}
	a.close() // everything is on the record; the keys need not outlive us
	if err := a.out.flush(); err != nil {
		return fault.Wrap(fault.Failed, err, "write to standard output")
	}
	exit, err := handoff.Become(path, argv, env)
	if err != nil {
		return a.startFailure(err)
	}
	return exitStatus(exit)
}

// runEnvironment returns what the program may see of our environment. Without a vault there are no slots to hide.
func (a *app) runEnvironment(ctx context.Context) ([]string, error) {
	env, err := a.childEnvironment(ctx)
	if errors.Is(err, fault.NoVault) {
		return handoff.Strip(a.world.Environ), nil
	}
	return env, err
}

// An assignment is one -e.
type assignment struct {
	variable string
	arg      string // the reference as it was typed
	ref      keeper.Ref
	field    string
}

// parseAssignments reads NAME=REF, or NAME alone for a secret that has the variable's name. Of two for one variable the last counts.
func (a *app) parseAssignments(args []string) ([]assignment, error) {
	var all []assignment
	for _, arg := range args {
		variable, ref, given := strings.Cut(arg, "=")
		if !given {
			ref = variable
		}
		if err := handoff.CheckName(variable); err != nil {
			return nil, err
		}
		r, field, err := a.ref(strings.TrimPrefix(ref, "secret://")) // as another tool writes it
		if err != nil {
			return nil, fault.Wrap(fault.Usage, err, "-e %s", variable)
		}
		next := assignment{variable, ref, r, field}
		kept := all[:0]
		for _, before := range all {
			if before.variable != variable {
				kept = append(kept, before)
			}
		}
		all = append(kept, next)
	}
	return all, nil
}

// resolve reads the secrets. Nothing has started when one of them is missing, sealed or expired.
func (a *app) resolve(ctx context.Context, wanted []assignment) ([]handoff.Variable, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	k, err := a.keeper()
	if err != nil {
		return nil, err
	}
	var all []handoff.Variable
	for _, w := range wanted {
		got, err := k.Get(ctx, a.caller(), keeper.GetRequest{Ref: w.ref, Field: w.field, Door: "run"})
		var sealed *fault.Error
		if errors.As(err, &sealed) && sealed.Code == fault.Sealed {
			sealed.Fix = "let the program use it without having it: tacit run --sealed"
		}
		if err != nil {
			return nil, fault.Wrap(fault.Failed, err, "run: %s", w.variable)
		}
		all = append(all, handoff.Variable{Name: w.variable, Value: got.Value, Of: w.arg})
	}
	return all, nil
}

// startFailure prints why a program could not be started, and exits as shells do then.
func (a *app) startFailure(err error) error {
	var start *handoff.StartError
	if !errors.As(err, &start) {
		return err
	}
	a.out.failure(start.Fault)
	return exitStatus(start.Exit)
}
