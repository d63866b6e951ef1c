package keeper

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/policy"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// Get returns a value. Sealed secrets are refused (I11), expired versions too unless the request says otherwise.
func (k *Keeper) Get(ctx context.Context, c Caller, r GetRequest) (out Read, err error) {
	if err := checkRef(r.Ref); err != nil {
		return Read{}, err
	}
	err = k.read(ctx, c, func(v *query) (d *decision, err error) {
		d, out, err = k.reveal(v, r)
		return d, err
	})
	if err != nil {
		out.Value.Wipe()
		return Read{}, err
	}
	return out, nil
}

// reveal is Get in one state of the vault.
func (k *Keeper) reveal(v *query, r GetRequest) (*decision, Read, error) {
	record := decide(audit.Record{Action: "read", Object: named(r.Ref)})
	s, version, err := v.find(v.Reader, record, r.Ref, policy.Read)
	if err != nil {
		return record, Read{}, err
	}
	if s.Sealed {
		return record, Read{}, fault.New(fault.Sealed, "%s is sealed: it can be used, but not shown", s.Name).About(s.Name).
			WithFix("the owner can make it readable: tacit update %s --readable", s.Name)
	}
	if !r.IncludeExpired && version.Expired(k.opts.Now()) {
		return record, Read{}, expired(s, version)
	}
	value, err := v.Value(version)
	if err != nil {
		return record, Read{}, err
	}
	if r.Field != "" {
		whole := value
		value, err = Field(s.Name, whole, r.Field)
		clear(whole)
		if err != nil {
			return record, Read{}, err
		}
	}
	return record, Read{Secret: k.shape(s), Version: version.Version, Field: r.Field, Value: secret.New(value)}, nil
}

func expired(s, version *vault.Secret) error {
	f := fault.New(fault.Expired, "%s@%d has expired", s.Name, version.Version).About(s.Name)
	if version.Version != s.Version {
		return f.WithFix("use the current version: tacit get %s", s.Name)
	}
	return f.WithFix("tacit rotate %s, or read it all the same with --include-expired", s.Name)
}

// prefixOf shortens a name to what a list of likely ones would begin with.
func prefixOf(n string) string {
	if i := strings.LastIndexAny(n, "/._-"); i > 0 {
		return n[:i]
	}
	return n[:min(len(n), 2)]
}

// Show returns what a card shows: no character of a sealed value, and of a readable one at most the last three.
func (k *Keeper) Show(ctx context.Context, c Caller, r Ref) (out Shown, err error) {
	if err := checkRef(r); err != nil {
		return Shown{}, err
	}
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		record := decide(audit.Record{Action: "list", Object: named(r)})
		s, version, err := v.find(v.Reader, record, r, policy.List, policy.Read)
		if err != nil {
			return record, err
		}
		out.Secret = k.shape(version)
		out.Secret.Versions = s.Versions
		if s.Sealed || !v.decide(policy.Read, policyObject(s)).Allow {
			return record, nil
		}
		value, err := v.Value(version)
		if err != nil {
			return record, err
		}
		defer clear(value)
		out.Masked = Mask(value)
		return record, nil
	})
	return out, err
}

const stars = "********"

// Mask returns eight stars and the last three characters of a value of 16 bytes or more; nil for a shorter one.
func Mask(value []byte) *string {
	if len(value) < 16 {
		return nil
	}
	tail := []rune(strings.TrimRight(strings.ToValidUTF8(string(value), "?"), "\r\n"))
	m := stars + string(tail[max(0, len(tail)-3):])
	return &m
}

// List returns the metadata of the secrets that r selects, by name.
func (k *Keeper) List(ctx context.Context, c Caller, r ListRequest) (client.List, error) {
	out := client.List{Secrets: []client.Secret{}}
	hidden, err := selected(ctx, k, c, r, k.shape, func(s client.Secret) { out.Secrets = append(out.Secrets, s) })
	sort.Slice(out.Secrets, func(i, j int) bool { // see package order; the scopes of one name differ
		a, b := &out.Secrets[i], &out.Secrets[j]
		return a.Name < b.Name || a.Name == b.Name && a.Scope < b.Scope
	})
	out.Total, out.HiddenExpired = len(out.Secrets), hidden
	return out, err
}

// Names calls each with the names that r selects, sorted.
func (k *Keeper) Names(ctx context.Context, c Caller, r ListRequest, each func(string) error) error {
	var names []string
	if _, err := selected(ctx, k, c, r, func(s *vault.Secret) string { return s.Name }, func(n string) { names = append(names, n) }); err != nil {
		return err
	}
	ctx, stop := k.whileAllowed(ctx, c, func(*asker) error { return nil })
	defer stop()
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := each(n); err != nil {
			return err
		}
	}
	return nil
}

// selected calls take with what each of the secrets that r selects becomes through as, which runs in several goroutines. It returns
// how many were left out because they expired.
func selected[T any](ctx context.Context, k *Keeper, c Caller, r ListRequest, as func(*vault.Secret) T, take func(T)) (hidden int, err error) {
	now := k.opts.Now()
	var expired atomic.Int64
	var unpermitted atomic.Bool // something is listed that policy would hide
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		record := decide(audit.Record{Action: "list", Object: audit.Object{Kind: "vault", Name: r.Pattern, Scope: r.Scope}})
		selects, err := selector(v.Caller, r)
		if errors.Is(err, fault.Denied) {
			return record, err
		}
		if err != nil {
			return nil, err
		}
		expired.Store(0)
		err = vault.Select(v.Reader, func(s *vault.Secret) (t T, ok bool) {
			if !selects(s) {
				return t, false
			}
			if !v.sees(s) {
				if !v.lenient(policy.List) {
					return t, false
				}
				unpermitted.Store(true)
			}
			if !r.IncludeExpired && s.Expired(now) {
				expired.Add(1)
				return t, false
			}
			return as(s), true
		}, func(t T) error {
			take(t)
			return nil
		})
		if unpermitted.Load() {
			record.unenforced = "no rule lets some of them be listed"
		}
		return record, err
	})
	return int(expired.Load()), err
}

// selector returns what r selects for the caller: without a scope the secrets of every scope that the caller is in.
func selector(c Caller, r ListRequest) (func(*vault.Secret) bool, error) {
	if r.Provider != "" && r.Provider != Local {
		return nil, checkRef(Ref{Name: "x", Provider: r.Provider})
	}
	in, err := scopes(c, r.Scope)
	if err != nil {
		return nil, err
	}
	pattern := name.Glob{}
	if r.Pattern != "" {
		if pattern, err = name.ParseGlob(r.Pattern); err != nil {
			return nil, err
		}
	}
	return func(s *vault.Secret) bool {
		if !(r.AllScopes && c.Owner) && !slices.ContainsFunc(in, s.VisibleIn) {
			return false
		}
		if r.Pattern != "" && !pattern.Match(s.Name) && !slices.ContainsFunc(s.Aliases, pattern.Match) {
			return false
		}
		for _, t := range r.Tags {
			if !slices.Contains(s.Tags, t) {
				return false
			}
		}
		return true
	}, nil
}

// History returns every version that still has its value.
func (k *Keeper) History(ctx context.Context, c Caller, r Ref) (client.History, error) {
	out := client.History{Versions: []client.Version{}}
	err := k.inspect(ctx, c, r, []policy.Action{policy.List, policy.Read}, func(v *vault.Reader, s *vault.Secret) error {
		out.Name = s.Name
		all, err := v.History(s)
		for _, old := range all {
			out.Versions = append(out.Versions, k.version(s, old))
		}
		out.Total = len(all)
		return err
	})
	return out, err
}

func (k *Keeper) version(s, old *vault.Secret) client.Version {
	out := client.Version{
		Version: old.Version, State: "overlap", Via: string(old.Via), Principal: old.Principal,
		CreatedAt: old.MadeAt.Time(), ValidUntil: old.ValidTo.Ptr(), ExpiresAt: old.ExpiresAt.Ptr(),
	}
	if old.From != 0 {
		out.FromVersion = &old.From
	}
	switch {
	case old.Expired(k.opts.Now()):
		out.State = "expired"
	case old.Version == s.Version:
		out.State = "current"
	}
	return out
}

// inspect calls fn with the secret that r names, for methods that show metadata only, to callers who may do one of the actions.
func (k *Keeper) inspect(ctx context.Context, c Caller, r Ref, actions []policy.Action, fn func(*vault.Reader, *vault.Secret) error) error {
	if err := checkRef(r); err != nil {
		return err
	}
	return k.read(ctx, c, func(v *query) (*decision, error) {
		record := decide(audit.Record{Action: "list", Object: named(r)})
		s, _, err := v.find(v.Reader, record, Ref{Name: r.Name, Scope: r.Scope}, actions...)
		if err != nil {
			return record, err
		}
		return record, fn(v.Reader, s)
	})
}

// Diff compares two versions: which metadata differs, and whether the value does. It shows no value.
func (k *Keeper) Diff(ctx context.Context, c Caller, r Ref, a, b int) (out client.Diff, err error) {
	err = k.inspect(ctx, c, r, []policy.Action{policy.Read}, func(v *vault.Reader, s *vault.Secret) error {
		va, err := versionOf(v, s, a)
		if err != nil {
			return err
		}
		vb, err := versionOf(v, s, b)
		if err != nil {
			return err
		}
		x, err := v.Value(va)
		if err != nil {
			return err
		}
		defer clear(x)
		y, err := v.Value(vb)
		if err != nil {
			return err
		}
		defer clear(y)
		out = client.Diff{Name: s.Name, A: va.Version, B: vb.Version, SameValue: subtle.ConstantTimeCompare(x, y) == 1, Fields: k.fields(va, vb)}
		return nil
	})
	return out, err
}

func versionOf(v *vault.Reader, s *vault.Secret, n int) (*vault.Secret, error) {
	switch n {
	case 0:
		return s, nil
	case Previous:
		return v.Previous(s)
	}
	return v.Version(s, n)
}

// fields lists the metadata in which two versions differ.
func (k *Keeper) fields(a, b *vault.Secret) []client.FieldDiff {
	x, y := k.shape(a), k.shape(b)
	out := []client.FieldDiff{}
	add := func(field string, same bool, a, b any) {
		if !same {
			out = append(out, client.FieldDiff{Field: field, A: a, B: b})
		}
	}
	same := func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
	add("name", x.Name == y.Name, x.Name, y.Name)
	add("tags", slices.Equal(x.Tags, y.Tags), x.Tags, y.Tags)
	add("aliases", slices.Equal(x.Aliases, y.Aliases), x.Aliases, y.Aliases)
	add("groups", slices.Equal(x.Groups, y.Groups), x.Groups, y.Groups)
	add("owner", same(x.Owner, y.Owner), x.Owner, y.Owner)
	add("note", same(x.Note, y.Note), x.Note, y.Note)
	add("expires_at", a.ExpiresAt == b.ExpiresAt, x.ExpiresAt, y.ExpiresAt)
	add("rotate_every", same(x.RotateEvery, y.RotateEvery), x.RotateEvery, y.RotateEvery)
	return out
}

// Due returns what expires or should be rotated within the time, most urgent first.
func (k *Keeper) Due(ctx context.Context, c Caller, within time.Duration) (client.Due, error) {
	out := client.Due{Secrets: []client.DueSecret{}}
	now := k.opts.Now()
	add := func(s *vault.Secret, reason string, at time.Time) {
		if at.Sub(now) > within {
			return
		}
		overdue := !at.After(now)
		if overdue {
			out.Overdue++
		}
		out.Secrets = append(out.Secrets, client.DueSecret{
			Name: s.Name, Scope: string(s.Scope), Provider: Local, Version: s.Version, Owner: optional(s.OwnedBy), Reason: reason, DueAt: at, Overdue: overdue,
		})
	}
	_, err := selected(ctx, k, c, ListRequest{AllScopes: c.Owner, IncludeExpired: true}, (*vault.Secret).Clone, func(s *vault.Secret) {
		if s.ExpiresAt != 0 {
			add(s, "expires", s.ExpiresAt.Time())
		}
		if at, ok := s.DueAt(); ok {
			add(s, "rotation", at)
		}
	})
	order.By(out.Secrets, func(a, b client.DueSecret) int { return a.DueAt.Compare(b.DueAt) })
	out.Total = len(out.Secrets)
	return out, err
}
