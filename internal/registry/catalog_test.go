package registry

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tacit/internal/fault"
)

// TestI23NothingBuiltInIsClaimed: a service of the user's own takes neither the id nor a secret of another, under no name of it.
func TestI23NothingBuiltInIsClaimed(t *testing.T) {
	t.Parallel()
	with := func(oldnew ...string) *Service { return mustParse(t, strings.NewReplacer(oldnew...).Replace(base)) }
	other := mustParse(t, strings.NewReplacer("acme", "other", "ACME", "OTHER").Replace(base))
	for name, own := range map[string][]*Service{
		"id":                      {with("acme", "openai")},
		"secret":                  {with("ACME_API_KEY", "OPENAI_API_KEY")},
		"secret under its alias":  {with("{ACME_API_KEY", "{ai.openai.api_key", ": ACME_API_KEY}\npublic", ": ai.openai.api_key}\npublic")},
		"alias":                   {with("acme.key", "OPENAI_API_KEY")},
		"alias that is an alias":  {with("acme.key", "ai.openai.api_key")},
		"id of an own service":    {other, with("acme", "other")},
		"secret of an own one":    {other, with("ACME_API_KEY", "OTHER_API_KEY")},
		"alias of an own secret":  {other, with("acme.key", "OTHER_API_KEY")},
		"secret that is an alias": {other, with("{ACME_API_KEY", "{other.key", ": ACME_API_KEY}\npublic", ": other.key}\npublic")},
	} {
		if _, err := NewCatalog(own...); !errors.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewCatalog(other, mustParse(t, base)); err != nil {
		t.Error(err)
	}
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	own := mustParse(t, acme)
	c, err := NewCatalog(own)
	if err != nil {
		t.Fatal(err)
	}
	all := c.Services()
	if !slices.IsSortedFunc(all, func(a, b *Service) int { return strings.Compare(a.ID, b.ID) }) || len(all) != len(builtinServices)+1 {
		t.Errorf("%d services", len(all))
	}
	for _, s := range all {
		if got, found := c.Service(s.ID); !found || got != s {
			t.Errorf("service %s is not found", s.ID)
		}
		for name, secret := range s.Names() {
			if of, got, found := c.BySecret(name); !found || of != s || got != secret {
				t.Errorf("secret %s is not found", name)
			}
		}
		for i := range s.Capabilities {
			if of, got, found := c.Capability(s.Capabilities[i].ID); !found || of != s || got != &s.Capabilities[i] {
				t.Errorf("capability %s is not found", s.Capabilities[i].ID)
			}
		}
	}
	for _, name := range []string{"", "a", "zzz", "openai/", "OPENAI", "openai_api_key"} {
		_, a := c.Service(name)
		_, _, b := c.BySecret(name)
		_, _, d := c.Capability(name)
		if a || b || d {
			t.Errorf("%q is found", name)
		}
	}
	if s, secret, _ := c.BySecret("ai.openai.api_key"); s.ID != "openai" || secret.Name != "OPENAI_API_KEY" {
		t.Errorf("the alias leads to %s of %s", secret.Name, s.ID)
	}
	if got, err := c.Match("acme", "GET", segments("/v1/things/7")); err != nil || got.ID != "acme/thing-by-name" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Match("nobody", "GET", nil); !errors.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if none, err := NewCatalog(); err != nil || len(none.Services()) != len(builtinServices) || len(none.Own()) != 0 {
		t.Error("the catalog of the built-in services is not that")
	}
}

// A lookup in the built-in part allocates nothing, nor does a catalog of only that part but itself.
func TestCatalogAllocatesNothing(t *testing.T) {
	c, err := NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	path := segments("/v1/chat/completions")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.Match("openai", "POST", path); err != nil {
			t.Fatal(err)
		}
		c.BySecret("OPENAI_API_KEY")
		c.BySecret("nothing")
		c.Capability("openai/models")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = NewCatalog() }); n > 1 {
		t.Errorf("a catalog takes %v allocations", n)
	}
}
