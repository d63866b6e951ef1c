package config_test

import (
	"testing"
	"time"
)

// TestProjectDoesNotKeepLonger: of two ages the shorter one counts, and what only one of both says stays.
func TestProjectDoesNotKeepLonger(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		user, project string
		ttl, age      time.Duration // age -1: not said
	}{
		{"{ttl: 10s, max_age: 1h}", "{ttl: 5s}", 5 * time.Second, time.Hour},
		{"{ttl: 10s, max_age: 1h}", "{max_age: 2h}", 10 * time.Second, time.Hour},
		{"{ttl: 10s, max_age: 1h}", "{max_age: 5m}", 10 * time.Second, 5 * time.Minute},
		{"{ttl: 10s, max_age: 0}", "{max_age: 5m}", 10 * time.Second, 0},
		{"{ttl: 10s, max_age: 1h}", "{ttl: 0, max_age: 0}", 0, 0},
		{"{ttl: 10s}", "{max_age: 2d}", 10 * time.Second, 48 * time.Hour},
		{"{ttl: 10s}", "{ttl: 1m}", time.Minute, -1},
	} {
		p := newPlace(t)
		p.file("config.yaml", "secrets: {cache: "+x.user+"}\n")
		p.trusted("secrets: {cache: " + x.project + "}\n")
		c := p.mustLoad()
		age := time.Duration(-1)
		if c.CacheMaxAge != nil {
			age = *c.CacheMaxAge
		}
		if c.CacheTTL != x.ttl || age != x.age {
			t.Errorf("%s over %s: %v and %v, want %v and %v", x.project, x.user, c.CacheTTL, age, x.ttl, x.age)
		}
	}
}

// TestDefaultProviderIsOfItsProviders: where a project has providers of its own, the user's default is none of them, even if one has its
// name.
func TestDefaultProviderIsOfItsProviders(t *testing.T) {
	t.Parallel()
	for project, want := range map[string]string{
		"secrets: {providers: {prod: {type: file, directory: x}}}\n":                         "",
		"secrets: {default_provider: prod, providers: {prod: {type: file, directory: x}}}\n": "prod",
		"secrets: {overlap: 3d}\n": "prod",
	} {
		p := newPlace(t)
		p.file("config.yaml", "secrets: {default_provider: prod, providers: {prod: {type: file, directory: /y}}}\n")
		p.trusted(project)
		if c := p.mustLoad(); c.DefaultProvider != want {
			t.Errorf("%q, want %q with %s", c.DefaultProvider, want, project)
		}
	}
}
