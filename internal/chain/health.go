package chain

import (
	"context"
	"errors"
	"sync"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
)

// slow is how much of its time a provider may take before that is worth saying.
const slow = 2 // one half

// Providers returns the providers of the chain in their order.
func (c *Chain) Providers(ctx context.Context, who keeper.Caller) client.Providers {
	out := client.Providers{Providers: []client.Provider{}, Default: c.opts.Default, Chain: c.order()}
	if out.Default == "" {
		out.Default = keeper.Local
	}
	for _, m := range c.members {
		p := client.Provider{Name: m.spec.Name, Type: m.spec.Type, Priority: m.spec.Priority, Required: m.spec.Required, Origin: m.spec.Origin}
		if m.local() {
			p.Writable, p.Versions = true, true
		} else if made, err := m.provider(ctx, who); err == nil {
			p.Writable, p.Versions = made.Traits().Writable, made.Traits().Versions
		}
		out.Providers = append(out.Providers, p)
	}
	out.Total = len(out.Providers)
	return out
}

// Known returns the names that --provider and references may use: those of the chain, then those that need not be declared.
func (c *Chain) Known() []string {
	out := c.order()
	for _, m := range c.named {
		out = append(out, m.spec.Name)
	}
	return out
}

func (c *Chain) order() []string {
	names := make([]string, 0, len(c.members))
	for _, m := range c.members {
		names = append(names, m.spec.Name)
	}
	return names
}

// Health asks every provider of the chain at once whether it would answer; only names of them, when there are any. It reads no secret
// and is not recorded.
func (c *Chain) Health(ctx context.Context, who keeper.Caller, only ...string) (client.Health, error) {
	from := c.members
	if len(only) > 0 {
		from = nil
		for _, n := range only {
			m, err := c.member(n)
			if err != nil {
				return client.Health{}, err
			}
			from = append(from, m)
		}
	}
	out := client.Health{OK: true, Providers: make([]client.ProviderHealth, len(from)), Chain: c.order()}
	var asking sync.WaitGroup
	for i, m := range from {
		asking.Go(func() { out.Providers[i] = m.health(ctx, who) })
	}
	asking.Wait()
	for _, p := range out.Providers {
		if p.Down() {
			out.OK = false
		}
	}
	return out, ctx.Err()
}

// health asks one provider.
func (m *member) health(ctx context.Context, who keeper.Caller) client.ProviderHealth {
	now := m.chain.opts.World.Now
	began := now()
	err := m.probe(ctx, who)
	took := now().Sub(began)
	h := client.ProviderHealth{
		Name: m.spec.Name, Type: m.spec.Type, Priority: m.spec.Priority, Required: m.spec.Required, Status: "ok",
		LatencyMS: float64(took.Microseconds()) / 1000, CheckedAt: began.UTC().Truncate(time.Millisecond),
	}
	if err == nil {
		if limit := m.spec.Timeout; limit > 0 && took > limit/slow {
			h.Status = "slow"
		}
		return h
	}
	h.Status = status(fault.CodeOf(err))
	text := err.Error()
	h.Detail = &text
	var f *fault.Error
	if errors.As(err, &f) && f.Fix != "" {
		h.Fix = &f.Fix
	}
	return h
}

// status is what a class of error says about a store.
func status(c fault.Code) string {
	switch c {
	case fault.Denied, fault.Expired, fault.Permissions, fault.WrongKey:
		return "denied"
	case fault.Usage, fault.Invalid:
		return "misconfigured"
	case fault.Locked:
		return "locked"
	case fault.Limited:
		return "slow"
	}
	return "unavailable"
}

func (m *member) probe(ctx context.Context, who keeper.Caller) error {
	if m.local() {
		s, err := m.chain.API.Status(ctx, who)
		switch {
		case err != nil:
			return err
		case !s.Vault.Exists:
			return fault.New(fault.NoVault, "there is no vault").WithFix("tacit init")
		case s.Vault.Locked:
			return fault.New(fault.Locked, "the vault is locked").WithFix("tacit unlock")
		}
		return nil
	}
	p, err := m.provider(ctx, who)
	if err == nil {
		err = m.offline(p)
	}
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, m.spec.Timeout)
	defer stop()
	return m.word(p.Health(ctx))
}

// Explain walks the chain for one name, and says whom it asked and what each answered. What is read is recorded as any reading, and
// dropped.
func (c *Chain) Explain(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.Explained, error) {
	route, err := c.route(r)
	if err != nil {
		return client.Explained{}, err
	}
	out := client.Explained{Name: r.Name, Result: "not_found", Asked: []client.Asked{}}
	over := false
	for i, m := range route {
		if over {
			detail := "the walk ended before it"
			out.Asked = append(out.Asked, client.Asked{Provider: m.spec.Name, Priority: m.spec.Priority, Answer: "skipped", Detail: &detail})
			continue
		}
		for _, scope := range m.scopes(who, r) {
			began := c.opts.World.Now()
			in := r
			in.Scope = scope
			a, absent := m.explain(ctx, who, in, route[i:])
			if err := ctx.Err(); err != nil {
				return client.Explained{}, err
			}
			a.LatencyMS = float64(c.opts.World.Now().Sub(began).Microseconds()) / 1000
			if a.Scope == nil && scope != "" {
				a.Scope = &scope
			}
			out.Asked = append(out.Asked, a)
			if absent {
				continue
			}
			over = true
			out.Result, out.Version = a.Answer, a.Version
			if a.Answer == "found" || a.Answer == "expired" {
				out.Provider = &m.spec.Name
			}
			break
		}
	}
	return out, nil
}

// scopes are where a provider looks, one after the other: the vault in every scope that its owner is in. Which those of others are is not
// known here, and other stores have none.
func (m *member) scopes(who keeper.Caller, r keeper.Ref) []string {
	if !m.local() || !who.Owner || r.Scope != "" {
		return []string{r.Scope}
	}
	return keeper.ScopesOf(who)
}

// explain asks one provider.
func (m *member) explain(ctx context.Context, who keeper.Caller, r keeper.Ref, left []*member) (a client.Asked, absent bool) {
	a = client.Asked{Provider: m.spec.Name, Priority: m.spec.Priority, Answer: "found"}
	var (
		s   client.Secret
		err error
	)
	if m.local() {
		var shown keeper.Shown
		r.Provider = keeper.Local
		shown, err = m.chain.API.Show(ctx, who, r)
		s, absent = shown.Secret, errors.Is(err, fault.NotFound)
		if absent && r.Version != 0 {
			absent = m.chain.lacks(ctx, who, r) // as Get, which ends where the secret is
		}
	} else {
		w := &walk{request: keeper.GetRequest{Ref: r, IncludeExpired: true, Door: "explain"}, left: left}
		got := m.ask(ctx, who, []*walk{w})[0]
		got.Value.Wipe()
		s, err, absent = got.Secret, got.Err, got.absent
		if age := m.age(r); age >= time.Second {
			seconds := int(age.Seconds())
			a.CachedAgeS = &seconds
		}
	}
	switch {
	case err != nil:
		a.Answer = answered(err)
		text := err.Error()
		a.Detail = &text
		if m.chain.opts.Offline && a.Answer == "unavailable" {
			a.Answer = "skipped"
		}
	case s.State == "expired":
		a.Answer = "expired"
	}
	if err == nil {
		a.Scope = &s.Scope
		if s.Version != 0 {
			a.Version = &s.Version
		}
	}
	return a, absent
}

// answered is what an error is called in an explanation.
func answered(err error) string {
	switch fault.CodeOf(err) {
	case fault.NotFound:
		return "not_found"
	case fault.Denied, fault.Sealed, fault.Permissions, fault.Untrusted:
		return "denied"
	case fault.Expired:
		return "expired"
	}
	return "unavailable"
}

// age is how old what was answered is.
func (m *member) age(r keeper.Ref) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.flights[provider.Asked{Name: r.Name, Version: version(r)}]
	if f == nil {
		return 0
	}
	return m.chain.opts.World.Now().Sub(f.at)
}
