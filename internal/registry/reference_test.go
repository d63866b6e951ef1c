package registry_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tacit/internal/registry"
)

// rows reads a file of the reference: the list of services and capabilities that tacit was to have at least.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "reference", name))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		all = append(all, strings.Split(line, "\t"))
	}
	return all
}

func builtin(t *testing.T) *registry.Catalog {
	t.Helper()
	c, err := registry.NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sample returns the segments of a path that a prefix of the reference stands for, and the prefix of a segment that it ends in: it
// compares characters, not segments.
func sample(prefix string) (segments []string, partial string) {
	segments = strings.Split(strings.TrimPrefix(prefix, "/"), "/")
	last := segments[len(segments)-1]
	switch {
	case prefix == "/":
		return []string{"x"}, ""
	case last == "":
		segments[len(segments)-1] = "x"
	case strings.HasSuffix(last, "."):
		return segments[:len(segments)-1], last
	}
	return segments, ""
}

// TestReferenceCapabilities: every capability of the reference is there, with its methods and its paths at least, except where the
// table of corrections says why not.
func TestReferenceCapabilities(t *testing.T) {
	t.Parallel()
	c := builtin(t)
	used := map[string]bool{}
	for _, row := range rows(t, "capabilities.tsv") {
		service, id, methods, prefixes := row[0], row[1], strings.Split(row[2], ","), strings.Split(row[3], ",")
		if to := moved()[id]; to != "" {
			service = to
		}
		s, capability, found := c.Capability(id)
		if !found || s.ID != service {
			t.Errorf("%s of %s is missing", id, service)
			continue
		}
		for _, m := range methods {
			if key := id + " " + m; !slices.Contains(capability.Methods, m) {
				if used[key] = corrections()[key] != ""; !used[key] {
					t.Errorf("%s does not allow %s, as the reference does", id, m)
				}
			}
		}
		for _, prefix := range prefixes {
			if key := id + " " + prefix; !covers(s, capability, prefix) {
				if used[key] = corrections()[key] != ""; !used[key] {
					t.Errorf("%s does not cover %s, as the reference does; it has %s", id, prefix, texts(capability.Paths))
				}
			}
		}
	}
	for key := range corrections() {
		if !used[key] {
			t.Errorf("the correction of %q is not needed", key)
		}
	}
}

// covers reports whether requests below prefix are judged by the capability.
func covers(s *registry.Service, c *registry.Capability, prefix string) bool {
	segments, partial := sample(prefix)
	if partial == "" {
		for _, m := range c.Methods {
			if at, err := s.Match(m, segments); err != nil || at != c {
				return false
			}
		}
		return true
	}
	return slices.ContainsFunc(c.Paths, func(p registry.Path) bool {
		return len(p.Segments) == len(segments)+1 && slices.Equal(p.Segments[:len(segments)], segments) && strings.HasPrefix(p.Segments[len(segments)], partial)
	})
}

func texts(paths []registry.Path) string {
	var all []string
	for _, p := range paths {
		all = append(all, p.Text)
	}
	if len(all) > 6 {
		all = append(all[:6], "…")
	}
	return strings.Join(all, " ")
}

// TestReferenceServices: every service of the reference is there with its hosts, its way to authenticate and the names of its secrets,
// except where the table of corrections says why not.
func TestReferenceServices(t *testing.T) {
	t.Parallel()
	c := builtin(t)
	used := map[string]bool{}
	differs := func(id, what, got, want string) {
		key := id + " " + what
		if used[key] = serviceCorrections()[key] != ""; !used[key] {
			t.Errorf("%s: %s %s, in the reference %s", id, what, got, want)
		}
	}
	for _, row := range rows(t, "services.tsv") {
		id, kind, hosts, secrets, detail := row[0], row[1], strings.Split(row[2], ","), strings.Split(row[3], ","), row[4]
		s, found := c.Service(id)
		if !found {
			t.Errorf("%s is missing", id)
			continue
		}
		for _, host := range hosts {
			if !slices.Contains(s.Hosts, host) {
				differs(id, "host", strings.Join(s.Hosts, ","), host)
			}
		}
		for _, pair := range secrets {
			name, placeholder, _ := strings.Cut(pair, "=")
			if !slices.Contains(s.Secrets, registry.Secret{Name: name, Placeholder: placeholder}) {
				differs(id, "secret", "is not there", pair)
			}
		}
		kinds := map[string]registry.Kind{"multi_header": registry.KindHeaders, "multi_query": registry.KindQueries, "o_auth2": registry.KindOAuth2}
		want := registry.Kind(kind)
		if k := kinds[kind]; k != "" {
			want = k
		}
		if s.Auth.Kind != want {
			differs(id, "auth", string(s.Auth.Kind), kind)
			continue
		}
		for _, f := range s.Auth.Fields {
			if !strings.Contains(strings.ToLower(detail), `"`+f.Name+`"`) || want != registry.KindQuery && !strings.Contains(detail, `"`+f.Value+`"`) {
				differs(id, "field", f.Name+": "+f.Value, detail)
			}
		}
		if o := s.Auth.OAuth2; want == registry.KindOAuth2 {
			for _, part := range append([]string{o.Grant, o.TokenURL}, o.Scopes...) {
				if !strings.Contains(detail, `"`+part+`"`) {
					differs(id, "oauth2", part, detail)
				}
			}
		}
	}
	for key := range serviceCorrections() {
		if !used[key] {
			t.Errorf("the correction of %q is not needed", key)
		}
	}
}

// TestAtLeast: as many as issue 4 asks for.
func TestAtLeast(t *testing.T) {
	t.Parallel()
	services := builtin(t).Services()
	capabilities := 0
	for _, s := range services {
		capabilities += len(s.Capabilities)
	}
	t.Logf("%d services, %d capabilities", len(services), capabilities)
	if len(services) < 70 || capabilities < 400 {
		t.Errorf("%d services and %d capabilities, want at least 70 and 400", len(services), capabilities)
	}
	openai, _ := builtin(t).Service("openai")
	if len(openai.Capabilities) != 17 || !slices.Equal(openai.Hosts, []string{"api.openai.com"}) {
		t.Errorf("OPENAI_API_KEY switches on %d capabilities and goes to %v, want 17 and api.openai.com alone", len(openai.Capabilities), openai.Hosts)
	}
}
