package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
)

func (a *app) removeCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "rm NAME…", Aliases: []string{"delete"}, Short: "Remove secrets with all their versions",
		Example: "tacit rm db.password --force",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.remove(c.Context(), args, force) },
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) remove(ctx context.Context, args []string, force bool) error {
	r := keeper.RemoveRequest{Scope: a.flags.scope, Provider: a.flags.provider}
	for _, arg := range args {
		ref, err := a.plainRef(arg)
		if err != nil {
			return err
		}
		if r.Provider != "" && ref.Provider != r.Provider {
			return fault.New(fault.Usage, "rm: the secrets are of different providers").WithFix("remove those of one provider at a time")
		}
		r.Names, r.Provider = append(r.Names, ref.Name), ref.Provider
	}
	k, err := a.keeper()
	if err != nil {
		return err
	}
	if !force {
		if err := a.confirmRemoval(ctx, k, r); err != nil {
			return err
		}
	}
	removed, err := k.Remove(ctx, a.caller(), r)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(removed)
	}
	for _, s := range removed.Removed {
		a.out.Line("Removed %s from %s, %s: %s", visible(s.Name), visible(s.Provider), visible(s.Scope), plural(s.Versions, "version"))
	}
	if len(removed.CredentialsRemoved) > 0 {
		a.out.Line("Credentials that needed it are gone too: %s", visible(strings.Join(removed.CredentialsRemoved, ", ")))
	}
	return nil
}

// confirmRemoval asks, naming what would go. So a name that is not there is said before the question.
func (a *app) confirmRemoval(ctx context.Context, k keeper.API, r keeper.RemoveRequest) error {
	var what []string
	for _, n := range r.Names {
		shown, err := k.Show(ctx, a.caller(), keeper.Ref{Name: n, Scope: r.Scope, Provider: r.Provider})
		if err != nil {
			return err
		}
		in := shown.Secret.Scope + ", " + plural(shown.Secret.Versions, "version")
		if a.stores != nil && r.Provider == "" {
			in = "from every provider that has it and can be written to"
		} else if shown.Secret.Provider != name.Local {
			in = shown.Secret.Provider
		}
		what = append(what, fmt.Sprintf("%s (%s)", shown.Secret.Name, in))
	}
	return a.confirm(false, "remove "+strings.Join(what, ", ")+"?")
}

func (a *app) purgeCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "purge NAME@VERSION…", Short: "Destroy old versions of a secret",
		Example: "tacit purge db.password@1 --force",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.purge(c.Context(), args, force) },
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return c
}

func (a *app) purge(ctx context.Context, args []string, force bool) error {
	var (
		ref      keeper.Ref
		versions []int
	)
	for i, arg := range args {
		r, err := a.versionRef(arg)
		if err != nil {
			return err
		}
		if i > 0 && (r.Name != ref.Name || r.Provider != ref.Provider) {
			return fault.New(fault.Usage, "purge: versions of one secret at a time, not of %s and %s", ref.Name, r.Name)
		}
		ref = r
		if !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
		}
	}
	ref.Version = 0
	k, err := a.keeper()
	if err != nil {
		return err
	}
	if !force {
		if _, err := k.Show(ctx, a.caller(), ref); err != nil {
			return err
		}
		if err := a.confirm(false, "destroy "+strings.Join(args, ", ")+"?"); err != nil {
			return err
		}
	}
	p, err := k.Purge(ctx, a.caller(), ref, versions)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(p)
	}
	for _, v := range p.Purged {
		a.out.Line("Purged %s@%d", visible(p.Name), v)
	}
	return nil
}
