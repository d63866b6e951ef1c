package keeper

import (
	"context"
	"errors"
	"slices"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/generate"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// Set creates a secret, or adds a version to the one of that name in the scope it would be created in.
func (k *Keeper) Set(ctx context.Context, c Caller, r SetRequest) (out Written, err error) {
	if err := checkRef(r.Ref); err != nil {
		return Written{}, err
	}
	value, err := k.value(r.Value, r.Generate)
	if err != nil {
		return Written{}, err
	}
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		out = Written{}
		record := decide(audit.Record{Action: "write", Object: named(r.Ref)})
		scope, err := home(tx.Caller, r.Scope)
		if errors.Is(err, fault.Denied) {
			return record, err
		}
		if err != nil {
			return nil, err
		}
		old, err := tx.InScope(scope, r.Name)
		if err != nil {
			return record, err
		}
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return record, err
		}
		s := &vault.Secret{Name: r.Name, Scope: scope}
		if old == nil {
			if err := expose(b.catalog, s, r.Sealed, r.Service); err != nil {
				return record, tx.hiding(record, err)
			}
		}
		if err := r.allowed(tx.asker, record, old, s); err != nil {
			return record, err
		}
		if old != nil {
			if r.MustBeNew {
				return record, fault.New(fault.Exists, "%s already exists", r.Name).About(r.Name).WithFix("add --force to make a new version of it")
			}
			if err := keepsExposure(b.catalog, old, r.Sealed, r.Service); err != nil {
				return record, err
			}
			*s = *old
			s.From = 0
		} else if out.Shadows, err = shadows(tx, r.Ref, scope); err != nil {
			return record, err
		}
		if r.Reveal && s.Sealed { // before anything is made that nobody would have seen (I11)
			return record, fault.New(fault.Sealed, "%s is sealed: its value is not shown, not even when it is made", r.Name).About(r.Name).
				WithFix("leave --print out")
		}
		r.metadata(s)
		s.Via, s.Principal = vault.Via(r.Via), tx.Principal
		if old == nil {
			err = tx.Create(s, value.Reveal())
		} else {
			if r.ExpiresAt == nil {
				s.ExpiresAt = 0 // the old value's end is not the new one's
			}
			err = tx.AddVersion(old, s, value.Reveal(), 0)
		}
		if err != nil {
			return record, err
		}
		record.Object = object(s, s.Version)
		out.Secret, out.Created = k.shape(s), old == nil
		if out.Readiness, err = k.readiness(&tx.Reader, b, s); err != nil {
			return record, err
		}
		out.Changed.Changed = changedFields(k, old, s)
		return record, nil
	})
	if err != nil {
		return Written{}, err
	}
	if r.Reveal {
		out.Value = value
	}
	return out, nil
}

// allowed asks policy about a new version of old, or about the new secret s where old is nil. Write is a new version, note, owner and
// expiry; what policies look at takes admin too.
func (r *SetRequest) allowed(a *asker, d *decision, old, s *vault.Secret) error {
	on := policyObject(s)
	if old != nil {
		on = policyObject(old)
	} else {
		on.Tags = r.Tags // as it will be
	}
	needs := []policy.Action{policy.Write}
	if len(r.Tags) > 0 || len(r.Aliases) > 0 || r.Sealed != nil || r.Service != "" {
		needs = append(needs, policy.Admin)
	}
	if err := a.allowAll(d, on, r.Name, needs...); err != nil {
		return err
	}
	return a.allowAliases(d, on, r.Aliases)
}

// allowAliases asks policy about each alias that a secret is to have, as if it were the secret's name: who may not give it that name may
// not give it that alias, with which it would answer in the place of another secret.
func (a *asker) allowAliases(d *decision, o policy.Object, aliases []string) error {
	for _, alias := range aliases {
		if err := name.Check(alias); err != nil {
			return err
		}
		o.Name = alias
		if err := a.allow(d, o, alias, policy.Admin); err != nil {
			return err
		}
	}
	return nil
}

// value returns the value of a request, generated if it asks for that.
func (k *Keeper) value(given secret.Value, g *Generate) (secret.Value, error) {
	if g == nil {
		return given, nil
	}
	return generate.Value(k.opts.Random, g.Kind, g.Length)
}

// metadata applies what the request sets.
func (r *SetRequest) metadata(s *vault.Secret) {
	s.Tags = union(s.Tags, r.Tags)
	s.Aliases = union(s.Aliases, r.Aliases)
	if r.ExpiresAt != nil {
		s.ExpiresAt = vault.MillisOf(r.ExpiresAt)
	}
	if r.RotateEvery != nil {
		s.RotateEvery = int64(*r.RotateEvery / time.Second)
	}
	if r.Note != nil {
		s.Note = *r.Note
	}
	if r.OwnedBy != nil {
		s.OwnedBy = *r.OwnedBy
	}
}

// shadows returns the wider scope in which the caller saw the name until now.
func shadows(tx *change, r Ref, at name.Scope) (*string, error) {
	in, err := scopes(tx.Caller, "")
	if err != nil {
		return nil, err
	}
	i := slices.Index(in, at)
	for _, scope := range in[i+1:] {
		s, err := tx.InScope(scope, r.Name)
		if err != nil {
			return nil, err
		}
		if s != nil && tx.sees(s) {
			return optional(string(scope)), nil
		}
	}
	return nil, nil
}

// changedFields names what differs between two states of a secret; old is nil for a new one.
func changedFields(k *Keeper, old, s *vault.Secret) []string {
	out := []string{}
	if old == nil || old.Version != s.Version {
		out = append(out, "value")
	}
	if old == nil {
		return out
	}
	for _, f := range k.fields(old, s) {
		out = append(out, f.Field)
	}
	if old.Sealed != s.Sealed {
		out = append(out, "exposure")
	}
	return out
}

// Rotate adds a version; the old one stays valid for the overlap, or ends now.
func (k *Keeper) Rotate(ctx context.Context, c Caller, r RotateRequest) (out client.Rotated, err error) {
	if err := checkRef(r.Ref); err != nil {
		return out, err
	}
	value, err := k.value(r.Value, r.Generate)
	if err != nil {
		return out, err
	}
	defer value.Wipe()
	needs := policy.Write
	if r.Generate != nil {
		needs = policy.Rotate
	}
	err = k.modify(ctx, c, "rotate", r.Ref, []policy.Action{needs}, func(tx *change, old *vault.Secret, _ *decision) (*vault.Secret, error) {
		now := k.opts.Now()
		end := vault.Millis(now.UnixMilli())
		if !r.ExpireOld {
			end = vault.Millis(now.Add(r.Overlap).UnixMilli())
		}
		s := *old
		s.Via, s.Principal, s.From, s.ExpiresAt = vault.ViaRotate, tx.Principal, 0, 0
		if err := tx.AddVersion(old, &s, value.Reveal(), end); err != nil {
			return nil, err
		}
		b, err := k.brokerage(&tx.Reader)
		if err != nil {
			return nil, err
		}
		out = client.Rotated{Secret: k.shape(&s), OldVersion: old.Version}
		if out.Readiness, err = k.readiness(&tx.Reader, b, &s); err != nil {
			return nil, err
		}
		if !r.ExpireOld {
			out.OldValidUntil = end.Ptr()
		}
		return &s, nil
	})
	return out, err
}

// modify changes one existing secret: it finds it, for callers who may do everything that needs lists, calls fn, and records action
// about what fn returns.
func (k *Keeper) modify(ctx context.Context, c Caller, action string, r Ref, needs []policy.Action, fn func(tx *change, old *vault.Secret, record *decision) (*vault.Secret, error)) error {
	if err := checkRef(r); err != nil {
		return err
	}
	return k.change(ctx, c, func(tx *change) (*decision, error) {
		record := decide(audit.Record{Action: action, Object: named(r)})
		old, _, err := tx.find(&tx.Reader, record, Ref{Name: r.Name, Scope: r.Scope}, needs[0])
		if err == nil {
			err = tx.allowAll(record, policyObject(old), r.Name, needs[1:]...)
		}
		if err != nil {
			return record, err
		}
		before := *old
		s, err := fn(tx, &before, record)
		if err != nil {
			return record, err
		}
		record.Object.Version = s.Version
		return record, nil
	})
}

// Rollback makes an older version's value the current one again, as a new version.
func (k *Keeper) Rollback(ctx context.Context, c Caller, r Ref) (out client.Changed, err error) {
	err = k.modify(ctx, c, "write", r, []policy.Action{policy.Write}, func(tx *change, old *vault.Secret, _ *decision) (*vault.Secret, error) {
		from, err := versionOf(&tx.Reader, old, r.Version)
		if err != nil {
			return nil, err
		}
		if from.Version == old.Version {
			return nil, fault.New(fault.Conflict, "version %d of %s is the current one", from.Version, old.Name).About(old.Name).WithFix("tacit history %s", old.Name)
		}
		value, err := tx.Value(from)
		if err != nil {
			return nil, err
		}
		defer clear(value)
		s := *old
		s.Via, s.Principal, s.From, s.ExpiresAt = vault.ViaRollback, tx.Principal, from.Version, from.ExpiresAt
		if err := tx.AddVersion(old, &s, value, 0); err != nil {
			return nil, err
		}
		out = client.Changed{Secret: k.shape(&s), Changed: []string{"value"}, Readiness: []client.Readiness{}}
		return &s, nil
	})
	return out, err
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
