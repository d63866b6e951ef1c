package keeper

import (
	"cmp"
	"context"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

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
		forget, err := k.forgets(tx)
		if err != nil {
			return nil, err
		}
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
				record.unenforced = cmp.Or(record.unenforced, one.unenforced)
			}
			if err := tx.Remove(s); err != nil {
				return record, err
			}
			if err := forget.secret(s); err != nil {
				return record, err
			}
			out.Removed = append(out.Removed, client.RemovedSecret{Name: s.Name, Provider: Local, Scope: string(s.Scope), Versions: s.Versions})
		}
		out.Total = len(out.Removed)
		out.CredentialsRemoved = append(out.CredentialsRemoved, forget.removed...)
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
