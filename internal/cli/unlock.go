package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tacit/internal/agent"
	"tacit/internal/fault"
	"tacit/internal/when"
)

func (a *app) unlockCommand() *cobra.Command {
	var most, idle string
	c := &cobra.Command{
		Use: "unlock", Short: "Keep the vault open for a while",
		Long: `Keep the vault open for a while: open it with one of its slots and hand the key to the agent, which is started
if it does not run. Until the time is up, or nobody has used the vault for the idle time, commands ask for no passphrase. Time
that the machine sleeps counts, and before it sleeps the vault is locked where the system tells.

What takes a slot opened for that very command still does: slot add and rm, rotate-root, backups, export --values,
import --replace, update --readable.`,
		Example: "tacit unlock\ntacit unlock --for 2h --idle 15m",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := mustDuration("--for", most)
			if err != nil {
				return err
			}
			i, err := mustDuration("--idle", idle)
			if err != nil {
				return err
			}
			return a.unlock(c.Context(), f, i)
		},
	}
	c.Flags().StringVar(&most, "for", "8h", "lock after `D` in any case")
	c.Flags().StringVar(&idle, "idle", "1h", "lock when nobody has used the vault for `D`")
	return c
}

func (a *app) unlock(ctx context.Context, most, idle time.Duration) error {
	if a.flags.noAgent {
		return fault.New(fault.Usage, "unlock gives the key to the agent, and --no-agent forbids that")
	}
	k, err := a.owner()
	if err != nil {
		return err
	}
	if err := a.sameVersion(); err != nil { // before a passphrase is asked for
		return err
	}
	err = k.HandOver(ctx, func(rootKey []byte, slot string) error { return a.handOver(ctx, rootKey, slot, most, idle) })
	if err != nil {
		return err
	}
	s, err := a.agentStatus()
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(s)
	}
	a.out.Notice("unlocked until %s, or until nobody has used it for %s", moment(s.LocksAt), when.Format(idle))
	if s.Enforced != nil && !*s.Enforced {
		a.warnUnenforced()
	}
	return nil
}

// handOver gives a root key to the agent, which is started if it does not run.
func (a *app) handOver(ctx context.Context, rootKey []byte, slot string, most, idle time.Duration) error {
	started, err := a.startAgent(ctx)
	if err != nil {
		return err
	}
	c := agent.Connect(a.layout().Socket, a.world.Version, "")
	defer c.Close()
	return c.Unlock(ctx, started, rootKey, slot, most, idle)
}

// sameVersion refuses an agent of another version: what one keeps and answers the other may not know.
func (a *app) sameVersion() error {
	s, err := a.agentStatus()
	if err != nil || !s.Running || deref(s.Version) == a.world.Version {
		return err
	}
	return fault.New(fault.Conflict, "the agent is tacit %s and this is %s", deref(s.Version), a.world.Version).WithFix("tacit agent stop, then tacit unlock")
}

func (a *app) lockCommand() *cobra.Command {
	return &cobra.Command{
		Use: "lock", Short: "Forget the key of the vault now",
		Long:    "Forget the key of the vault now. The agent goes on running; what is under way gets two seconds to end.",
		Example: "tacit lock",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.refuseDistance(); err != nil {
				return err
			}
			return a.lock(c.Context())
		},
	}
}

func (a *app) lock(ctx context.Context) error {
	c, _, err := a.askAgent((*agent.Client).AgentStatus)
	switch {
	case err == nil:
		defer c.Close()
		if err := c.Lock(ctx); err != nil {
			return err
		}
	case !agent.NotRunning(err):
		return err
	case !a.flags.json:
		a.out.Notice("no agent is running, so there is no key to forget")
	}
	if a.flags.json {
		return a.printAgent()
	}
	return nil
}

// takeFromAgent locks an agent of this vault before its root key changes, so that commands open the vault themselves meanwhile.
// handBack gives the new key to the agent for the time that was left; without an agent that was unlocked it does nothing.
func (a *app) takeFromAgent(ctx context.Context, k Vault) (handBack func(), err error) {
	c, r, err := a.askAgent((*agent.Client).AgentStatus)
	if err != nil {
		return func() {}, nil // nobody there
	}
	defer c.Close()
	if r.Locked || r.LocksAt == nil || r.IdleLocksAt == nil {
		return func() {}, nil
	}
	// Whoever cannot open a slot changes nothing, and the agent goes on.
	if err := k.HandOver(ctx, func([]byte, string) error { return nil }); err != nil {
		return nil, err
	}
	idle := r.IdleLocksAt.Sub(a.now())
	return func() {
		left := max(r.LocksAt.Sub(a.now()), time.Second)
		err := k.HandOver(ctx, func(rootKey []byte, slot string) error {
			return a.handOver(ctx, rootKey, slot, left, max(min(idle, left), time.Second))
		})
		if err != nil {
			a.out.Notice("the agent is locked now (%s); tacit unlock", err.Error())
		}
	}, c.Lock(ctx)
}
