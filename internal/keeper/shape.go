package keeper

import (
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/vault"
	"tacit/internal/when"
)

// expiringSoon is how long before its end a secret's state is "expiring".
const expiringSoon = 14 * 24 * time.Hour

// shape returns the metadata of a secret as doors show it.
func (k *Keeper) shape(s *vault.Secret) client.Secret {
	out := client.Secret{
		ID: s.ID.String(), Name: s.Name, Provider: Local, Scope: string(s.Scope), Version: s.Version, Versions: s.Versions,
		State: k.state(s), Exposure: s.Exposure(), Pin: optional(s.Pin),
		Tags: orEmpty(s.Tags), Aliases: orEmpty(s.Aliases), Groups: orEmpty(s.Groups),
		Owner: optional(s.OwnedBy), Note: optional(s.Note),
		CreatedAt: s.CreatedAt.Time(), UpdatedAt: s.UpdatedAt.Time(), ExpiresAt: s.ExpiresAt.Ptr(),
	}
	if s.RotateEvery != 0 {
		out.RotateEvery = optional(when.Format(time.Duration(s.RotateEvery) * time.Second))
	}
	return out
}

func (k *Keeper) state(s *vault.Secret) string {
	now := k.opts.Now()
	switch {
	case s.Expired(now):
		return "expired"
	case s.ExpiresAt != 0 && s.ExpiresAt.Time().Sub(now) <= expiringSoon:
		return "expiring"
	}
	return "active"
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// orEmpty returns a copy of list that is not nil.
func orEmpty(list []string) []string { return append([]string{}, list...) }

// object is what a record says about a secret.
func object(s *vault.Secret, version int) audit.Object {
	return audit.Object{Kind: "secret", ID: s.ID.String(), Name: s.Name, Version: version, Scope: string(s.Scope)}
}

// named is what a record says about a secret that was not found.
func named(r Ref) audit.Object {
	o := audit.Object{Kind: "secret", Name: r.Name, Scope: r.Scope}
	if r.Version > 0 {
		o.Version = r.Version
	}
	return o
}
