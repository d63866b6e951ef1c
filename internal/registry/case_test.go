package registry_test

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// TestI24CaseIsNoWayAround: a path that a narrower capability covers but for the case of its letters does not fall to a wider one: many
// services do not tell the two apart.
func TestI24CaseIsNoWayAround(t *testing.T) {
	t.Parallel()
	s, err := registry.ParseService([]byte(`service: acme
title: Acme
hosts: [api.acme.example]
secrets: {ACME_API_KEY: secret}
auth: {header: {name: authorization, value: "Bearer {{secret}}"}}
capabilities:
  - {id: acme/all, methods: [GET, DELETE], paths: [/v1], risk: write}
  - {id: acme/admin, methods: [GET], paths: [/v1/admin, "/v1/{x}/Keys$"], risk: destructive}
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"v1 admin": "acme/admin", "v1 things": "acme/all", "v1 ADMINS": "acme/all", "v1 a Keys": "acme/admin", "v1 a Keys b": "acme/all",
		"v1 ADMIN": "", "v1 Admin x": "", "V1 things": "", "v1 a keys": "", "v1 AdMiN Keys": "acme/admin",
	} {
		c, err := s.Match("GET", strings.Fields(path))
		switch {
		case want == "" && !errors.Is(err, fault.Denied):
			t.Errorf("%s: %v, %v", path, c, err)
		case want != "" && (err != nil || c.ID != want):
			t.Errorf("%s: %v, %v instead of %s", path, c, err, want)
		}
	}
}
