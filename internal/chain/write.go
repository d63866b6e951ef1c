package chain

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/generate"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// Set implements [keeper.API]: where the request says, else in the default provider. What a store cannot hold is refused.
func (c *Chain) Set(ctx context.Context, who keeper.Caller, r keeper.SetRequest) (keeper.Written, error) {
	m, err := c.destination(r.Provider)
	if err == nil && r.Provider == "" && !m.local() {
		m, err = c.unlessSealed(ctx, who, r, m)
	}
	if err != nil {
		return keeper.Written{}, err
	}
	if m.local() {
		r.Provider = keeper.Local
		return c.API.Set(ctx, who, r)
	}
	if err := m.cannotHold(r); err != nil {
		return keeper.Written{}, err
	}
	value := r.Value
	if r.Generate != nil {
		if value, err = generate.Value(c.opts.Random, r.Generate.Kind, r.Generate.Length); err != nil {
			return keeper.Written{}, err
		}
	}
	done, err := m.write(ctx, who, writing{action: "write", mustBeNew: r.MustBeNew}, r.Ref, value)
	if err != nil {
		return keeper.Written{}, err
	}
	w := keeper.Written{Changed: client.Changed{Secret: done.secret, Created: done.created, Changed: []string{"value"}, Readiness: []client.Readiness{}}}
	if r.Reveal {
		w.Value = value
	}
	return w, nil
}

// unlessSealed returns the vault instead of the default provider for what is to be sealed, since nowhere else anything is: what was asked
// for as that, what the vault has sealed already, and a new secret that belongs to a service.
func (c *Chain) unlessSealed(ctx context.Context, who keeper.Caller, r keeper.SetRequest, byDefault *member) (*member, error) {
	local, err := c.member(keeper.Local)
	switch {
	case err != nil || r.Service != "" || r.Sealed != nil && *r.Sealed:
		return local, err
	case r.Sealed != nil: // --readable
		return byDefault, nil
	}
	there, sealed, err := c.inVault(ctx, who, r.Ref)
	if err == nil && !there {
		sealed, err = c.ofService(ctx, who, r.Name)
	}
	if err != nil || !sealed {
		return byDefault, err
	}
	return local, nil
}

// inVault reports whether the vault has a secret, and has it sealed, as far as the caller may know.
func (c *Chain) inVault(ctx context.Context, who keeper.Caller, r keeper.Ref) (there, sealed bool, err error) {
	shown, err := c.API.Show(ctx, who, keeper.Ref{Name: r.Name, Scope: r.Scope, Provider: keeper.Local})
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.NoVault) || errors.Is(err, fault.Denied) {
		return false, false, nil
	}
	return err == nil, shown.Secret.Exposure == "sealed", err
}

// ofService reports whether the vault would seal a new secret of that name because a service is known by it, built in or the user's own.
func (c *Chain) ofService(ctx context.Context, who keeper.Caller, n string) (bool, error) {
	builtin, err := registry.NewCatalog()
	if err != nil {
		return false, err
	}
	if s, which, ok := builtin.BySecret(n); ok {
		return !s.IsPublic(which.Placeholder), nil
	}
	all, err := c.API.ServiceList(ctx, who)
	if errors.Is(err, fault.NoVault) || errors.Is(err, fault.Denied) {
		return false, nil
	}
	return slices.ContainsFunc(all.Services, func(s client.Service) bool { return slices.Contains(s.Secrets, n) }), err
}

// cannotHold refuses what only the vault can keep about a secret.
func (m *member) cannotHold(r keeper.SetRequest) error {
	if err := m.cannotScope(r.Ref); err != nil {
		return err
	}
	var what []string
	for _, x := range []struct {
		given bool
		name  string
	}{
		{r.Sealed != nil && *r.Sealed || r.Service != "", "sealed secrets"},
		{len(r.Tags) > 0, "tags"},
		{len(r.Aliases) > 0, "aliases"},
		{r.ExpiresAt != nil, "an expiry"},
		{r.RotateEvery != nil, "a rotation"},
		{r.Note != nil, "a note"},
		{r.OwnedBy != nil, "an owner"},
	} {
		if x.given {
			what = append(what, x.name)
		}
	}
	if len(what) == 0 {
		return nil
	}
	return provider.Errorf(fault.Invalid, m.spec.Name, "it cannot hold %s", strings.Join(what, ", ")).About(r.Name).
		WithFix("leave that out, or keep the secret in the vault: --provider %s", keeper.Local)
}

// writing says what may be there before.
type writing struct {
	action               string // that the keeper decides about
	mustBeNew, mustExist bool
}

// written is what came of writing.
type written struct {
	secret  client.Secret
	created bool   // there was none before, as far as the store lets us know
	old     string // the version before
}

// write writes a value after the keeper allowed it. It is tried once: a write that may have happened is not made again.
func (m *member) write(ctx context.Context, who keeper.Caller, w writing, r keeper.Ref, value secret.Value) (out written, err error) {
	if err := name.Check(r.Name); err != nil {
		return out, err
	}
	p, err := m.writable(ctx, who)
	if err != nil {
		return out, err
	}
	err = m.decided(ctx, who, w.action, r.Name, func() (int, error) {
		m.forget(r.Name) // what is kept may be from before
		old := m.fetch(ctx, p, []provider.Asked{{Name: r.Name}})[0]
		old.item.Value.Wipe()
		out.old, out.created = old.item.Version, errors.Is(old.err, fault.NotFound)
		switch {
		case old.err == nil && w.mustBeNew:
			return 0, provider.Errorf(fault.Exists, m.spec.Name, "%s is there already", r.Name).About(r.Name).WithFix("--force makes a new version")
		case errors.Is(old.err, fault.Denied) && !w.mustBeNew && !w.mustExist: // who may write need not be able to read
		case errors.Is(old.err, fault.Expired) && !w.mustBeNew && !w.mustExist: // what was deleted or switched off there is set anew
		case old.err != nil && (!out.created || w.mustExist):
			return 0, old.err
		}
		limited, stop := context.WithTimeout(ctx, m.spec.Timeout)
		defer stop()
		item, err := p.Write(limited, r.Name, value)
		m.forget(r.Name)
		if err != nil {
			return 0, m.word(err)
		}
		if item.Name == "" {
			item.Name = r.Name
		}
		out.secret = m.shape(item)
		return out.secret.Version, nil
	})
	return out, err
}

// writable returns the provider if it can be written to.
func (m *member) writable(ctx context.Context, who keeper.Caller) (provider.Provider, error) {
	p, err := m.provider(ctx, who)
	if err == nil {
		err = m.offline(p)
	}
	if err != nil || p.Traits().Writable {
		return p, err
	}
	return nil, provider.Errorf(fault.Invalid, m.spec.Name, "it is read-only").
		WithFix("%s can be written to: --provider %s", strings.Join(m.chain.writers(ctx, who), ", "), keeper.Local)
}

// CanWrite returns why a provider cannot be written to, as far as that is known without asking it.
func (c *Chain) CanWrite(ctx context.Context, who keeper.Caller, named string) error {
	m, err := c.member(named)
	if err == nil && !m.local() {
		_, err = m.writable(ctx, who)
	}
	return err
}

// writers returns the names of what can be written to, the vault first.
func (c *Chain) writers(ctx context.Context, who keeper.Caller) []string {
	out := []string{keeper.Local}
	for _, m := range c.members {
		if m.local() {
			continue
		}
		if p, err := m.provider(ctx, who); err == nil && p.Traits().Writable {
			out = append(out, m.spec.Name)
		}
	}
	return out
}

// decided does something to one secret between the keeper's two records.
func (m *member) decided(ctx context.Context, who keeper.Caller, action, n string, do func() (version int, err error)) error {
	d, err := m.chain.Decide(ctx, who, keeper.DecideRequest{Action: action, Provider: m.spec.Name, Names: []string{n}, Cache: m.ttl() > 0})
	switch {
	case err != nil:
		return err
	case len(d.Denied) > 0:
		return keeper.Refused(n)
	}
	version, err := do()
	if action != "read" {
		m.unlearn(m.chain.open(d.CacheKey), n)
	}
	o := keeper.Outcome{Name: n, Version: version}
	if err != nil {
		o.Code = fault.CodeOf(err)
	}
	if werr := m.chain.Record(context.WithoutCancel(ctx), who, keeper.RecordRequest{ID: d.ID, Outcomes: []keeper.Outcome{o}}); werr != nil && err == nil {
		return fault.Wrap(fault.Failed, werr, "%s: %s was done, which could not be recorded", m.spec.Name, action)
	}
	return err
}

// forget drops what the store said about a secret, which is about to be different.
func (m *member) forget(n string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for q := range m.flights {
		if q.Name == n {
			delete(m.flights, q)
		}
	}
}

// Rotate implements [keeper.API].
func (c *Chain) Rotate(ctx context.Context, who keeper.Caller, r keeper.RotateRequest) (client.Rotated, error) {
	to, err := c.Destination(ctx, who, r.Ref)
	if err != nil {
		return client.Rotated{}, err
	}
	m, err := c.member(to)
	if err != nil {
		return client.Rotated{}, err
	}
	if m.local() {
		r.Provider = keeper.Local
		return c.API.Rotate(ctx, who, r)
	}
	if err := m.cannotScope(r.Ref); err != nil {
		return client.Rotated{}, err
	}
	p, err := m.writable(ctx, who)
	if err != nil {
		return client.Rotated{}, err
	}
	if keeps := p.Traits().Versions; r.ExpireOld && keeps || r.Overlap > 0 && !keeps {
		what := "it cannot end an old version"
		if !keeps {
			what = "it keeps no old version, so there is no overlap"
		}
		return client.Rotated{}, provider.Errorf(fault.Invalid, m.spec.Name, "%s", what).About(r.Name)
	}
	value, w := r.Value, writing{action: "write", mustExist: true} // a given value takes the permission to write, as in the vault
	if r.Generate != nil {
		w.action = "rotate"
		if value, err = generate.Value(c.opts.Random, r.Generate.Kind, r.Generate.Length); err != nil {
			return client.Rotated{}, err
		}
	}
	done, err := m.write(ctx, who, w, r.Ref, value)
	return client.Rotated{Secret: done.secret, OldVersion: number(done.old), Readiness: []client.Readiness{}}, err
}
