package broker

import (
	"net/http"
	"strings"
	"testing"

	"tacit/internal/registry"
)

// TestExamplesOfServices: what the documentation of a service shows is not refused, is judged by the capability that it is the example of,
// and is sent as it is written.
func TestExamplesOfServices(t *testing.T) {
	t.Parallel()
	catalog, err := registry.NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range catalog.Services() {
		for i := range s.Capabilities {
			want := &s.Capabilities[i]
			e := want.Example
			if e.Method == "" {
				continue
			}
			r := Request{Method: e.Method, Path: e.Path, Query: e.Query, Header: http.Header{}, Body: strings.NewReader(e.Body), ContentLength: int64(len(e.Body))}
			for _, h := range e.Headers {
				r.Header.Add(h.Name, h.Value)
			}
			c, capability, err := pass(s, r)
			if err == nil {
				err = c.Reserve(reservedBy(s))
			}
			switch {
			case err != nil:
				t.Errorf("%s: %v", want.ID, err)
			case capability != want:
				t.Errorf("%s: judged by %s", want.ID, capability.ID)
			case c.Path() != e.Path:
				t.Errorf("%s: %s is sent as %s", want.ID, e.Path, c.Path())
			case c.Header().Get("Accept-Encoding") != "identity" || len(c.Header()) != len(e.Headers)+1:
				t.Errorf("%s: %v is sent as %v", want.ID, e.Headers, c.Header())
			}
		}
	}
}

// reservedBy is what the strategies of the kinds that name their places reserve.
func reservedBy(s *registry.Service) (r Reserved) {
	for _, f := range s.Auth.Fields {
		switch s.Auth.Kind {
		case registry.KindHeader, registry.KindHeaders:
			r.Headers = append(r.Headers, f.Name)
		case registry.KindQuery, registry.KindQueries:
			r.Queries = append(r.Queries, f.Name)
		default:
		}
	}
	return r
}
