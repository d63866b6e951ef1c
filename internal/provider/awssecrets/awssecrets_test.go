package awssecrets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	keyID   = "AKIDTESTLONG"
	key     = "test/signing+key-4fQ9"
	session = "test/session/token-4fQ9"
)

// asked returns a world in which these keys are the environment's.
func known(w provider.World) provider.World {
	env := map[string]string{"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": key, "AWS_SESSION_TOKEN": session, "AWS_REGION": awsfake.Region}
	w.Getenv = func(n string) string { return env[n] }
	return w
}

func world() provider.World {
	return known(provider.World{Now: time.Now, Debug: func(string, ...any) {}})
}

func fake(t *testing.T) *awsfake.Server {
	t.Helper()
	s := awsfake.New(keyID, awsfake.Key{Secret: key, Session: session}, 3, time.Now)
	t.Cleanup(s.Close)
	return s
}

func shop(t *testing.T, s *awsfake.Server, w provider.World, pairs ...any) *store {
	t.Helper()
	p, err := open(provider.Spec{Name: providertest.Name, Settings: providertest.Table(append(pairs, "endpoint", s.URL)...)}, w, resttest.NewGuard(s.URL).Dial)
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
		awsfake.Refuse(w, 500, "InternalServiceError", "\x1b[31m"+providertest.Canary)
	case providertest.WrongName:
		it := `{"ARN":"x","Name":"app/another","VersionId":"` + strings.Repeat("0", 32) + `","SecretString":"` + providertest.Lie + `"}`
		if action == "BatchGetSecretValue" {
			it = `{"SecretValues":[` + it + `],"Errors":[]}`
		}
		_, _ = w.Write([]byte(it))
	default:
		var honest http.HandlerFunc
		if strings.HasPrefix(action, "Get") || strings.HasPrefix(action, "List") || strings.HasPrefix(action, "Batch") || strings.HasPrefix(action, "Describe") {
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
				Provider: shop(t, s, known(w), "prefix", "app/"),
				Break:    func(f providertest.Fault) { broken.Store(f) },
				Foreign: func() {
					for _, name := range []string{"other/key-001", "app/not=ours", "app/9lives", "ap"} {
						s.PutSecret(name, []byte("x"))
					}
				},
				SoftDelete: func(name string) { s.DeleteSecret("app/" + name) },
				Secrets:    []string{key, session},
			}
		},
		PageSize: 3,
		Deleted:  fault.Expired,
	})
}

// TestI19DeletedIsNotMissing: what somebody deleted is not "not found", or another provider's value would take its place.
func TestI19DeletedIsNotMissing(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world())
	s.PutSecret("db", []byte("x"))
	s.DeleteSecret("db")
	_, err := p.Read(t.Context(), "db", "")
	many := p.ReadMany(t.Context(), []provider.Asked{{Name: "db"}, {Name: "other"}})
	for _, err := range []error{err, many[0].Err} {
		var e *fault.Error
		if !errors.Is(err, fault.Expired) || !errors.As(err, &e) || !strings.Contains(e.Fix, "restore-secret --secret-id db") {
			t.Errorf("read: %v", err)
		}
	}
	if !errors.Is(many[1].Err, fault.NotFound) {
		t.Errorf("beside it: %v", many[1].Err)
	}
}

// TestI19FailedWriteRevivesNothing: a write over a deleted secret that fails leaves it deleted, and says so when it cannot.
func TestI19FailedWriteRevivesNothing(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter) { // nobody knows what AWS did
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
	refuse := func(code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { awsfake.Refuse(w, 400, code, "") }
	}
	for name, test := range map[string]struct {
		restore, put, undo func(http.ResponseWriter) // nil: AWS answers
		want               fault.Code
		back               bool // with its old value, and the error says so
		leave              bool // the caller has gone when the value is refused
	}{
		"denied":                         {put: refuse("AccessDeniedException"), want: fault.Denied},
		"throttled":                      {put: refuse("ThrottlingException"), want: fault.Limited},
		"no answer":                      {put: cut, want: fault.Unavailable},
		"the caller leaves":              {put: cut, want: fault.Unavailable, leave: true},
		"restoring is denied":            {restore: refuse("AccessDeniedException"), want: fault.Denied},
		"restoring has no answer":        {restore: cut, want: fault.Unavailable},
		"deleting is denied":             {put: refuse("AccessDeniedException"), undo: refuse("AccessDeniedException"), want: fault.Denied, back: true},
		"deleting is denied, no answers": {put: cut, undo: cut, want: fault.Unavailable, back: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t)
			p := shop(t, s, world())
			s.PutSecret("db", []byte("old"))
			s.DeleteSecret("db")
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			var puts atomic.Int32
			var over atomic.Bool // AWS answers again
			s.Before = func(w http.ResponseWriter, _ *http.Request, action string) bool {
				if over.Load() {
					return false
				}
				instead := map[string]func(http.ResponseWriter){"RestoreSecret": test.restore, "DeleteSecret": test.undo}[action]
				if action == "PutSecretValue" && puts.Add(1) == 2 {
					if instead = test.put; test.leave {
						leave()
					}
				}
				if instead == nil {
					return false
				}
				instead(w)
				return true
			}
			_, err := p.Write(ctx, "db", secret.New([]byte("new")))
			over.Store(true)
			if !errors.Is(err, test.want) || strings.Contains(fmt.Sprint(err), "old value") != test.back {
				t.Errorf("Write: %v, want %s", err, test.want)
			}
			it, err := p.Read(t.Context(), "db", "")
			if test.back != (string(it.Value.Reveal()) == "old") || !test.back && !errors.Is(err, fault.Expired) {
				t.Errorf("afterwards: %s, %v", it.Value.Reveal(), err)
			}
		})
	}
}

// TestI19OnlyAWSsOwnWordIsNotFound: an error page with the word in it is not AWS's error.
func TestI19OnlyAWSsOwnWordIsNotFound(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"a page":               {404, "<html>ResourceNotFoundException"},
		"an empty 404":         {404, ""},
		"another code":         {400, `{"__type":"NotFoundException"}`},
		"the word in the text": {400, `{"__type":"InternalServiceError","message":"ResourceNotFoundException"}`},
		"cut off":              {400, `{"__type":"ResourceNotFoundException"`},
		"with 200":             {200, `{"__type":"ResourceNotFoundException"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t)
			s.Before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
				w.WriteHeader(answer.status)
				_, _ = w.Write([]byte(answer.body))
				return true
			}
			p := shop(t, s, world())
			_, err := p.Read(t.Context(), "db", "")
			_, wrote := p.Write(t.Context(), "db", secret.New([]byte("x")))
			for _, err := range append([]error{err, wrote}, p.ReadMany(t.Context(), []provider.Asked{{Name: "db"}})[0].Err) {
				if err == nil || errors.Is(err, fault.NotFound) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// TestBatchSize: 100 names are five requests; where batches are denied, each name is asked for by itself and one denial is one error.
func TestBatchSize(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world())
	var asked []provider.Asked
	for i := range 100 {
		n := fmt.Sprintf("key-%d", i)
		s.PutSecret(n, []byte(n))
		asked = append(asked, provider.Asked{Name: n})
	}
	check := func(want map[string]int) {
		t.Helper()
		s.Asked()
		for i, a := range p.ReadMany(t.Context(), asked) {
			if a.Err != nil || string(a.Item.Value.Reveal()) != asked[i].Name {
				t.Fatalf("%s: %v", asked[i].Name, a.Err)
			}
		}
		got := map[string]int{}
		for _, action := range s.Asked() {
			got[action]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("asked %v, want %v", got, want)
		}
	}
	check(map[string]int{"BatchGetSecretValue": 5})
	s.Before = func(w http.ResponseWriter, _ *http.Request, action string) bool {
		if action == "BatchGetSecretValue" {
			awsfake.Refuse(w, 400, "AccessDeniedException", "")
		}
		return action == "BatchGetSecretValue"
	}
	check(map[string]int{"GetSecretValue": 100})
}

// TestExpiredCredentials: when AWS says that the credentials have ended, others are fetched once, and the question asked again.
func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	s := fake(t)
	s.GiveOut("app", "", "", time.Hour)
	s.PutSecret("db", []byte("value"))
	w := known(provider.World{Now: time.Now, Debug: func(string, ...any) {}})
	env := map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": s.URL, "AWS_REGION": awsfake.Region}
	w.Getenv = func(n string) string { return env[n] }
	p := shop(t, s, w)
	var refusals atomic.Int32
	s.Before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		first := refusals.Add(1) == 1
		if first {
			awsfake.Refuse(w, 400, "ExpiredTokenException", "")
		}
		return first
	}
	it, err := p.Read(t.Context(), "db", "")
	if err != nil || string(it.Value.Reveal()) != "value" || refusals.Load() != 2 {
		t.Errorf("Read = %v after %d requests", err, refusals.Load())
	}
}

// TestStages: versions by AWS's words for them.
func TestStages(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world())
	s.PutSecret("db", []byte("one"))
	s.PutSecret("db", []byte("two"))
	for version, want := range map[string]string{"": "two", "AWSCURRENT": "two", "AWSPREVIOUS": "one", "previous": "one", fmt.Sprintf("%032d", 1): "one"} {
		if it, err := p.Read(t.Context(), "db", version); err != nil || string(it.Value.Reveal()) != want {
			t.Errorf("db@%s: %s, %v", version, it.Value.Reveal(), err)
		}
	}
	for _, version := range []string{"AWSPENDING", "2", strings.Repeat("9", 40), strings.Repeat("x", 300)} {
		if _, err := p.Read(t.Context(), "db", version); err == nil || !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Invalid) {
			t.Errorf("db@%s: %v", version, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pairs []any
		want  string
	}{
		"a region that is a host": {[]any{"region", "x.evil.example/"}, "tacit.yaml:2: region"},
		"a prefix with a space":   {[]any{"prefix", "a b"}, "tacit.yaml:2: prefix"},
		"a long prefix":           {[]any{"prefix", strings.Repeat("a", 257)}, "tacit.yaml:2: prefix"},
		"an open endpoint":        {[]any{"endpoint", "http://evil.example"}, "https://"},
		"an unknown key":          {[]any{"regoin", "x"}, "unknown key"},
	} {
		_, err := Make(provider.Spec{Name: "aws", Settings: providertest.Table(test.pairs...)}, world())
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != fault.Usage || !strings.Contains(e.Error()+e.Fix, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNothingElseIsDialled: without an endpoint the store is asked where AWS has it, and nowhere else; the guard keeps it from being so.
func TestNothingElseIsDialled(t *testing.T) {
	t.Parallel()
	guard := resttest.NewGuard()
	p, err := open(provider.Spec{Name: "aws", Settings: providertest.Table("region", "eu-west-1")}, world(), guard.Dial)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Health(t.Context()); !errors.Is(err, fault.Unavailable) || !slices.Equal(guard.Dialled(), []string{"secretsmanager.eu-west-1.amazonaws.com:443"}) {
		t.Errorf("dialled %q: %v", guard.Dialled(), err)
	}
	nowhere := world()
	nowhere.Getenv = func(string) string { return "" }
	p, err = open(provider.Spec{Name: "aws", Settings: providertest.Table()}, nowhere, guard.Dial)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Health(t.Context()); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "region") || len(guard.Dialled()) != 1 {
		t.Errorf("without a region: %v, dialled %q", err, guard.Dialled())
	}
}

// TestOneRoundTrip: all requests for many names are under way before the first is answered.
func TestOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := fake(t)
	p := shop(t, s, world())
	var asked []provider.Asked
	for i := range 100 {
		n := fmt.Sprintf("key-%d", i)
		s.PutSecret(n, []byte(n))
		asked = append(asked, provider.Asked{Name: n})
	}
	var arrived sync.WaitGroup
	arrived.Add(5)
	s.Before = func(http.ResponseWriter, *http.Request, string) bool {
		arrived.Done()
		arrived.Wait() // for ever, were they asked one after the other
		return false
	}
	for i, a := range p.ReadMany(t.Context(), asked) {
		if a.Err != nil {
			t.Fatalf("%s: %v", asked[i].Name, a.Err)
		}
	}
}

// TestUnanswered: a name that a batch leaves out is asked for by itself, not taken for missing.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	s := fake(t)
	s.PutSecret("db", []byte("value"))
	p := shop(t, s, world())
	s.Before = func(w http.ResponseWriter, _ *http.Request, action string) bool {
		if action == "BatchGetSecretValue" {
			_, _ = w.Write([]byte(`{"SecretValues":[],"Errors":[]}`))
		}
		return action == "BatchGetSecretValue"
	}
	if a := p.ReadMany(t.Context(), []provider.Asked{{Name: "db"}})[0]; a.Err != nil || string(a.Item.Value.Reveal()) != "value" {
		t.Error(a.Err)
	}
}
