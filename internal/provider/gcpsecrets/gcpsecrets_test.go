package gcpsecrets

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/gcpfake"
	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
	"tacit/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// known returns a world in which the fake is the machine that gives out tokens.
func known(w provider.World, s *gcpfake.Server) provider.World {
	env := map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(s.URL, "http://"), "GOOGLE_CLOUD_PROJECT": gcpfake.Project}
	w.Getenv = func(n string) string { return env[n] }
	return w
}

func world(s *gcpfake.Server) provider.World {
	return known(provider.World{Now: time.Now, Debug: func(string, ...any) {}}, s)
}

func fake(t *testing.T) *gcpfake.Server {
	t.Helper()
	s := gcpfake.New("", 3, time.Now, time.Hour)
	t.Cleanup(s.Close)
	return s
}

func shop(t *testing.T, s *gcpfake.Server, w provider.World, pairs ...any) *store {
	t.Helper()
	p, err := open(provider.Spec{Name: providertest.Name, Settings: providertest.Table(append(pairs, "endpoint", s.URL)...)}, w, resttest.NewGuard(s.URL).Dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p.(*store)
}

// breakWith makes the fake misbehave as Google does.
func breakWith(s *gcpfake.Server, f *atomic.Value, w http.ResponseWriter, r *http.Request, action string) bool {
	broken, _ := f.Load().(providertest.Fault)
	switch broken {
	case providertest.None:
		return false
	case providertest.Denied:
		gcpfake.Refuse(w, 403, "PERMISSION_DENIED", "Permission 'secretmanager.versions.access' denied for resource")
	case providertest.Expired:
		gcpfake.Refuse(w, 401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case providertest.Throttled:
		resttest.Throttle(w)
		gcpfake.Refuse(w, 429, "RESOURCE_EXHAUSTED", "Quota exceeded")
	case providertest.Failing:
		gcpfake.Refuse(w, 500, "INTERNAL", "\x1b[31m"+providertest.Canary)
	case providertest.WrongName:
		data := []byte(providertest.Lie)
		_, _ = fmt.Fprintf(w, `{"name":"projects/1/secrets/another/versions/1","payload":{"data":"%s","dataCrc32c":"%s"}}`, b64(data), checksum(data))
	default:
		var honest http.HandlerFunc
		if slices.Contains([]string{"access", "list", "versions"}, action) {
			honest = func(w http.ResponseWriter, r *http.Request) {
				f.Store(providertest.None)
				s.ServeHTTP(w, r)
				f.Store(broken)
			}
		}
		return resttest.Write(broken, w, r, honest)
	}
	return true
}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Store{
		New: func(t *testing.T, w provider.World) providertest.Subject {
			s := fake(t)
			var broken atomic.Value
			s.Before = func(w http.ResponseWriter, r *http.Request, action string) bool {
				return breakWith(s, &broken, w, r, action)
			}
			return providertest.Subject{
				Provider: shop(t, s, known(w, s)),
				Break:    func(f providertest.Fault) { broken.Store(f) },
				Foreign:  func() { s.Put("9lives", []byte("x")); s.Put("_x", []byte("x")) },
				Secrets:  []string{"ya29.test-minted"},
			}
		},
		PageSize:  3,
		HoldsName: func(name string) bool { return len(name) <= 255 && !strings.ContainsAny(name, "./") },
	})
}

// TestI19SwitchedOffIsNotMissing: a version that was disabled or destroyed stops the chain.
func TestI19SwitchedOffIsNotMissing(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"DISABLED", "DESTROYED"} {
		s := fake(t)
		p := shop(t, s, world(s))
		s.Put("db", []byte("one"))
		s.Put("db", []byte("two"))
		s.Set("db", 2, state)
		if _, err := p.Read(t.Context(), "db", ""); !errors.Is(err, fault.Expired) {
			t.Errorf("%s: %v", state, err)
		}
		if it, err := p.Read(t.Context(), "db", "1"); err != nil || string(it.Value.Reveal()) != "one" {
			t.Errorf("version 1 beside one that is %s: %v", state, err)
		}
		all, err := p.Versions(t.Context(), "db")
		if want := map[string]int{"DISABLED": 2, "DESTROYED": 1}[state]; err != nil || len(all) != want {
			t.Errorf("%s: %d versions, %v", state, len(all), err)
		}
	}
}

// TestI19OnlyGooglesOwnWordIsNotFound: of a secret, in Google's form.
func TestI19OnlyGooglesOwnWordIsNotFound(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"a page":            {404, "<html>Secret x not found"},
		"empty":             {404, ""},
		"another method":    {404, `{"error":{"code":404,"message":"Method not found.","status":"NOT_FOUND"}}`},
		"another project":   {404, `{"error":{"code":404,"message":"Project not found","status":"NOT_FOUND"}}`},
		"with another code": {404, `{"error":{"code":500,"message":"Secret [x] not found","status":"NOT_FOUND"}}`},
		"with 200":          {200, `{"error":{"code":404,"message":"Secret [x] not found","status":"NOT_FOUND"}}`},
		"an empty object":   {200, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t)
			s.Before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
				w.WriteHeader(answer.status)
				_, _ = w.Write([]byte(answer.body))
				return true
			}
			p := shop(t, s, world(s))
			_, err := p.Read(t.Context(), "db", "")
			_, wrote := p.Write(t.Context(), "db", secret.New([]byte("x")))
			for _, err := range []error{err, wrote} {
				if err == nil || errors.Is(err, fault.NotFound) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// TestChecksum: a value that does not match is never handed out, nor is a write that nobody checked taken for good.
func TestChecksum(t *testing.T) {
	t.Parallel()
	if got := checksum([]byte("123456789")); got != "3808858755" { // e3069283, of RFC 3720, appendix B.4
		t.Errorf("checksum = %s", got)
	}
	const at = `{"name":"projects/1/secrets/db/versions/1",`
	for name, body := range map[string]string{
		"a flipped bit":     at + `"payload":{"data":"` + b64([]byte("valuf")) + `","dataCrc32c":"` + checksum([]byte("value")) + `"}}`,
		"no checksum":       at + `"payload":{"data":"` + b64([]byte("value")) + `"}}`,
		"no value":          at + `"payload":{"dataCrc32c":"0"}}`,
		"no base64":         at + `"payload":{"data":"!!","dataCrc32c":"0"}}`,
		"a write unchecked": at + `"state":"ENABLED"}`,
		"another version":   `{"name":"projects/1/secrets/db/versions/2","payload":{"data":"` + b64([]byte("v")) + `","dataCrc32c":"` + checksum([]byte("v")) + `"}}`,
	} {
		s := fake(t)
		s.Before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			_, _ = w.Write([]byte(body))
			return true
		}
		p := shop(t, s, world(s))
		if it, err := p.Read(t.Context(), "db", "1"); !errors.Is(err, fault.Invalid) || it.Value.Len() > 0 {
			t.Errorf("%s: read %v", name, err)
		}
		if _, err := p.Write(t.Context(), "db", secret.New([]byte("value"))); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: write %v", name, err)
		}
	}
}

// TestFreshToken: when Google does not take the token any more, another is fetched once, and the question asked again.
func TestFreshToken(t *testing.T) {
	t.Parallel()
	s := fake(t)
	s.Put("db", []byte("value"))
	p := shop(t, s, world(s))
	var requests atomic.Int32
	s.Before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		first := requests.Add(1) == 1
		if first {
			gcpfake.Refuse(w, 401, "UNAUTHENTICATED", "")
		}
		return first
	}
	if it, err := p.Read(t.Context(), "db", ""); err != nil || string(it.Value.Reveal()) != "value" || requests.Load() != 2 {
		t.Errorf("Read = %v after %d requests", err, requests.Load())
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world(s), "project", gcpfake.Project)
	s.Put("db", []byte("one"))
	s.Put("db", []byte("two"))
	for version, want := range map[string]string{"": "two", "1": "one", "2": "two", "previous": "one"} {
		if it, err := p.Read(t.Context(), "db", version); err != nil || string(it.Value.Reveal()) != want {
			t.Errorf("db@%s: %s, %v", version, it.Value.Reveal(), err)
		}
	}
	for _, version := range []string{"0", "3", "01", "-1", "latest", "../../x", "99999999999999999999"} {
		if _, err := p.Read(t.Context(), "db", version); !errors.Is(err, fault.NotFound) {
			t.Errorf("db@%s: %v", version, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := fake(t)
	for _, project := range []string{"../x", "a/b", "A", "a b", strings.Repeat("a", 129)} {
		_, err := Make(provider.Spec{Name: "gcp", Settings: providertest.Table("project", project)}, world(s))
		if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "tacit.yaml:2: project") {
			t.Errorf("%s: %v", project, err)
		}
	}
	if _, err := Make(provider.Spec{Name: "gcp", Settings: providertest.Table("endpoint", "http://evil.example")}, world(s)); !errors.Is(err, fault.Usage) {
		t.Error(err)
	}
}

// TestNothingElseIsDialled: without an endpoint the store is asked where Google has it; without a project nobody is asked but the machine.
func TestNothingElseIsDialled(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "user.json")
	if err := os.WriteFile(key, []byte(`{"type":"authorized_user","client_id":"x","client_secret":"y","refresh_token":"z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env  map[string]string
		want []string
	}{
		{map[string]string{"GOOGLE_CLOUD_PROJECT": "acme"}, []string{"169.254.169.254:80"}},
		{map[string]string{}, []string{"169.254.169.254:80"}},
		{map[string]string{"NO_GCE_CHECK": "true"}, nil},
		{map[string]string{"GOOGLE_CLOUD_PROJECT": "acme", "GOOGLE_APPLICATION_CREDENTIALS": key}, []string{"oauth2.googleapis.com:443"}},
	} {
		var dialled []string
		w := provider.World{Now: time.Now, Debug: func(string, ...any) {}, Getenv: func(n string) string { return test.env[n] }}
		p, err := open(provider.Spec{Name: "gcp", Settings: providertest.Table()}, w, func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return nil, errors.New("the guard of the test says no")
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Health(t.Context()); err == nil || !slices.Equal(dialled, test.want) {
			t.Errorf("dialled %q, want %q: %v", dialled, test.want, err)
		}
	}
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
