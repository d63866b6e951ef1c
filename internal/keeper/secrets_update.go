package keeper

import (
	"context"
	"slices"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

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
			if after, err = k.seal(tx, old, &s, r.Service); err != nil {
				return nil, tx.hiding(record, err)
			}
		} else if err := k.keepsPin(tx, old, r.Service); err != nil {
			return nil, err
		} else if err := tx.SetMetadata(old, &s); err != nil {
			return nil, err
		}
		out = client.Changed{Secret: k.shape(after), Changed: changedFields(k, old, after), Readiness: []client.Readiness{}}
		if old.Sealed == after.Sealed {
			return after, nil
		}
		b, err := k.brokerage(&tx.Reader)
		if err == nil {
			out.Readiness, err = k.readiness(&tx.Reader, b, after)
		}
		return after, err
	})
	return out, err
}

// seal makes a readable secret sealed, with its metadata as s has it.
func (k *Keeper) seal(tx *change, old, s *vault.Secret, service string) (*vault.Secret, error) {
	if old.Sealed {
		if err := k.keepsPin(tx, old, service); err != nil {
			return nil, err
		}
		return s, tx.SetMetadata(old, s)
	}
	b, err := k.brokerage(&tx.Reader)
	if err != nil {
		return nil, err
	}
	want := old.Pin
	if want == "" {
		sealed, as := true, vault.Secret{Name: s.Name}
		if err := expose(b.catalog, &as, &sealed, service); err != nil {
			return nil, err
		}
		want = as.Pin
	} else if err := keepsExposure(b.catalog, old, nil, service); err != nil {
		return nil, err
	}
	if err := tx.SetMetadata(old, s); err != nil {
		return nil, err
	}
	return tx.SetExposure(s, true, want)
}

// keepsPin refuses a service that is not the one that the secret is pinned to already.
func (k *Keeper) keepsPin(tx *change, old *vault.Secret, service string) error {
	if service == "" {
		return nil
	}
	b, err := k.brokerage(&tx.Reader)
	if err != nil {
		return err
	}
	return keepsExposure(b.catalog, old, nil, service)
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
