package chain

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/provider"
)

// Show implements [keeper.API].
func (c *Chain) Show(ctx context.Context, who keeper.Caller, r keeper.Ref) (keeper.Shown, error) {
	route, err := c.route(r)
	if err != nil {
		return keeper.Shown{}, err
	}
	for i, m := range route {
		var (
			shown  keeper.Shown
			absent bool
		)
		if m.local() {
			own := r
			own.Provider = keeper.Local
			shown, err = c.API.Show(ctx, who, own)
			absent = errors.Is(err, fault.NotFound)
			if absent && r.Version != 0 && i < len(route)-1 {
				absent = c.lacks(ctx, who, own)
			}
		} else {
			w := &walk{request: keeper.GetRequest{Ref: r, IncludeExpired: true, Door: "show"}, left: route[i:]}
			got := m.ask(ctx, who, []*walk{w})[0]
			shown.Secret, err, absent = got.Secret, got.Err, got.absent
			if err == nil {
				shown.Masked = keeper.Mask(got.Value.Reveal())
			}
			got.Value.Wipe()
		}
		if !absent {
			return shown, err
		}
	}
	return keeper.Shown{}, err
}

// Incomplete is the error of a list in which what some providers have is missing. It is of the class of the first of them.
type Incomplete struct {
	Missing []Missing // one at least
}

// Missing is a provider that could not say what it has, and why, as an error that names it.
type Missing struct {
	Provider string
	Err      error
}

func (e *Incomplete) Error() string { return e.Missing[0].Err.Error() }

func (e *Incomplete) Unwrap() error { return e.Missing[0].Err }

// List implements [keeper.API]: of the provider that is named, else of all. When some of all do not answer, it returns what the others have
// beside an error that is an *[Incomplete]: a list that is shorter than it should be looks like one that is not, so that only who asks for
// the part takes it.
func (c *Chain) List(ctx context.Context, who keeper.Caller, r keeper.ListRequest) (client.List, error) {
	from := c.members
	if r.Provider != "" {
		m, err := c.member(r.Provider)
		if err != nil {
			return client.List{}, err
		}
		from = []*member{m}
	}
	lists, errs := make([]client.List, len(from)), make([]error, len(from))
	var asking sync.WaitGroup
	for i, m := range from {
		asking.Go(func() {
			if m.local() {
				own := r
				own.Provider = keeper.Local
				lists[i], errs[i] = c.API.List(ctx, who, own)
				return
			}
			lists[i], errs[i] = m.list(ctx, who, r)
		})
	}
	asking.Wait()
	out := client.List{Secrets: []client.Secret{}}
	var down Incomplete
	for i, m := range from {
		if errs[i] != nil && (r.Provider != "" || !ofStore(errs[i])) {
			return client.List{}, errs[i]
		}
		if errs[i] != nil {
			down.Missing = append(down.Missing, Missing{m.spec.Name, errs[i]})
			continue
		}
		out.Secrets = append(out.Secrets, lists[i].Secrets...)
		out.HiddenExpired += lists[i].HiddenExpired
	}
	order.By(out.Secrets, func(a, b client.Secret) int { return strings.Compare(a.Name, b.Name) })
	out.Total = len(out.Secrets)
	if len(down.Missing) > 0 {
		return out, &down
	}
	return out, nil
}

// ofStore reports whether an error is what a store answered, or did not: not one of the vault, of a decision, or of who waits no longer.
func ofStore(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Origin == provider.Origin
}

// list returns what one store has, without what the caller may not see.
func (m *member) list(ctx context.Context, who keeper.Caller, r keeper.ListRequest) (client.List, error) {
	out := client.List{Secrets: []client.Secret{}}
	if err := m.cannotScope(keeper.Ref{Scope: r.Scope}); err != nil {
		if r.Provider == "" {
			err = nil // in the chain it has nothing of that scope
		}
		return out, err
	}
	var pattern name.Glob
	if r.Pattern != "" {
		var err error
		if pattern, err = name.ParseGlob(r.Pattern); err != nil {
			return out, err
		}
	}
	decided, err := m.chain.Decide(ctx, who, keeper.DecideRequest{Action: "list", Provider: m.spec.Name})
	if err != nil {
		return out, err
	}
	p, err := m.provider(ctx, who)
	if err == nil {
		err = m.offline(p)
	}
	if err != nil {
		return out, err
	}
	limited, stop := context.WithTimeout(ctx, m.spec.Timeout)
	defer stop()
	err = m.again(limited, func() error {
		out = client.List{Secrets: []client.Secret{}}
		return p.List(limited, func(item provider.Item) error {
			s := m.shape(item)
			switch {
			case name.Check(s.Name) != nil: // it could not be asked for
			case r.Pattern != "" && !pattern.Match(s.Name):
			case slices.ContainsFunc(r.Tags, func(t string) bool { return !slices.Contains(s.Tags, t) }):
			case s.State == "expired" && !r.IncludeExpired:
				out.HiddenExpired++
			default:
				out.Secrets = append(out.Secrets, s)
			}
			return nil
		})
	})
	if err != nil {
		return out, m.word(err)
	}
	if !decided.Everything {
		err = m.hide(ctx, who, &out)
	}
	return out, err
}

// hide takes out what the caller may not see.
func (m *member) hide(ctx context.Context, who keeper.Caller, l *client.List) error {
	seen := l.Secrets[:0]
	order.By(l.Secrets, func(a, b client.Secret) int { return strings.Compare(a.Name, b.Name) })
	l.Secrets = slices.CompactFunc(l.Secrets, func(a, b client.Secret) bool { return a.Name == b.Name })
	l.HiddenExpired = 0 // their names would have to be judged too
	for part := range slices.Chunk(l.Secrets, keeper.MaxExternal) {
		names := make([]string, len(part))
		for i, s := range part {
			names[i] = s.Name
		}
		d, err := m.chain.Decide(ctx, who, keeper.DecideRequest{Action: "list", Provider: m.spec.Name, Names: names})
		if err != nil {
			return err
		}
		for _, s := range part {
			if !slices.Contains(d.Denied, s.Name) {
				seen = append(seen, s)
			}
		}
	}
	l.Secrets = seen
	return nil
}

// Names implements [keeper.API]. As [Chain.List] it gives what there is before it says that something is missing.
func (c *Chain) Names(ctx context.Context, who keeper.Caller, r keeper.ListRequest, each func(string) error) error {
	if r.Provider == keeper.Local {
		return c.API.Names(ctx, who, r, each)
	}
	l, err := c.List(ctx, who, r)
	if part := (*Incomplete)(nil); err != nil && !errors.As(err, &part) {
		return err
	}
	last := ""
	for _, s := range l.Secrets {
		if s.Name == last {
			continue
		}
		if err := each(s.Name); err != nil {
			return err
		}
		last = s.Name
	}
	return err
}

// History implements [keeper.API]. What names no provider is the first secret of the chain that is there.
func (c *Chain) History(ctx context.Context, who keeper.Caller, r keeper.Ref) (client.History, error) {
	m, err := c.home(ctx, who, r)
	if err != nil {
		return client.History{}, err
	}
	if m.local() {
		r.Provider = keeper.Local
		return c.API.History(ctx, who, r)
	}
	p, err := m.provider(ctx, who)
	if err == nil {
		err = m.offline(p)
	}
	if err != nil {
		return client.History{}, err
	}
	v, ok := p.(provider.Versioner)
	if !ok {
		return client.History{}, provider.Errorf(fault.Invalid, m.spec.Name, "it keeps no older versions").About(r.Name)
	}
	out := client.History{Name: r.Name, Versions: []client.Version{}}
	err = m.decided(ctx, who, "read", r.Name, func() (int, error) {
		limited, stop := context.WithTimeout(ctx, m.spec.Timeout)
		defer stop()
		var items []provider.Item
		err := m.again(limited, func() (err error) {
			items, err = v.Versions(limited, r.Name)
			return err
		})
		for i, item := range items {
			s := m.shape(item)
			old := client.Version{Version: s.Version, State: "overlap", CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, StoreVersion: s.StoreVersion}
			switch {
			case s.State == "expired":
				old.State = "expired"
			case i == 0:
				old.State = "current"
			}
			out.Versions = append(out.Versions, old)
		}
		return 0, m.word(err)
	})
	out.Total = len(out.Versions)
	return out, err
}

// home returns the provider that has a secret: the one that is named, else the first of the chain.
func (c *Chain) home(ctx context.Context, who keeper.Caller, r keeper.Ref) (*member, error) {
	if r.Provider != "" || len(c.members) == 1 {
		return c.member(cmp.Or(r.Provider, keeper.Local))
	}
	shown, err := c.Show(ctx, who, keeper.Ref{Name: r.Name, Scope: r.Scope})
	if err != nil {
		return nil, err
	}
	return c.member(shown.Secret.Provider)
}

// Diff implements [keeper.API]. Of a store besides the vault it says whether the values differ.
func (c *Chain) Diff(ctx context.Context, who keeper.Caller, r keeper.Ref, a, b int) (client.Diff, error) {
	m, err := c.home(ctx, who, r)
	if err != nil {
		return client.Diff{}, err
	}
	if m.local() {
		r.Provider = keeper.Local
		return c.API.Diff(ctx, who, r, a, b)
	}
	r.Provider = m.spec.Name
	of := func(v int) keeper.GetRequest {
		own := r
		own.Version = v
		return keeper.GetRequest{Ref: own, IncludeExpired: true, Door: "diff"}
	}
	got := c.getAll(ctx, who, []keeper.GetRequest{of(a), of(b)})
	defer got[0].Value.Wipe()
	defer got[1].Value.Wipe()
	for _, x := range got {
		if x.Err != nil {
			return client.Diff{}, x.Err
		}
	}
	return client.Diff{
		Name: r.Name, A: got[0].Version, B: got[1].Version, Fields: []client.FieldDiff{},
		SameValue: subtle.ConstantTimeCompare(got[0].Value.Reveal(), got[1].Value.Reveal()) == 1,
	}, nil
}
