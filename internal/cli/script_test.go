package cli_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tacit/internal/cli"
)

// TestMain makes this test binary the program tacit when it is called by that name, so that scripts run the real thing in a
// process of its own.
func TestMain(m *testing.M) {
	programs := map[string]func(){"tacit": func() {
		unlockFirst()
		os.Exit(cli.Main(context.Background(), world()))
	}}
	maps.Copy(programs, attackers)
	testscript.Main(m, programs)
}

// goRace is the variable GORACE for the programs that tests start: a program with the race detector otherwise sleeps for a second
// before it ends.
const goRace = "atexit_sleep_ms=0"

// world is what cmd/tacit gives to [cli.Main]. TACIT_TEST_VERSION makes it another version.
func world() cli.World {
	return cli.World{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Now: time.Now, Random: rand.Reader, Version: cmp.Or(os.Getenv("TACIT_TEST_VERSION"), "1.0.0"), WorkFactor: 10,
	}
}

// TestScripts runs sessions at a terminal, one file a command. Each begins in an empty home. Beside the commands of testscript:
//
//	jsonshape NAME [FILE]   the output (stdout; or FILE, which may be stderr) has the JSON shape NAME of docs/cli.md
//	exits N tacit ARG…      the command exits with N
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, sessions(scripts, emptyHome))
}

// sessions is how scripts are run.
func sessions(scripts []string, setup func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Files:               scripts,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"jsonshape": jsonShape,
			"exits":     exits,
		},
	}
}

// emptyHome gives a script a home of its own.
func emptyHome(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("USERPROFILE", home)
	env.Setenv("TERM", "xterm-256color")
	env.Setenv("GORACE", goRace)
	env.Setenv("VAULT", filepath.Join(home, ".local", "share", "tacit", "vault.db"))
	env.Defer(func() { stopAgents(env.Vars, env.WorkDir) })
	return os.Mkdir(home, 0o700)
}

func jsonShape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: jsonshape NAME [FILE]")
	}
	file := "stdout"
	if len(args) == 2 {
		file = args[1]
	}
	ts.Check(checkShape(args[0], []byte(ts.ReadFile(file))))
}

// exits runs a command and compares its exit status. Its output is there for stdout and stderr, as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	if got := exitCode(err); got != args[0] {
		ts.Fatalf("%v: exit %s instead of %s", args[1:], got, args[0])
	}
}
