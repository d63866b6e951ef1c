package hashivault_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

// TestI19WrongPlaceIsNotMissing: a mount that does not exist, an engine of the other version, a namespace that is not there and a token
// that sees nothing are errors of the configuration or denials; none is "no such secret", for which the next provider would be asked.
func TestI19WrongPlaceIsNotMissing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		pairs []any
		want  fault.Code
	}{
		{"no such mount", []any{"path", "nowhere"}, fault.Usage},
		{"version 2 of an engine of version 1", []any{"path", "kv1"}, fault.Usage},
		{"version 1 of an engine of version 2", []any{"path", "kv2", "kv", "1"}, fault.Usage},
		{"the mount with what belongs to the prefix", []any{"path", "kv1/team", "kv", "1"}, fault.Usage},
		{"no key-value engine", []any{"path", "pki", "kv", "1"}, fault.Usage},
		{"another namespace", []any{"path", "kv2", "namespace", "nowhere"}, fault.Usage},
		{"a token that is not good", []any{"path", "kv2", "token", "hvs.other"}, fault.Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			if len(test.pairs) < 4 || test.pairs[2] != "token" {
				test.pairs = append(test.pairs, "token", root)
			}
			open := p.mustOpen(t, world(t, nil), test.pairs...)
			for what, err := range everything(t, open) {
				if !errors.Is(err, test.want) && !(what == "health" && errors.Is(err, fault.Denied)) { // Vault hides what is mounted
					t.Errorf("%s: %v, want %v", what, err, test.want)
				}
			}
		})
	}
}

// everything asks for a secret that is not there in all ways.
func everything(t *testing.T, p provider.Provider) map[string]error {
	t.Helper()
	all := map[string]error{}
	_, all["read"] = p.Read(t.Context(), "db.password", "")
	_, all["write"] = p.Write(t.Context(), "db.password", text("x"))
	_, all["delete"] = p.Delete(t.Context(), "db.password")
	all["list"] = p.List(t.Context(), func(provider.Item) error { return nil })
	all["health"] = p.Health(t.Context())
	if v, ok := p.(provider.Versioner); ok {
		_, all["versions"] = v.Versions(t.Context(), "db.password")
	}
	return all
}

func text(s string) secret.Value { return secret.New([]byte(s)) }

// TestI19Only404OfVaultsOwn: other 404s are somebody else's.
func TestI19Only404OfVaultsOwn(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "404 page not found\n", "{}", "[]", "null", `{"errors":null}`, `{"error":"not found"}`, `{"errors":"x"}`, `{"data":null}`, `{"errors":[],"errors":[]}`,
		`{"errors":["no handler for route"]}`, `{"errors":["unsupported path"]}`, `{"errors":[],"warnings":["Invalid path for a versioned K/V secrets engine"]}`,
		`{"data":{"data":null,"metadata":{}}}`,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, body)
		}))
		p := &peer{url: s.URL}
		for _, version := range []string{"1", "2"} {
			for what, err := range everything(t, p.mustOpen(t, world(t, nil), "token", root, "kv", version)) {
				if err == nil || errors.Is(err, fault.NotFound) {
					t.Errorf("%s, version %s, after %s: %v", what, version, body, err)
				}
			}
		}
		s.Close()
	}
}

// TestI19MissingIsMadeSureOfOnce: the mount is looked at before the first "no such secret", and not again.
func TestI19MissingIsMadeSureOfOnce(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	open := p.mustOpen(t, world(t, nil), "path", "kv2", "token", root)
	for range 3 {
		if _, err := open.Read(t.Context(), "nothing", ""); !errors.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
	if asked := p.Asked(); len(asked) != 4 || asked[1] != "GET /v1/sys/internal/ui/mounts/kv2/" {
		t.Errorf("asked %q", asked)
	}
	p.Put("db.password", map[string]any{"value": "x"})
	_, err := open.Read(t.Context(), "db.password", "")
	if asked := p.Asked(); err != nil || len(asked) != 1 {
		t.Errorf("asked %q, %v", asked, err)
	}
}

// TestLies: well-formed answers that are not to the question.
func TestLies(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `{"data":null}`, `{"data":[]}`, `{"data":{}}`, `{"data":{"data":{"value":"x"}}}`, `{"data":{"data":{"value":"x"},"metadata":{"version":2}}}`,
		`{"data":{"data":"x","metadata":{"version":1}}}`, `{"data":{"data":null,"metadata":{"version":1}}}`, `{"data":{"data":[1],"metadata":{"version":1}}}`,
		`{"data":{"data":{"value_base64":"` + providertest.Canary + `%"},"metadata":{"version":1}}}`, `{"data":{"data":{"value":""},"metadata":{"version":1}}}`,
		`{"data":{"data":{"value":"x","value":"y"},"metadata":{"version":1}}}`, `{"data":{"data":{"value":"` + strings.Repeat("x", 64<<10+1) + `"},"metadata":{"version":1}}}`,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }))
		p := &peer{url: s.URL}
		it, err := p.mustOpen(t, world(t, nil), "token", root).Read(t.Context(), "db.password", "1")
		if !errors.Is(err, fault.Invalid) || it.Value.Len() > 0 || strings.Contains(fmt.Sprint(err), providertest.Canary) {
			t.Errorf("%.80s: %v", body, err)
		}
		s.Close()
	}
}
