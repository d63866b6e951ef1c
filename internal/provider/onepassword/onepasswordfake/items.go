// Package onepasswordfake is what the fakes of 1Password keep: the items of one vault. The fake of a Connect server is in the tests of
// package onepassword, that of op in the folder op here: it is a program of its own because op is one.
package onepasswordfake

import (
	"crypto/rand"
	"slices"
	"strings"

	"tacit/internal/provider/providertest"
)

// The vault, and who may use it.
const (
	VaultID   = "hfnjvi6aymbsnfc2xeeoheizda"
	VaultName = "Servers"
	Token     = "token-of-the-connect-server"
)

// Items are the items of the vault, as their JSON.
type Items struct{ Items []map[string]any }

// NewID returns an identifier as 1Password makes them.
func NewID() string { return strings.ToLower(rand.Text())[:26] }

// Overviews returns the items whose titles are wanted, without their fields, as lists have them.
func (k *Items) Overviews(wanted func(title string) bool) []map[string]any {
	all := []map[string]any{}
	for _, it := range k.Items {
		if title, _ := it["title"].(string); !wanted(title) {
			continue
		}
		short := map[string]any{}
		for member, v := range it {
			if member != "fields" {
				short[member] = v
			}
		}
		all = append(all, short)
	}
	return all
}

// Index returns the place of an item; -1 if there is none.
func (k *Items) Index(id string) int {
	return slices.IndexFunc(k.Items, func(it map[string]any) bool { return it["id"] == id })
}

// Add makes an item.
func (k *Items) Add(it map[string]any) map[string]any {
	it["id"], it["version"], it["vault"] = NewID(), 1, map[string]any{"id": VaultID, "name": VaultName}
	it["createdAt"], it["updatedAt"] = "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"
	k.Items = append(k.Items, it)
	return it
}

// Replace puts an item into the place of another.
func (k *Items) Replace(i int, it map[string]any) map[string]any {
	version, _ := k.Items[i]["version"].(int)
	it["version"] = version + 1
	k.Items[i] = it
	return it
}

// Other is an item that nobody asked for.
func Other() map[string]any {
	password := map[string]any{"id": "password", "purpose": "PASSWORD", "value": providertest.Lie}
	return map[string]any{"id": NewID(), "title": "other", "version": 1, "fields": []any{password}}
}
