package chain

import (
	"strconv"
	"time"

	"tacit/client"
	"tacit/internal/name"
	"tacit/internal/provider"
)

// expiringSoon is how long before its end a secret's state is "expiring", as in the vault.
const expiringSoon = 14 * 24 * time.Hour

// shape returns what a store says about a secret as doors show it.
func (m *member) shape(item provider.Item) client.Secret {
	s := client.Secret{
		Name: item.Name, Provider: m.spec.Name, Scope: string(name.Global), Version: number(item.Version), State: "active", Exposure: "readable",
		Tags: append([]string{}, item.Tags...), Aliases: []string{}, Groups: []string{}, CreatedAt: item.CreatedAt.UTC(), UpdatedAt: item.UpdatedAt.UTC(),
	}
	if item.Version != "" {
		s.StoreVersion = &item.Version
	}
	if !item.ExpiresAt.IsZero() {
		at := item.ExpiresAt.UTC()
		s.ExpiresAt = &at
		switch left := at.Sub(m.chain.opts.World.Now()); {
		case left <= 0:
			s.State = "expired"
		case left <= expiringSoon:
			s.State = "expiring"
		}
	}
	return s
}

// number returns the version that a store's word for it is, when it is a number; else 0.
func number(version string) int {
	n, err := strconv.ParseUint(version, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != version {
		return 0
	}
	return int(n)
}
