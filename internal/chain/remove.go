package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/provider"
)

// Remove implements [keeper.API]: from the provider that is named, else from all of the chain that can be written to. The vault comes
// last, and removes all of its own or none; what of the others is gone when one of them fails is said in the error.
func (c *Chain) Remove(ctx context.Context, who keeper.Caller, r keeper.RemoveRequest) (client.Removed, error) {
	from := c.members
	if r.Provider != "" {
		m, err := c.member(r.Provider)
		if err != nil {
			return client.Removed{}, err
		}
		from = []*member{m}
	}
	out := client.Removed{Removed: []client.RemovedSecret{}, CredentialsRemoved: []string{}}
	found := map[string]bool{}
	var local bool
	for _, m := range from {
		if m.local() {
			local = true
			continue
		}
		if err := m.removeAll(ctx, who, r, &out, found); err != nil {
			return out, partly(err, out)
		}
	}
	if local {
		if err := c.removeLocal(ctx, who, r, &out, found); err != nil {
			return out, partly(err, out)
		}
	}
	for _, n := range r.Names {
		if !found[n] {
			return out, partly(fault.New(fault.NotFound, "no such secret: %s", n).About(n).WithFix("tacit explain %s", n), out)
		}
	}
	out.Total = len(out.Removed)
	return out, nil
}

// partly adds to an error what is gone already.
func partly(err error, done client.Removed) error {
	if len(done.Removed) == 0 {
		return err
	}
	gone := make([]string, 0, len(done.Removed))
	for _, s := range done.Removed {
		gone = append(gone, s.Provider+":"+s.Name)
	}
	out := fault.Wrap(fault.CodeOf(err), err, "removed %s, but", strings.Join(gone, ", "))
	return out
}

// removeAll removes the names from one store, where they are there.
func (m *member) removeAll(ctx context.Context, who keeper.Caller, r keeper.RemoveRequest, out *client.Removed, found map[string]bool) error {
	p, err := m.provider(ctx, who)
	if err != nil {
		return err
	}
	if r.Provider == "" && (!p.Traits().Writable || r.Scope != "" && r.Scope != string(name.Global)) {
		return nil
	}
	if p, err = m.writable(ctx, who); err != nil {
		return err
	}
	for _, n := range r.Names {
		if err := m.cannotScope(keeper.Ref{Name: n, Scope: r.Scope}); err != nil {
			return err
		}
		var versions int
		err := m.decided(ctx, who, "delete", n, func() (int, error) {
			ctx, stop := context.WithTimeout(ctx, m.spec.Timeout)
			defer stop()
			versions, err = p.Delete(ctx, n)
			m.forget(n)
			return 0, m.word(err)
		})
		switch {
		case errors.Is(err, fault.NotFound):
			continue
		case err != nil:
			return err
		}
		found[n] = true
		out.Removed = append(out.Removed, client.RemovedSecret{Name: n, Provider: m.spec.Name, Scope: string(name.Global), Versions: versions})
	}
	return nil
}

// removeLocal removes from the vault what it has of the names; who named several that others had too is not told that it lacks one.
func (c *Chain) removeLocal(ctx context.Context, who keeper.Caller, r keeper.RemoveRequest, out *client.Removed, found map[string]bool) error {
	own := keeper.RemoveRequest{Scope: r.Scope, Provider: keeper.Local}
	for _, n := range r.Names {
		if found[n] {
			_, err := c.API.Show(ctx, who, keeper.Ref{Name: n, Scope: r.Scope, Provider: keeper.Local})
			if errors.Is(err, fault.NotFound) || errors.Is(err, fault.NoVault) {
				continue
			}
		}
		own.Names = append(own.Names, n)
	}
	if len(own.Names) == 0 {
		return nil
	}
	removed, err := c.API.Remove(ctx, who, own)
	if err != nil {
		return err
	}
	out.Removed = append(out.Removed, removed.Removed...)
	out.CredentialsRemoved = append(out.CredentialsRemoved, removed.CredentialsRemoved...)
	for _, n := range own.Names {
		found[n] = true
	}
	return nil
}

// onlyVault refuses what a store besides the vault cannot do.
func (c *Chain) onlyVault(named, what string) error {
	if isLocal(named) {
		return nil
	}
	if _, err := c.member(named); err != nil {
		return err
	}
	return provider.Errorf(fault.Invalid, named, "%s", fmt.Sprintf("only the vault has %s", what)).
		WithFix("keep the secret in the vault: tacit provider copy %s %s NAME", named, keeper.Local)
}

// Update implements [keeper.API].
func (c *Chain) Update(ctx context.Context, who keeper.Caller, r keeper.UpdateRequest) (client.Changed, error) {
	if err := c.onlyVault(r.Provider, "metadata that can be changed"); err != nil {
		return client.Changed{}, err
	}
	return c.API.Update(ctx, who, r)
}

// Move implements [keeper.API].
func (c *Chain) Move(ctx context.Context, who keeper.Caller, r keeper.Ref, to string) (client.Changed, error) {
	if err := c.onlyVault(r.Provider, "names that can be changed"); err != nil {
		return client.Changed{}, err
	}
	return c.API.Move(ctx, who, r, to)
}

// Rollback implements [keeper.API].
func (c *Chain) Rollback(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.Changed, error) {
	if err := c.onlyVault(r.Provider, "versions to go back to"); err != nil {
		return client.Changed{}, err
	}
	return c.API.Rollback(ctx, who, r)
}

// Purge implements [keeper.API].
func (c *Chain) Purge(ctx context.Context, who keeper.Caller, r keeper.Ref, versions []int) (client.Purged, error) {
	if err := c.onlyVault(r.Provider, "versions that can be destroyed"); err != nil {
		return client.Purged{}, err
	}
	return c.API.Purge(ctx, who, r, versions)
}

// AuditWho implements [keeper.API].
func (c *Chain) AuditWho(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.AuditWho, error) {
	if err := c.onlyVault(r.Provider, "a list of who saw each version; tacit audit --secret NAME lists what was asked for"); err != nil {
		return client.AuditWho{}, err
	}
	return c.API.AuditWho(ctx, who, r)
}
