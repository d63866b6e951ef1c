package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/agent"
)

func (a *app) agentReloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Have the agent read config.yaml again",
		Long: `Have the agent read config.yaml again. What it says of access_control counts from the next request on; the shared
socket is made when the agent is started, and the answer says so when that is needed. When there is a mistake in the file, the
agent goes on with what it said before.

SIGHUP does the same to an agent that has no terminal. tacit agent status says when the file was read.`,
		Example: "tacit agent reload",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.refuseDistance(); err != nil {
				return err
			}
			return a.agentReload(c.Context())
		},
	}
}

func (a *app) agentReload(ctx context.Context) error {
	out := client.AgentReloaded{}
	c, _, err := a.askAgent((*agent.Client).AgentStatus)
	switch {
	case err == nil:
		defer c.Close()
		if out, err = c.Reload(ctx); err != nil {
			return err
		}
	case !agent.NotRunning(err):
		return err
	case !a.flags.json:
		a.out.Notice("no agent is running; the next one reads the configuration when it starts")
		return nil
	}
	if a.flags.json {
		return a.out.JSON(out)
	}
	changed := "nothing is different"
	if len(out.Changed) > 0 {
		changed = "different: " + strings.Join(out.Changed, ", ")
	}
	a.out.Notice("the agent read the configuration again; %s", changed)
	if s, err := a.agentStatus(); err == nil && s.Enforced != nil && !*s.Enforced {
		a.warnUnenforced()
	}
	if len(out.NeedsRestart) > 0 {
		a.out.Warning("%s: counts when the agent is started again; tacit agent stop, then tacit unlock", strings.Join(out.NeedsRestart, ", "))
	}
	return nil
}
