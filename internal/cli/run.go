package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/handoff"
)

// programEntries are the commands that give secrets to programs.
func programEntries() []entry {
	return []entry{
		{[]string{"run"}, groupPrograms, (*app).runCommand},
		{[]string{clearCommandName}, "", (*app).clipboardClearCommand},
	}
}

// running is what run was asked to do.
type running struct {
	sources  sources
	pristine bool
	noMask   bool
	sealed   bool
}

func (a *app) runCommand() *cobra.Command {
	r := running{sources: sources{door: "run"}}
	c := &cobra.Command{
		Use: "run [-e NAME=REF]… -- COMMAND [ARG…]", Short: "Run a program with secrets in its environment",
		Long: `Run a program with secrets in its environment. NAME is the variable, REF the secret: db.password, db.password@previous,
config#field, tacit://db.password. Everything is read before the program starts.

The variables are those of the project file, of env files, of --all and --tag, of -e and of --file-env; of two with one name the later in this
list counts. --file-env gives the program the path of a file in memory instead of the value; the file is gone when the program ends.

What the program prints is masked: a secret that it was given becomes ***, also in base64, in hex, URL-encoded, in JSON and line by line. At a
terminal it still has one. --no-mask leaves its output alone, and tacit out of its way.

It does not get what opens the vault (TACIT_PASSPHRASE and the like).

A script is run by its ending: .mjs, .cjs and .js by node, .py by python3. It can import tacit, without installing anything, and ask for secrets
by itself; docs/sdk.md says how.

A sealed secret is given to no program. With --sealed the program can use it instead: it gets the variables with which the service's SDKs take a
base URL, which is a proxy of tacit, and a token in the place of the key. Both are there for this program alone, and end with it.`,
		Example: "tacit run -e PGPASSWORD=db.password -- sh -c 'test -n \"$PGPASSWORD\"'\n" +
			"tacit run --pristine -e TOKEN=db.password -- env\n" +
			"tacit run --file-env KEY_FILE=db.password -- sh -c 'test -s \"$KEY_FILE\"'\n" +
			"tacit run report.mjs",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fault.New(fault.Usage, "run: which program?").WithFix("tacit run -e NAME=REF -- COMMAND")
			}
			return a.runProgram(c.Context(), r, args)
		},
		ValidArgsFunction: completeFiles,
	}
	fl := c.Flags()
	fl.SetInterspersed(false) // what follows the program's name is the program's
	r.sources.flags(fl)
	fl.StringArrayVar(&r.sources.fileEnv, "file-env", nil, "`NAME=REF`: the variable NAME holds the path of a file in memory, with the secret REF in it (may be repeated)")
	fl.BoolVar(&r.noMask, "no-mask", false, "leave what the program prints as it is")
	fl.BoolVar(&r.sealed, "sealed", false, "of a sealed secret: give the program base URLs and a token, with which it can use the service")
	fl.BoolVar(&r.pristine, "pristine", false, "start from an almost empty environment: PATH, HOME, TERM, the language and the like")
	return c
}

func (a *app) runProgram(ctx context.Context, r running, argv []string) error {
	_, isScript := languageOf(argv[0])
	a.serving = isScript || r.sealed // before the plan opens anything
	plan, err := a.plan(ctx, r.sources)
	if err != nil {
		return err
	}
	program := handoff.Program{Argv: argv}
	if !isScript {
		if program.Path, err = handoff.Find(argv[0]); err != nil {
			return a.startFailure(err)
		}
	}
	if program.Env, err = a.runEnvironment(ctx); err != nil {
		return err
	}
	if r.pristine {
		program.Env = handoff.Pristine(program.Env)
	}
	held := newHold()
	defer held.end() // the last of all
	script, err := a.openScript(ctx, &program)
	if err != nil {
		return a.startFailure(err)
	}
	defer script.end()
	if r.sealed {
		return a.runSealed(ctx, held, program, plan, r.noMask)
	}
	variables, err := a.fill(ctx, r.sources.door, plan)
	if err != nil {
		return err
	}
	if script == nil {
		a.close() // everything is on the record; the keys need not outlive us
	}
	return a.giveTo(held, program, variables, r.noMask)
}

// giveTo starts the program with the variables, and returns when it has ended; or becomes it, when nothing is left for us to do. From now on it
// holds signals.
func (a *app) giveTo(held hold, program handoff.Program, variables []handoff.Variable, noMask bool) error {
	held.begin()
	variables, files, err := handoff.MakeFiles(variables, a.getenv)
	if err != nil {
		return err
	}
	defer func() { _ = files.Remove() }()
	if program.Env, err = handoff.Add(program.Env, variables); err != nil {
		return err
	}
	if noMask {
		program.More = nil
	} else {
		var plain []string
		program.Mask, plain = handoff.Masks(variables)
		for _, of := range plain {
			a.out.Warning("%s is shorter than %d bytes, so it is not masked in what the program prints", of, handoff.MinMasked)
		}
	}
	if err := a.out.flush(); err != nil {
		return fault.Wrap(fault.Failed, err, "write to standard output")
	}
	start := program.Run
	if program.Mask == nil && files == nil && !a.serving {
		start = program.Become
		held.end()
	}
	if err := held.came(); err != nil {
		return err
	}
	exit, err := start()
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

// startFailure prints why a program could not be started, and exits as shells do then.
func (a *app) startFailure(err error) error {
	var start *handoff.StartError
	if !errors.As(err, &start) {
		return err
	}
	a.out.failure(start.Fault)
	return exitStatus(start.Exit)
}
