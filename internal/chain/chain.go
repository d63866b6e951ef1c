package chain

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/provider"
)

const (
	// LocalPriority is that of the vault, unless configuration says another.
	LocalPriority = 50
	// defaultTimeout is how long a provider may take for one answer, retries and waiting included.
	defaultTimeout = 5 * time.Second
)

// Options are what a chain is made of.
type Options struct {
	// Providers are those that configuration declares, in its order. One of type local says the priority of the vault.
	Providers []provider.Spec
	// Default is where secrets are written when nothing else is said; empty: the vault.
	Default string
	Make    provider.Make
	World   provider.World
	Environ []string // of this process, "NAME=value": answers are kept apart by those that say as whom stores are asked

	Offline bool           // ask no provider over the network
	MaxAge  *time.Duration // of a cached value; nil: what configuration says
	Cache   Cache
	Serving bool // this process answers many, for as long as it likes: what a store said to one is no answer to another, unless that is kept

	Random io.Reader // for values that are generated
	// Wait returns after d or with the error of ctx; Jitter a random duration below d.
	Wait   func(ctx context.Context, d time.Duration) error
	Jitter func(d time.Duration) time.Duration
}

// Chain implements [keeper.API] and [keeper.Batch]. It is safe for concurrent use.
type Chain struct {
	keeper.API // the vault's
	opts       Options
	members    []*member // in the order in which they are asked
	named      []*member // that nobody declared, and that may be named

	life context.Context //nolint:containedctx // of what is being asked; Close ends it
	end  context.CancelFunc
	busy sync.WaitGroup
}

var (
	_ keeper.API   = (*Chain)(nil)
	_ keeper.Batch = (*Chain)(nil)
)

// Undeclared are the kinds that may be named without being declared, since they need no configuration.
func Undeclared() []string { return []string{"env", "keyring"} }

// New returns the chain of providers over the vault that inner is. It asks none of them anything. Errors have class fault.Usage.
func New(inner keeper.API, o Options) (*Chain, error) {
	c := &Chain{API: inner, opts: o}
	local := &member{chain: c, spec: provider.Spec{Name: keeper.Local, Type: keeper.Local, Priority: LocalPriority, Required: true, Origin: "built-in"}}
	declared := false
	for _, spec := range o.Providers {
		if err := checkSpec(spec); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.members, func(m *member) bool { return m.spec.Name == spec.Name }) {
			return nil, fault.New(fault.Usage, "the provider %s is declared twice", spec.Name).About(spec.Name)
		}
		m := &member{chain: c, spec: spec}
		if m.local() {
			declared = true
			if m.spec.Priority == 0 {
				m.spec.Priority = LocalPriority
			}
		}
		if err := m.common(); err != nil {
			return nil, err
		}
		c.members = append(c.members, m)
	}
	if !declared {
		c.members = append(c.members, local)
	}
	for _, kind := range Undeclared() {
		if !slices.ContainsFunc(c.members, func(m *member) bool { return m.spec.Name == kind }) {
			m := &member{chain: c, spec: provider.Spec{Name: kind, Type: kind, Origin: "built-in"}}
			if err := m.common(); err != nil {
				return nil, err
			}
			c.named = append(c.named, m)
		}
	}
	order.By(c.members, func(a, b *member) int { return b.spec.Priority - a.spec.Priority })
	if o.Default != "" {
		m, err := c.member(o.Default)
		if err == nil && !slices.Contains(c.members, m) {
			err = fault.New(fault.Usage, "%s is not declared: what is written there would not be read from there", o.Default).About(o.Default).
				WithFix("declare it under secrets.providers")
		}
		if err != nil {
			return nil, fault.Wrap(fault.Usage, err, "default_provider")
		}
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

func checkSpec(s provider.Spec) error {
	switch {
	case !name.IsProvider(s.Name):
		return fault.New(fault.Usage, "%q cannot name a provider", s.Name[:min(len(s.Name), 64)]).
			WithFix("a letter, then letters, digits, '-' and '_'; at most 64")
	case (s.Name == keeper.Local) != (s.Type == keeper.Local):
		return fault.New(fault.Usage, "the provider %s is of type %s: local is the vault, and there is one", s.Name, s.Type).About(s.Name)
	}
	return nil
}

// member returns the provider of that name: one that is declared, or one that needs not be. Errors have class fault.Usage.
func (c *Chain) member(n string) (*member, error) {
	for _, all := range [][]*member{c.members, c.named} {
		for _, m := range all {
			if m.spec.Name == n {
				return m, nil
			}
		}
	}
	return nil, fault.New(fault.Usage, "unknown provider: %s", n).About(n).WithFix("declare it under secrets.providers; tacit provider list shows what there is")
}

// route returns the providers that a reference leads to, in the order in which they are asked.
func (c *Chain) route(r keeper.Ref) ([]*member, error) {
	if r.Provider == "" {
		return c.members, nil
	}
	m, err := c.member(r.Provider)
	if err != nil {
		return nil, err
	}
	return []*member{m}, nil
}

// isLocal reports whether a request is one for the vault alone: for methods that only the vault has.
func isLocal(named string) bool { return named == "" || named == keeper.Local }

// destination returns where a change goes that names a provider or none.
func (c *Chain) destination(named string) (*member, error) {
	return c.member(cmp.Or(named, c.opts.Default, keeper.Local))
}

// Destination returns the name of the provider that a new version goes to of a secret that is there: the one that is named; the vault, when
// it has the secret sealed; else the default provider.
func (c *Chain) Destination(ctx context.Context, who keeper.Caller, r keeper.Ref) (string, error) {
	m, err := c.destination(r.Provider)
	if err != nil {
		return "", err
	}
	if r.Provider == "" && !m.local() {
		if _, sealed, err := c.inVault(ctx, who, r); err != nil || sealed {
			return keeper.Local, err
		}
	}
	return m.spec.Name, nil
}

// Close ends what is under way and closes the stores. The vault's keeper.API is for who made it to close.
func (c *Chain) Close() error {
	c.end()
	c.busy.Wait()
	var all []error
	for _, m := range slices.Concat(c.members, c.named) {
		all = append(all, m.close())
	}
	return errors.Join(all...)
}
