package cli

import (
	"context"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tacit/internal/chain"
	"tacit/internal/config"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/paths"
)

// app is one run of the program.
type app struct {
	world  World
	flags  globalFlags
	out    *output
	log    *slog.Logger // --debug; it never gets a secret
	api    keeper.API   // what answers from a distance, found by [app.keeper]
	vault  Vault        // opened by [app.owner]
	stores *chain.Chain // of the vault and other providers, when there are any; made by [app.keeper]

	otherNamed bool // a provider besides the vault was named

	settled *config.Config // what applies here, read by [app.project]
	seen    []string       // the environment that a configuration may see, once one asks: [app.lookupenv]
	unseen  error          // why it is not known

	command string // "tacit slot add"
	looking bool   // this command only asks how things are, which keeps no vault open
	serving bool   // this command goes on using the vault for others, until it is stopped
}

// globalFlags are the flags that every command takes.
type globalFlags struct {
	json      bool
	workspace string
	group     string
	scope     string
	provider  string
	config    string
	noProject bool
	noAgent   bool
	offline   bool
	maxAge    string
	quiet     bool
	debug     bool
}

func newApp(w World) *app {
	a := &app{world: w, log: slog.New(slog.DiscardHandler)}
	a.out = newOutput(w.Stdout, w.Stderr, a.getenv)
	// Errors in the arguments themselves must know how to be printed before the arguments are parsed.
	if end := slices.Index(w.Args, "--"); slices.Contains(w.Args[:max(end, 0)], "--json") || end < 0 && slices.Contains(w.Args, "--json") {
		a.out.asJSON = true
	}
	return a
}

// run parses the arguments and runs the command that they name.
func (a *app) run(ctx context.Context) error {
	root, err := a.tree(a.world.Args)
	if err != nil {
		return err
	}
	root.SetArgs(a.world.Args)
	root.SetIn(a.world.Stdin)
	root.SetOut(a.out.stdout)
	root.SetErr(a.world.Stderr)
	return root.ExecuteContext(ctx)
}

func (a *app) close() {
	if a.stores != nil {
		_ = a.stores.Close()
		a.stores = nil
	}
	if a.api != nil {
		_ = a.api.Close()
	}
	if a.vault != nil {
		_ = a.vault.Close() // everything that must be durable was acknowledged by the call that made it so
	}
	a.api, a.vault = nil, nil
}

// begin is called once the flags are parsed, before the command runs.
func (a *app) begin(command string) error {
	f := &a.flags
	a.command = command
	a.out.asJSON, a.out.quiet = f.json, f.quiet
	if f.debug || truthy(a.getenv("TACIT_DEBUG")) {
		a.log = slog.New(slog.NewTextHandler(a.world.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		a.log.Debug("start", "command", command, "version", a.world.Version)
	}
	orEnv := func(flag *string, variable string) {
		if *flag == "" {
			*flag = a.getenv(variable)
		}
	}
	orEnv(&f.workspace, "TACIT_WORKSPACE")
	orEnv(&f.group, "TACIT_GROUP")
	orEnv(&f.provider, "TACIT_PROVIDER")
	a.otherNamed = f.provider != "" && f.provider != name.Local
	f.noAgent = f.noAgent || truthy(a.getenv("TACIT_NO_AGENT"))
	if _, err := name.Workspace(f.workspace, f.group); err != nil {
		return err
	}
	if f.scope != "" {
		if _, err := name.ParseScope(f.scope); err != nil {
			return err
		}
	}
	if f.maxAge != "" {
		if _, err := maxAge(f.maxAge); err != nil {
			return err
		}
	}
	if f.config != "" {
		if _, err := os.Stat(f.config); err != nil {
			return fault.Wrap(fault.Usage, errCause(err), "--config %s", f.config).About(f.config)
		}
		if absolute, err := filepath.Abs(f.config); err == nil { // the agent works in the root directory
			f.config = absolute
		}
	}
	return nil
}

// getenv returns the value of an environment variable, or "".
func (a *app) getenv(variable string) string {
	for _, e := range a.world.Environ {
		if v, ok := strings.CutPrefix(e, variable); ok && strings.HasPrefix(v, "=") {
			return v[1:]
		}
	}
	return ""
}

// truthy reads a switch in the environment: set and neither 0, false nor no.
func truthy(s string) bool { return s != "" && s != "0" && s != "false" && s != "no" }

func (a *app) now() time.Time { return a.world.Now().UTC() }

// home returns the user's home directory, or "".
func (a *app) home() string {
	for _, variable := range []string{"HOME", "USERPROFILE"} {
		if h := a.getenv(variable); filepath.IsAbs(h) {
			return h
		}
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

// layout says where the files of this installation are.
func (a *app) layout() paths.Layout { return paths.New(a.getenv, a.home()) }

// caller is who asks: the user of this process, who owns the vault.
func (a *app) caller() keeper.Caller {
	exe, _ := os.Executable()
	return keeper.Caller{
		Principal: "user/" + a.username(), Owner: true, Door: "cli", UID: os.Getuid(), PID: os.Getpid(), Executable: exe,
		Workspace: a.flags.workspace, Group: a.flags.group,
	}
}

// callerOf is caller for what k is asked. An agent or a server knows better who we are than we can tell it, and is told none of it, so
// then it is not found out.
func (a *app) callerOf(k keeper.API) keeper.Caller {
	if k != a.api {
		return a.caller()
	}
	return keeper.Caller{Owner: true, Door: "cli", Workspace: a.flags.workspace, Group: a.flags.group}
}

// username returns the name of the process's user as it may stand in a principal, else the uid.
func (a *app) username() string {
	u, err := user.Current()
	if err != nil {
		return itoa(os.Getuid())
	}
	n := u.Username
	if i := strings.LastIndexByte(n, '\\'); i >= 0 { // DOMAIN\name on Windows
		n = n[i+1:]
	}
	if _, err := name.ParseScope("user/" + n); err != nil {
		return u.Uid
	}
	return n
}

// argumentNotice says that a secret given as an argument stays in the shell's history.
func (a *app) argumentNotice() {
	a.out.Notice("the value is now in your shell's history; leave it out to be asked, or pipe it in")
}
