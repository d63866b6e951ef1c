package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/agent"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func (a *app) agentCommand() *cobra.Command {
	return family("agent", "The process that keeps the vault open",
		a.agentStatusCommand(), a.agentRunCommand(), a.agentStartCommand(), a.agentStopCommand(), a.agentReloadCommand())
}

func (a *app) agentRunCommand() *cobra.Command {
	background := false
	c := &cobra.Command{
		Use: "run", Short: "Be the agent, in the foreground",
		Long: `Be the agent, in the foreground, until Ctrl-C, SIGTERM or tacit agent stop. This is for a service manager;
tacit unlock starts an agent in the background by itself.

The agent starts locked, keeps nothing of its environment but where its files are, and ends without keys in its memory.`,
		Example: "tacit agent run >agent.log 2>&1 &",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := agent.Harden(a.world.Environ); err != nil {
				return err
			}
			return a.runAgent(c.Context(), background)
		},
	}
	c.Flags().BoolVar(&background, "background", false, "started by tacit itself")
	_ = c.Flags().MarkHidden("background")
	return c
}

func (a *app) runAgent(ctx context.Context, background bool) error {
	ends, hangups := []os.Signal{os.Interrupt, syscall.SIGTERM}, make(chan os.Signal, 1)
	// With a terminal SIGHUP says that it is gone, and so is the agent in its foreground; without one it has the meaning that daemons
	// give it.
	switch t, err := openTerminal(); {
	case err == nil:
		t.close()
		if !signal.Ignored(syscall.SIGHUP) { // it was not started with nohup
			ends = append(ends, syscall.SIGHUP)
		}
	default:
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	ctx, stop := signal.NotifyContext(ctx, ends...)
	defer stop()
	l := a.layout()
	settings, err := a.newAgentSettings(l)
	if err != nil {
		return err
	}
	o := agent.Options{
		Layout: l, Principal: "user/" + a.username(), Version: a.world.Version, Now: a.world.Now, Shared: settings.shared, ProxyListen: settings.started.ProxyListen,
		Keeper: func(baseURL func() string) *keeper.Keeper { return a.keyless(l, settings.access, baseURL) },
		Reload: settings.reload, ReloadOn: hangups,
	}
	if background {
		o.Ready = func() { _ = agent.Ready(a.world.Stdout) } // who started us is gone if this fails, and then nobody waits
	} else {
		o.Log = slog.New(slog.NewTextHandler(a.world.Stderr, nil))
		o.Ready = func() { a.out.Notice("the agent answers at %s", l.Socket) }
		if settings.started.Unenforced {
			a.warnUnenforced()
		}
	}
	return agent.Run(ctx, o)
}

func (a *app) agentStartCommand() *cobra.Command {
	return &cobra.Command{
		Use: "start", Short: "Start the agent in the background, locked",
		Long:    "Start the agent in the background, locked. If it runs already that is fine. tacit unlock does this by itself.",
		Example: "tacit agent start",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.refuseDistance(); err != nil {
				return err
			}
			if _, err := a.startAgent(c.Context()); err != nil {
				return err
			}
			return a.printAgent()
		},
	}
}

// startAgent makes sure that an agent of this vault answers. started is its process if we have started it, else 0.
func (a *app) startAgent(ctx context.Context) (started int, err error) {
	if _, err := a.agentReport(); !agent.NotRunning(err) {
		return 0, err
	}
	started, err = agent.Start(ctx, a.world.Environ, []string{"agent", "run", "--background", "--json"})
	if !errors.Is(err, fault.Exists) {
		return started, err
	}
	// Somebody else started one at the same moment, which will answer soon; or it cannot be reached at all.
	if agent.Await(ctx, a.layout(), a.world.Version) != nil {
		return 0, err
	}
	return 0, nil
}

func (a *app) agentStopCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "Lock the vault and end the agent",
		Example: "tacit agent stop",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.refuseDistance(); err != nil {
				return err
			}
			was, err := agent.End(c.Context(), a.layout(), a.world.Version)
			if err != nil {
				return err
			}
			if !was && !a.flags.json {
				a.out.Notice("no agent is running")
			}
			if a.flags.json {
				return a.printAgent()
			}
			return nil
		},
	}
}

func (a *app) agentStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say whether the agent runs and when it locks the vault",
		Example: "tacit agent status\ntacit agent status --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.printAgent() },
	}
}

func (a *app) agentReport() (agent.Report, error) {
	c, r, err := a.askAgent((*agent.Client).AgentStatus)
	if err == nil {
		_ = c.Close()
	}
	return r, err
}

// agentStatus returns what the agent of this vault says of itself. Asking is no use of the vault.
func (a *app) agentStatus() (client.AgentStatus, error) {
	r, err := a.agentReport()
	switch {
	case err == nil:
		return r.AgentStatus, nil
	case agent.NotRunning(err):
		return client.AgentStatus{Socket: a.layout().Socket, Locked: true}, nil
	}
	return client.AgentStatus{}, err
}

// statusAgent is the agent's part of status, which works whatever an agent does, and whether what policy denies is refused there: the
// agent may have read another configuration than this process.
func (a *app) statusAgent() (part client.StatusAgent, enforced bool) {
	s, err := a.agentStatus()
	if err != nil || !s.Running || a.distant() {
		return client.StatusAgent{}, true
	}
	return client.StatusAgent{Running: true, PID: s.PID, Version: s.Version, Socket: &s.Socket, LocksAt: s.LocksAt, IdleLocksAt: s.IdleLocksAt}, s.Enforced == nil || *s.Enforced
}

// warnUnenforced says what nobody should forget.
func (a *app) warnUnenforced() {
	a.out.Warning("ACCESS CONTROL IS NOT ENFORCED: what policies and tokens do not permit is recorded, and done all the same (access_control.enforce in config.yaml)")
}

func (a *app) printAgent() error {
	s, err := a.agentStatus()
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(s)
	}
	if !s.Running {
		a.out.Card([2]string{"agent", "not running"}, [2]string{"socket", s.Socket})
		return nil
	}
	state := "unlocked"
	if s.Locked {
		state = "locked"
	}
	a.out.Card(
		[2]string{"agent", "running" + number(", pid ", s.PID)}, [2]string{"version", deref(s.Version)}, [2]string{"socket", s.Socket},
		[2]string{"vault", state}, [2]string{"locks", moment(s.LocksAt)}, [2]string{"if unused", moment(s.IdleLocksAt)},
		[2]string{"callers", itoa(s.Callers)}, [2]string{"proxy", deref(s.Proxy)}, [2]string{"configuration", "read " + moment(s.ConfigReadAt)},
	)
	if s.Enforced != nil && !*s.Enforced {
		a.warnUnenforced()
	}
	if s.ConfigError != nil {
		a.out.Warning("the configuration was not read again since then: %s", *s.ConfigError)
	}
	return nil
}
