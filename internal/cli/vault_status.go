package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say where the vault is, what opens it and how it is",
		Long:    "Say where the vault is, what opens it and how it is. Works while the vault is locked, and without one.",
		Example: "tacit status\ntacit status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a.looking = true
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			s, err := k.Status(c.Context(), a.caller())
			if err != nil {
				return err
			}
			part, enforced := a.statusAgent()
			s.Project = a.statusProject()
			if s.Agent = part; s.Enforced != nil && !enforced {
				s.Enforced = &enforced
			}
			if a.flags.json {
				return a.out.JSON(s)
			}
			a.printStatus(s)
			if s.Enforced != nil && !*s.Enforced {
				a.warnUnenforced()
			}
			return nil
		},
	}
}

func (a *app) printStatus(s client.Status) {
	if !s.Vault.Exists {
		a.out.Card([2]string{"vault", s.Vault.Path}, [2]string{"state", "there is no vault yet"}, [2]string{"principal", s.Principal})
		a.out.Notice("tacit init creates it; so does the first tacit set")
		return
	}
	state := "opens without asking"
	if s.Vault.Locked {
		state = "locked"
	}
	pairs := [][2]string{
		{"vault", s.Vault.Path},
		{"id", deref(s.Vault.ID)},
		{"state", state},
		{"engine", s.Vault.Engine + number(", format ", s.Vault.Format)},
		{"secrets", number("", s.Vault.Secrets)},
		{"created", moment(s.Vault.CreatedAt)},
	}
	for i, slot := range s.Slots {
		label := ""
		if i == 0 {
			label = "slots"
		}
		pairs = append(pairs, [2]string{label, slot.ID + "  " + slotTitle(slot)})
	}
	agent := "not running"
	if s.Agent.Running {
		agent = "running" + number(", pid ", s.Agent.PID)
		if s.Agent.LocksAt != nil {
			agent += ", unlocked until " + moment(s.Agent.LocksAt)
		}
	}
	pairs = append(pairs,
		[2]string{"sealing", deref(s.Sealing)},
		[2]string{"policies", policiesLine(s.Enforced)},
		[2]string{"agent", agent},
		[2]string{"audit", fmt.Sprintf("%d records", s.Audit.Records)},
		[2]string{"audit key", deref(s.Audit.PublicKey)},
		[2]string{"checkpoint", orElse(moment(s.Audit.CheckpointAt), "never")},
		[2]string{"backup", orElse(moment(s.Backup.LastAt), "never")},
		[2]string{"project", projectLine(s.Project)},
		[2]string{"principal", s.Principal},
	)
	a.out.Card(pairs...)
}

// policiesLine says whether what policy denies is refused; nothing to whom that is not told.
func policiesLine(enforced *bool) string {
	switch {
	case enforced == nil:
		return ""
	case *enforced:
		return "enforced"
	}
	return "NOT ENFORCED: denials are only recorded"
}

// slotTitle says in a line what a slot is: "key-file /home/ana/identity.txt (laptop)".
func slotTitle(s client.Slot) string {
	parts := []string{s.Kind}
	if s.Path != nil {
		parts = append(parts, *s.Path)
	}
	if s.Label != nil {
		parts = append(parts, "("+*s.Label+")")
	}
	return strings.Join(parts, " ")
}

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Say who you are to tacit, and what you may do",
		Example: "tacit whoami",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a.looking = true
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			w, err := k.Whoami(c.Context(), a.caller())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.out.JSON(w)
			}
			a.out.Card(
				[2]string{"principal", w.Principal}, [2]string{"workspace", deref(w.Workspace)}, [2]string{"group", deref(w.Group)},
				[2]string{"token", deref(w.Token)}, [2]string{"rules", strings.Join(w.Rules, ", ")},
				[2]string{"expires", moment(w.ExpiresAt)}, [2]string{"uses left", number("", w.UsesLeft)}, [2]string{"door", w.Door},
			)
			return nil
		},
	}
}

// deref returns what p points to, or "".
func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// number returns prefix and *n, or "" for nil.
func number(prefix string, n *int) string {
	if n == nil {
		return ""
	}
	return prefix + itoa(*n)
}

// moment is a time for eyes, in UTC to the second, or "" for nil.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
