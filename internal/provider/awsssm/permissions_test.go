package awsssm

import (
	"slices"
	"testing"

	"tacit/internal/provider"
	"tacit/internal/secret"
)

const page = "../../../docs/providers/aws-ssm.md"

// TestPermissions: the policy of the documentation is enough to read, nothing in it is too much, and with what it names besides to write.
func TestPermissions(t *testing.T) {
	t.Parallel()
	s := fake(t)
	s.PutParameter("/app/db", "SecureString", "one")
	s.PutParameter("/app/db", "SecureString", "two")
	p := shop(t, s, world(), "/app")
	policy, err := s.Permit(page, "ssm")
	if err != nil {
		t.Fatal(err)
	}
	_, read := p.Read(t.Context(), "db", provider.Previous)
	_, versions := p.Versions(t.Context(), "db")
	many := p.ReadMany(t.Context(), []provider.Asked{{Name: "db"}})[0].Err
	list := p.List(t.Context(), func(provider.Item) error { return nil })
	for what, err := range map[string]error{"Read": read, "Versions": versions, "ReadMany": many, "List": list, "Health": p.Health(t.Context())} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	asked := s.Asked()
	for _, action := range policy {
		if !slices.Contains(asked, action) {
			t.Errorf("the policy has %s, which reading does not need", action)
		}
	}

	if _, err := s.Permit(page, "ssm", "PutParameter", "DeleteParameter", "DescribeParameters"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(t.Context(), "new", secret.New([]byte("x"))); err != nil {
		t.Error(err)
	}
	if _, err := p.Delete(t.Context(), "new"); err != nil {
		t.Error(err)
	}
}
