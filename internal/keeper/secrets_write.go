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
		s := &vault.Secret{Name: r.Name, Scope: scope}
		if err := r.allowed(tx.asker, record, old, s); err != nil {
			return record, err
		}
		if old != nil {
			if r.MustBeNew {
				return record, fault.New(fault.Exists, "%s already exists", r.Name).About(r.Name).WithFix("add --force to make a new version of it")
			}
			*s = *old
			s.From = 0
		} else if out.Shadows, err = shadows(tx, r.Ref, scope); err != nil {
			return record, err
		}
		if err := setExposure(s, old, r.Sealed, r.Service); err != nil {
			return record, err
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
		out.Secret, out.Created, out.Readiness = k.shape(s), old == nil, []client.Readiness{}
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
	} else if on.Tags, on.Sealed = r.Tags, r.Sealed != nil && *r.Sealed; r.Service != "" { // as it will be
		on.Pin = pin(r.Service)
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

// setExposure decides exposure and pin. They are fixed when a secret is created; asking for another later is a conflict.
func setExposure(s, old *vault.Secret, sealed *bool, service string) error {
	if old != nil {
		switch {
		case sealed != nil && *sealed != old.Sealed:
			return fault.New(fault.Conflict, "%s is %s", s.Name, old.Exposure()).About(s.Name).
				WithFix("change that with: tacit update %s --%s", s.Name, map[bool]string{true: "sealed", false: "readable"}[*sealed])
		case service != "" && pin(service) != old.Pin:
			return fault.New(fault.Conflict, "%s is pinned to %s; a pin cannot change", s.Name, orNone(old.Pin)).About(s.Name).
				WithFix("store it under another name")
		}
		return nil
	}
	wants := sealed != nil && *sealed
	switch {
	case wants && service == "":
		return fault.New(fault.Usage, "a sealed secret needs the service it may be sent to").About(s.Name).WithFix("add --service NAME")
	case !wants && service != "":
		return fault.New(fault.Usage, "only a sealed secret has a service").About(s.Name).WithFix("add --sealed")
	}
	if service != "" {
		if err := name.Check(service); err != nil {
			return err
		}
		s.Pin = pin(service)
	}
	s.Sealed = wants
	return nil
}

// pin returns the pin of a service. Until there is a registry every service is one of the user's own.
func pin(service string) string { return "own/" + service }

func orNone(s string) string {
	if s == "" {
		return "no service"
	}
	return s
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
		out = client.Rotated{Secret: k.shape(&s), OldVersion: old.Version, Readiness: []client.Readiness{}}
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

// Update changes metadata.
func (k *Keeper) Update(ctx context.Context, c Caller, r UpdateRequest) (out client.Changed, err error) {
	err = k.modify(ctx, c, "write", r.Ref, r.needs(), func(tx *change, old *vault.Secret, record *decision) (*vault.Secret, error) {
		s := *old
		if err := r.metadata(&s); err != nil {
			return nil, err
		}
		if err := tx.allowAliases(record, policyObject(&s), r.AddAliases); err != nil {
			return nil, err
		}
		after := &s
		if r.Seal {
			record.Reason = "sealed"
			if after, err = k.seal(tx.Tx, old, &s, r.Service); err != nil {
				return nil, err
			}
		} else if r.Service != "" {
			return nil, fault.New(fault.Usage, "a pin cannot change").About(s.Name).WithFix("store the secret under another name")
		} else if err := tx.SetMetadata(old, &s); err != nil {
			return nil, err
		}
		out = client.Changed{Secret: k.shape(after), Changed: changedFields(k, old, after), Readiness: []client.Readiness{}}
		return after, nil
	})
	return out, err
}

// seal makes a readable secret sealed, with its metadata as s has it.
func (k *Keeper) seal(tx *vault.Tx, old, s *vault.Secret, service string) (*vault.Secret, error) {
	if old.Sealed {
		return s, tx.SetMetadata(old, s)
	}
	want := pin(service)
	switch {
	case service == "" && old.Pin == "":
		return nil, fault.New(fault.Usage, "a sealed secret needs the service it may be sent to").About(s.Name).WithFix("add --service NAME")
	case service == "":
		want = old.Pin
	case old.Pin != "" && want != old.Pin:
		return nil, fault.New(fault.Conflict, "%s is pinned to %s; a pin cannot change", s.Name, old.Pin).About(s.Name).WithFix("store it under another name")
	default:
		if err := name.Check(service); err != nil {
			return nil, err
		}
	}
	if err := tx.SetMetadata(old, s); err != nil {
		return nil, err
	}
	return tx.SetExposure(s, true, want)
}

// needs are the actions that the request takes: admin for what policies look at, write for the rest.
func (r *UpdateRequest) needs() (needs []policy.Action) {
	if len(r.AddAliases)+len(r.AddTags)+len(r.RemoveTags)+len(r.AttachGroups)+len(r.DetachGroups) > 0 || r.ClearAliases || r.Seal || r.Service != "" {
		needs = append(needs, policy.Admin)
	}
	if r.ExpiresAt != nil || r.NoExpiry || r.RotateEvery != nil || r.NoRotation || r.Note != nil || r.OwnedBy != nil || len(needs) == 0 {
		needs = append(needs, policy.Write)
	}
	return needs
}

func (r *UpdateRequest) metadata(s *vault.Secret) error {
	if r.ClearAliases {
		s.Aliases = nil
	}
	s.Aliases = union(s.Aliases, r.AddAliases)
	s.Tags = slices.DeleteFunc(union(s.Tags, r.AddTags), func(t string) bool { return slices.Contains(r.RemoveTags, t) })
	switch {
	case r.NoExpiry:
		s.ExpiresAt = 0
	case r.ExpiresAt != nil:
		s.ExpiresAt = vault.MillisOf(r.ExpiresAt)
	}
	switch {
	case r.NoRotation:
		s.RotateEvery = 0
	case r.RotateEvery != nil:
		s.RotateEvery = int64(*r.RotateEvery / time.Second)
	}
	if r.Note != nil {
		s.Note = *r.Note
	}
	if r.OwnedBy != nil {
		s.OwnedBy = *r.OwnedBy
	}
	return r.groups(s)
}

// groups attaches and detaches: only groups of the secret's own workspace.
func (r *UpdateRequest) groups(s *vault.Secret) error {
	workspace, _ := s.Scope.Parts()
	path := func(group string) (string, error) {
		if workspace == "" {
			return "", fault.New(fault.Usage, "%s is in scope %s, which has no groups", s.Name, s.Scope).About(s.Name).
				WithFix("only a secret of a workspace can be attached to its groups: tacit set %s --workspace W", s.Name)
		}
		scope, err := name.Workspace(workspace, group)
		if err == nil && scope == s.Scope {
			return "", fault.New(fault.Conflict, "%s lives in group %s", s.Name, group).About(s.Name)
		}
		return workspace + "/" + group, err
	}
	for _, g := range r.AttachGroups {
		p, err := path(g)
		if err != nil {
			return err
		}
		s.Groups = union(s.Groups, []string{p})
	}
	for _, g := range r.DetachGroups {
		p, err := path(g)
		if err != nil {
			return err
		}
		s.Groups = slices.DeleteFunc(slices.Clone(s.Groups), func(e string) bool { return e == p })
	}
	return nil
}

// Unseal makes a sealed secret readable; every version is encrypted anew.
func (k *Keeper) Unseal(ctx context.Context, c Caller, r Ref) (out client.Changed, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	err = k.modify(ctx, c, "admin", r, []policy.Action{policy.Admin}, func(tx *change, old *vault.Secret, record *decision) (*vault.Secret, error) {
		record.Reason = "made readable"
		s := old
		out = client.Changed{Changed: []string{}, Readiness: []client.Readiness{}}
		if old.Sealed {
			if s, err = tx.SetExposure(old, false, old.Pin); err != nil {
				return nil, err
			}
			out.Changed = []string{"exposure"}
		}
		out.Secret = k.shape(s)
		return s, nil
	})
	return out, err
}

// Move renames a secret within its scope.
func (k *Keeper) Move(ctx context.Context, c Caller, r Ref, to string) (out client.Changed, err error) {
	if err := name.Check(to); err != nil {
		return out, err
	}
	err = k.modify(ctx, c, "write", r, []policy.Action{policy.Admin}, func(tx *change, old *vault.Secret, record *decision) (*vault.Secret, error) {
		s := *old
		s.Name = to
		if err := tx.allow(record, policyObject(&s), to, policy.Admin); err != nil {
			return nil, err
		}
		s.Aliases = slices.DeleteFunc(slices.Clone(s.Aliases), func(a string) bool { return a == to })
		record.Reason = "renamed to " + to
		if err := tx.SetMetadata(old, &s); err != nil {
			return nil, err
		}
		out = client.Changed{Secret: k.shape(&s), Changed: []string{"name"}, Readiness: []client.Readiness{}}
		return &s, nil
	})
	return out, err
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

// Remove removes secrets with all their versions, all or none.
func (k *Keeper) Remove(ctx context.Context, c Caller, r RemoveRequest) (out client.Removed, err error) {
	for _, n := range r.Names {
		if err := checkRef(Ref{Name: n, Provider: r.Provider}); err != nil {
			return out, err
		}
	}
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		out = client.Removed{Removed: []client.RemovedSecret{}, CredentialsRemoved: []string{}}
		record := decide(audit.Record{Action: "delete"})
		for i, n := range r.Names {
			one := decide(audit.Record{Action: record.Action, Object: named(Ref{Name: n, Scope: r.Scope})})
			s, _, err := tx.find(&tx.Reader, one, Ref{Name: n, Scope: r.Scope}, policy.Delete)
			if err != nil {
				return one, err
			}
			if i == 0 {
				record = one
			} else {
				record.more = append(record.more, one.Object)
			}
			if err := tx.Remove(s); err != nil {
				return record, err
			}
			out.Removed = append(out.Removed, client.RemovedSecret{Name: s.Name, Provider: Local, Scope: string(s.Scope), Versions: s.Versions})
		}
		out.Total = len(out.Removed)
		return record, nil
	})
	return out, err
}

// Purge destroys old versions.
func (k *Keeper) Purge(ctx context.Context, c Caller, r Ref, versions []int) (out client.Purged, err error) {
	err = k.modify(ctx, c, "delete", r, []policy.Action{policy.Delete}, func(tx *change, old *vault.Secret, record *decision) (*vault.Secret, error) {
		out = client.Purged{Name: old.Name, Purged: []int{}}
		for i, n := range versions {
			v, err := versionOf(&tx.Reader, old, n)
			if err != nil {
				return nil, err
			}
			if err := tx.Purge(old, v.Version); err != nil {
				return nil, err
			}
			if o := object(old, v.Version); i == 0 {
				record.Object = o
			} else {
				record.more = append(record.more, o)
			}
			out.Purged = append(out.Purged, v.Version)
		}
		out.Total = len(out.Purged)
		s := *old
		s.Version = record.Object.Version
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
