package keeper

import (
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// A TokenPlace is where a request carried a tacit token instead of a service's own key.
type TokenPlace struct {
	In   string // header, query, path
	Name string // of the header, lower case, or of the parameter; empty for path
}

// misplaced refuses a token that is not in exactly the place of the service's own key, or where its SDKs have it (I32).
func misplaced(s *registry.Service, places []TokenPlace) error {
	for _, p := range places {
		if !takesKey(s, p) {
			return fault.New(fault.Usage, "a token for %s does not belong into the %s", s.ID, strings.TrimSpace(p.In+" "+p.Name)).About(s.ID).
				WithFix("put it where the service's own key goes: %s", keyPlace(s))
		}
	}
	return nil
}

func takesKey(s *registry.Service, p TokenPlace) bool {
	at := func(in string, name func(f registry.Field) bool) bool {
		return p.In == in && slices.ContainsFunc(s.Auth.Fields, name)
	}
	if s.Env.KeyBearer && p == (TokenPlace{"header", "authorization"}) {
		return true
	}
	switch s.Auth.Kind {
	case registry.KindHeader, registry.KindHeaders:
		return at("header", func(f registry.Field) bool { return f.Name == p.Name })
	case registry.KindQuery, registry.KindQueries:
		return at("query", func(f registry.Field) bool { return f.Name == p.Name })
	case registry.KindPath:
		return p.In == "path"
	case registry.KindSigV4:
		return p == TokenPlace{"header", "authorization"} || p.In == "query" && strings.EqualFold(p.Name, "X-Amz-Credential")
	}
	return p == TokenPlace{"header", "authorization"}
}

func keyPlace(s *registry.Service) string {
	var names []string
	for _, f := range s.Auth.Fields {
		names = append(names, f.Name)
	}
	switch s.Auth.Kind {
	case registry.KindHeader, registry.KindHeaders:
		return "header " + strings.Join(names, ", ")
	case registry.KindQuery, registry.KindQueries:
		return "parameter " + strings.Join(names, ", ")
	case registry.KindPath:
		return "the path, after /svc/" + s.ID
	case registry.KindSigV4:
		return "the access key id"
	}
	return "header authorization"
}
