package awsssm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awsfake"
	"tacit/internal/provider/providertest"
	"tacit/internal/provider/rest/resttest"
	"tacit/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	keyID = "AKIDTESTLONG"
	key   = "test/signing+key-8sL2"
)

// known returns a world in which these keys are the environment's.
func known(w provider.World) provider.World {
	env := map[string]string{"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": key, "AWS_REGION": awsfake.Region}
	w.Getenv = func(n string) string { return env[n] }
	return w
}

func world() provider.World {
	return known(provider.World{Now: time.Now, Debug: func(string, ...any) {}})
}

func fake(t *testing.T) *awsfake.Server {
	t.Helper()
	s := awsfake.New(keyID, awsfake.Key{Secret: key}, 3, time.Now)
	t.Cleanup(s.Close)
	return s
}

func shop(t *testing.T, s *awsfake.Server, w provider.World, prefix string) *store {
	t.Helper()
	p, err := open(provider.Spec{Name: providertest.Name, Settings: providertest.Table("endpoint", s.URL, "prefix", prefix)}, w, resttest.NewGuard(s.URL).Dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p.(*store)
}

// breakWith makes the fake misbehave as AWS does.
func breakWith(s *awsfake.Server, f *atomic.Value, w http.ResponseWriter, r *http.Request, action string) bool {
	broken, _ := f.Load().(providertest.Fault)
	switch broken {
	case providertest.None:
		return false
	case providertest.Denied:
		awsfake.Refuse(w, 400, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized")
	case providertest.Expired:
		awsfake.Refuse(w, 400, "ExpiredTokenException", "The security token included in the request is expired")
	case providertest.Throttled:
		resttest.Throttle(w)
		awsfake.Refuse(w, 400, "ThrottlingException", "Rate exceeded")
	case providertest.Failing:
		awsfake.Refuse(w, 500, "InternalServerError", "\x1b[31m"+providertest.Canary)
	case providertest.WrongName:
		it := `{"Name":"/app/another","Type":"SecureString","Version":1,"Value":"` + providertest.Lie + `"}`
		if action == "GetParameters" {
			it = `{"Parameters":[` + it + `],"InvalidParameters":[]}`
		} else {
			it = `{"Parameter":` + it + `}`
		}
		_, _ = w.Write([]byte(it))
	default:
		var honest http.HandlerFunc
		if strings.HasPrefix(action, "Get") {
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
	for _, prefix := range []string{"/app", "/"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Store{
				New: func(t *testing.T, w provider.World) providertest.Subject {
					s := fake(t)
					var broken atomic.Value
					s.Before = func(w http.ResponseWriter, r *http.Request, action string) bool {
						return breakWith(s, &broken, w, r, action)
					}
					return providertest.Subject{
						Provider: shop(t, s, known(w), prefix),
						Break:    func(f providertest.Fault) { broken.Store(f) },
						Foreign: func() {
							for _, name := range []string{"key-001", strings.TrimSuffix(prefix, "/") + "/9lives", "/9/x"} {
								s.PutParameter(name, "String", "x")
							}
						},
						Secrets: []string{key},
					}
				},
				PageSize: 3,
				Holds: func(value []byte) bool {
					return len(value) > 0 && len(value) <= 8<<10 && utf8.Valid(value) && !bytes.Contains(value, []byte("{{"))
				},
				HoldsName: func(name string) bool { return strings.Count(strings.TrimSuffix(prefix, "/")+"/"+name, "/") <= 15 },
			})
		})
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world(), "/app/")
	s.PutParameter("/app/db", "SecureString", "one")
	s.PutParameter("/app/db", "SecureString", "two")
	s.PutParameter("/app/plain", "String", "text")
	for _, test := range []struct{ name, version, want string }{
		{"db", "", "two"},
		{"db", "1", "one"},
		{"db", "previous", "one"},
		{"plain", "", "text"},
	} {
		if it, err := p.Read(t.Context(), test.name, test.version); err != nil || string(it.Value.Reveal()) != test.want {
			t.Errorf("%s@%s: %s, %v", test.name, test.version, it.Value.Reveal(), err)
		}
	}
	for _, version := range []string{"0", "-1", "01", "3", "99999999999999999999", "label", "1:2", strings.Repeat("x", 300)} {
		if _, err := p.Read(t.Context(), "db", version); !errors.Is(err, fault.NotFound) {
			t.Errorf("db@%s: %v", version, err)
		}
	}
	var e *fault.Error
	if _, err := p.Write(t.Context(), "plain", secret.New([]byte("x"))); !errors.Is(err, fault.Conflict) || !errors.As(err, &e) || e.Fix == "" {
		t.Errorf("Write over a String: %v", err)
	}
	for name, value := range map[string]string{"a": "{{ssm:x}}", "b": strings.Repeat("x", 8193), "c": "\xff"} {
		s.Asked()
		if _, err := p.Write(t.Context(), name, secret.New([]byte(value))); !errors.Is(err, fault.Invalid) || len(s.Asked()) > 0 {
			t.Errorf("Write of what it cannot hold: %v", err)
		}
	}
	if _, err := shop(t, s, world(), "/").Write(t.Context(), "awsome", secret.New([]byte("x"))); !errors.Is(err, fault.Invalid) {
		t.Errorf("Write of a name that is AWS's: %v", err)
	}
}

// TestWriteKeepsTheKey: a new version is encrypted with the key of the one before it; who may not ask for that writes nothing.
func TestWriteKeepsTheKey(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world(), "/app/")
	const ours = "arn:aws:kms:eu-test-1:111122223333:key/ours"
	s.PutParameterWithKey("/app/db", ours, "one")
	for name, want := range map[string]string{"db": ours, "new": "alias/aws/ssm"} {
		for range 2 {
			if _, err := p.Write(t.Context(), name, secret.New([]byte("two"))); err != nil || s.ParameterKey("/app/"+name) != want {
				t.Errorf("%s: %v; the key is %s, want %s", name, err, s.ParameterKey("/app/"+name), want)
			}
		}
	}
	s.Before = func(w http.ResponseWriter, _ *http.Request, action string) bool {
		if action == "DescribeParameters" {
			awsfake.Refuse(w, 400, "AccessDeniedException", "")
		}
		return action == "DescribeParameters"
	}
	s.Asked()
	if _, err := p.Write(t.Context(), "db", secret.New([]byte("three"))); !errors.Is(err, fault.Denied) || len(s.Asked()) > 0 {
		t.Errorf("without the permission to ask: %v", err)
	}
	s.Before = nil
	if it, err := p.Read(t.Context(), "db", ""); err != nil || it.Version != "3" {
		t.Errorf("it was written: %s, %v", it.Version, err)
	}
}

// TestWriteMeetsAnother: somebody creates the parameter between our look and our write; their key stays.
func TestWriteMeetsAnother(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world(), "/app/")
	var first atomic.Bool
	s.Before = func(_ http.ResponseWriter, _ *http.Request, action string) bool {
		if action == "PutParameter" && first.CompareAndSwap(false, true) {
			s.PutParameterWithKey("/app/db", "alias/theirs", "theirs")
		}
		return false
	}
	it, err := p.Write(t.Context(), "db", secret.New([]byte("mine")))
	if err != nil || it.Version != "2" || s.ParameterKey("/app/db") != "alias/theirs" {
		t.Errorf("version %s with key %s, %v", it.Version, s.ParameterKey("/app/db"), err)
	}
}

// TestBatchSize: 25 names are three requests; where one name is denied, which denies all of its batch, only that one fails.
func TestBatchSize(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world(), "/")
	var asked []provider.Asked
	for i := range 25 {
		n := fmt.Sprintf("key-%d", i)
		s.PutParameter("/"+n, "SecureString", n)
		asked = append(asked, provider.Asked{Name: n})
	}
	if got := p.ReadMany(t.Context(), asked); got[24].Err != nil {
		t.Fatal(got[24].Err)
	}
	if got := s.Asked(); !slices.Equal(got, []string{"GetParameters", "GetParameters", "GetParameters"}) {
		t.Errorf("asked %q", got)
	}
	var single atomic.Int32
	s.Before = func(w http.ResponseWriter, _ *http.Request, action string) bool {
		no := action == "GetParameters" || single.Add(1) == 7
		if no {
			awsfake.Refuse(w, 400, "AccessDeniedException", "")
		}
		return no
	}
	denied := 0
	for i, a := range p.ReadMany(t.Context(), asked) {
		switch {
		case errors.Is(a.Err, fault.Denied):
			denied++
		case a.Err != nil || string(a.Item.Value.Reveal()) != asked[i].Name:
			t.Errorf("%s: %v", asked[i].Name, a.Err)
		}
	}
	if denied != 1 {
		t.Errorf("%d are denied", denied)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"app", "//", "/a b", "/a//b", "/" + strings.Repeat("a", 600)} {
		_, err := Make(provider.Spec{Name: "ssm", Settings: providertest.Table("prefix", prefix)}, world())
		if !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "tacit.yaml:2: prefix") {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

// TestFIPSIsNotIgnored: who wants it is not asked elsewhere, unless the settings name the place.
func TestFIPSIsNotIgnored(t *testing.T) {
	t.Parallel()
	w := world()
	getenv := w.Getenv
	w.Getenv = func(n string) string {
		if n == "AWS_USE_FIPS_ENDPOINT" {
			return "true"
		}
		return getenv(n)
	}
	p, err := open(provider.Spec{Name: "ssm", Settings: providertest.Table()}, w, func(_ context.Context, _, address string) (net.Conn, error) {
		t.Errorf("dialled %s", address)
		return nil, errors.New("the guard of the test says no")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Health(t.Context()); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "FIPS") {
		t.Errorf("without an endpoint: %v", err)
	}
	if err := shop(t, fake(t), w, "/app").Health(t.Context()); err != nil {
		t.Errorf("with one: %v", err)
	}
}

// TestNothingElseIsDialled: without an endpoint the store is asked where AWS has it, and nowhere else.
func TestNothingElseIsDialled(t *testing.T) {
	t.Parallel()
	var dialled []string
	p, err := open(provider.Spec{Name: "ssm", Settings: providertest.Table("region", "us-gov-west-1")}, world(), func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return nil, errors.New("the guard of the test says no")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Health(t.Context()); !errors.Is(err, fault.Unavailable) || !slices.Equal(dialled, []string{"ssm.us-gov-west-1.amazonaws.com:443"}) {
		t.Errorf("dialled %q: %v", dialled, err)
	}
}
