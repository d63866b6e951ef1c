package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"tacit/internal/fault"
)

func segments(path string) []string {
	if path = strings.TrimPrefix(path, "/"); path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// TestI24LongestMatch: whole segments, the longest pattern alone is judged, and nothing falls back to a shorter one.
func TestI24LongestMatch(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `
service: acme
hosts: [api.acme.example]
secrets: {ACME_API_KEY: secret}
auth: {query: {name: key, value: "{{secret}}"}}
capabilities:
  - {id: acme/all, methods: [DELETE, GET], paths: [/], risk: read}
  - {id: acme/models, methods: [GET], paths: [/v1/models], risk: read}
  - {id: acme/models-write, methods: [POST], paths: [/v1/models], risk: write}
  - {id: acme/admin, methods: [PUT], paths: [/v1/models/admin], risk: destructive}
  - {id: acme/one, methods: [GET], paths: ["/v1/models/{id}$"], risk: read}
  - {id: acme/parts, methods: [GET], paths: ["/v1/models/{id}/parts"], risk: read}
  - {id: acme/some-parts, methods: [HEAD], paths: ["/v1/models/x/{part}"], risk: read}
`)
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "acme/all"},
		{"GET", "/v1", "acme/all"},
		{"GET", "/v1/models", "acme/models"},
		{"POST", "/v1/models", "acme/models-write"},
		{"DELETE", "/v1/models", ""}, // acme/all would allow it
		{"GET", "/v1/modelsX", "acme/all"},
		{"POST", "/v1/modelsX", ""},
		{"GET", "/v1/model", "acme/all"},
		{"GET", "/v1/models/7", "acme/one"},
		{"POST", "/v1/models/7", ""},            // exact beats the prefix above it
		{"GET", "/v1/models/admin", "acme/one"}, // exact beats a prefix of as many segments
		{"PUT", "/v1/models/admin", ""},
		{"PUT", "/v1/models/admin/x", "acme/admin"},
		{"GET", "/v1/models/admin/x", ""},
		{"GET", "/v1/models/7/x", "acme/models"},
		{"GET", "/v1/models/7/parts", "acme/parts"},
		{"GET", "/v1/models/7/parts/1", "acme/parts"},
		{"GET", "/v1/models/x/parts", "acme/parts"},
		{"HEAD", "/v1/models/x/parts", "acme/some-parts"},
		{"HEAD", "/v1/models/x/y/z", "acme/some-parts"},
		{"HEAD", "/v1/models/y/z", ""},
		{"GET", "/v1/models/", "acme/models"}, // an empty segment is no {id}
		{"GET", "/V1/models", ""},             // a service may not tell it from /v1/models
		{"get", "/v1/models", ""},
	} {
		got, err := s.Match(c.method, segments(c.path))
		switch {
		case c.want == "" && (got != nil || !errors.Is(err, fault.Denied)):
			t.Errorf("%s %s: %v, %v, want it refused", c.method, c.path, got, err)
		case c.want != "" && (err != nil || got.ID != c.want):
			t.Errorf("%s %s: %v, %v, want %s", c.method, c.path, got, err, c.want)
		}
	}
	_, err := s.Match("PUT", segments("/v1/models"))
	if err == nil || !strings.HasSuffix(err.Error(), "allows GET, not PUT") && !strings.HasSuffix(err.Error(), "allows POST, not PUT") {
		t.Errorf("a refusal does not say what is allowed: %v", err)
	}
}

// byTheRule is what design/README.md says, written down without a tree.
func byTheRule(s *Service, method string, segments []string) *Capability {
	longest := -1
	var allowed *Capability
	for i := range s.Capabilities {
		c := &s.Capabilities[i]
		for _, p := range c.Paths {
			length := 2 * len(p.Segments)
			if p.Exact {
				length++
			}
			if !p.Match(segments) || length < longest {
				continue
			}
			if length > longest {
				longest, allowed = length, nil
			}
			if slices.Contains(c.Methods, method) {
				allowed = c
			}
		}
	}
	return allowed
}

// TestI24TreeIsTheRule: whatever the patterns and the path, the tree answers as a look at every pattern does.
func TestI24TreeIsTheRule(t *testing.T) {
	t.Parallel()
	segment := rapid.SampledFrom([]string{"a", "b", "c", "{x}"})
	rapid.Check(t, func(t *rapid.T) {
		s := &Service{ID: "acme"}
		r := &reader{}
		for i := range rapid.IntRange(1, 12).Draw(t, "capabilities") {
			c := Capability{ID: fmt.Sprintf("acme/c%d", i), Methods: rapid.SliceOfNDistinct(rapid.SampledFrom(methods()), 1, 3, rapid.ID).Draw(t, "methods")}
			for range rapid.IntRange(1, 3).Draw(t, "paths") {
				text := "/" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "segments"), "/")
				if rapid.Bool().Draw(t, "exact") {
					text += "$"
				}
				p, ok := parsePath(text)
				if !ok {
					t.Fatalf("%q is no path", text)
				}
				c.Paths = append(c.Paths, p)
			}
			// What would overlap is refused when a file is read, so it is left out here.
			trial := append(slices.Clone(s.Capabilities), c)
			if r.problems = nil; !overlapping(r, trial) {
				s.Capabilities = trial
			}
		}
		s.index = compile(s.Capabilities)
		for range 20 {
			path := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", ""}), 0, 5).Draw(t, "path")
			method := rapid.SampledFrom(methods()).Draw(t, "method")
			got, err := s.Match(method, path)
			if want := byTheRule(s, method, path); got != want || (err == nil) != (want != nil) {
				t.Fatalf("%s %q: %v, %v; want %v", method, path, got, err, want)
			}
		}
	})
}

func overlapping(r *reader, all []Capability) bool {
	var paths []where
	for i := range all {
		for _, p := range all[i].Paths {
			paths = append(paths, where{&all[i], p, &yaml.Node{}})
		}
	}
	r.overlaps(paths)
	return len(r.problems) > 0
}

// large is a service of n capabilities.
func large(t testing.TB, n int) *Service {
	t.Helper()
	var b strings.Builder
	b.WriteString("service: big\nhosts: [big.example]\nsecrets: {BIG_KEY: secret}\nauth: {query: {name: key, value: \"{{secret}}\"}}\ncapabilities:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {id: big/c%d, methods: [GET, POST], paths: [\"/v1/c%[1]d/{id}/parts\"], risk: read}\n", i)
	}
	s, err := ParseService([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A match allocates nothing, however many capabilities there are.
func TestMatchAllocatesNothing(t *testing.T) {
	s := large(t, 1000)
	path := segments("/v1/c777/x/parts/y")
	if n := testing.AllocsPerRun(100, func() {
		if c, err := s.Match("POST", path); err != nil || c.ID != "big/c777" {
			t.Fatal(c, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := large(b, n)
			path := segments(fmt.Sprintf("/v1/c%d/x/parts/y", n-1))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Match("POST", path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseService(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := large(b, n).Encode()
			for b.Loop() {
				if _, err := ParseService(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
