package policy

import (
	_ "embed"
	"fmt"

	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// schemaText is published as docs/policy.cedarschema.
//
//go:embed schema.cedarschema
var schemaText string

// Schema returns the Cedar schema that policies are checked against.
func Schema() string { return schemaText }

// newValidator reads the schema; that takes some 50 µs, and only a change of the policies needs it.
func newValidator() (*validate.Validator, error) {
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(schemaText)); err != nil {
		return nil, fmt.Errorf("read policy schema: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("read policy schema: %w", err)
	}
	return validate.New(resolved), nil
}
