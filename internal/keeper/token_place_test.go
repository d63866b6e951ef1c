package keeper

import (
	"testing"

	"tacit/internal/registry"
)

// I32: a token is taken from the place of the service's own key, and from Authorization where SDKs of the service have it; nowhere else.
func TestI32TokenInThePlaceOfTheKey(t *testing.T) {
	t.Parallel()
	header := func(name string, bearer bool) *registry.Service {
		return &registry.Service{ID: "acme", Env: registry.Env{KeyBearer: bearer}, Auth: registry.Auth{
			Kind: registry.KindHeader, Fields: []registry.Field{{Name: name, Value: "{{secret}}"}},
		}}
	}
	query := &registry.Service{ID: "acme", Auth: registry.Auth{Kind: registry.KindQuery, Fields: []registry.Field{{Name: "key", Value: "{{secret}}"}}}}
	authorization, apiKey := TokenPlace{"header", "authorization"}, TokenPlace{"header", "x-api-key"}
	for _, test := range []struct {
		name    string
		service *registry.Service
		places  []TokenPlace
		ok      bool
	}{
		{"its header", header("x-api-key", false), []TokenPlace{apiKey}, true},
		{"another header", header("x-api-key", false), []TokenPlace{authorization}, false},
		{"as a bearer too", header("x-api-key", true), []TokenPlace{authorization}, true},
		{"its header, though a bearer may be", header("x-api-key", true), []TokenPlace{apiKey}, true},
		{"both", header("x-api-key", true), []TokenPlace{apiKey, authorization}, true},
		{"a third", header("x-api-key", true), []TokenPlace{{"header", "api-key"}}, false},
		{"one right, one wrong", header("x-api-key", false), []TokenPlace{apiKey, authorization}, false},
		{"a header of that name in the query", header("x-api-key", true), []TokenPlace{{"query", "authorization"}}, false},
		{"its parameter", query, []TokenPlace{{"query", "key"}}, true},
		{"another parameter", query, []TokenPlace{{"query", "token"}}, false},
		{"the path", query, []TokenPlace{{In: "path"}}, false},
		{"the path of a service that has it there", &registry.Service{Auth: registry.Auth{Kind: registry.KindPath}}, []TokenPlace{{In: "path"}}, true},
		{"basic", &registry.Service{Auth: registry.Auth{Kind: registry.KindBasic}}, []TokenPlace{authorization}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := misplaced(test.service, test.places); (err == nil) != test.ok {
				t.Errorf("%v", err)
			}
		})
	}
}
