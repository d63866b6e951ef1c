package gcpcreds_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/gcpcreds"
	"tacit/internal/provider/gcpfake"
	"tacit/internal/provider/rest"
	"tacit/internal/provider/rest/resttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// A desk is a machine with an environment, a home directory and a clock, beside a fake Google.
type desk struct {
	t     *testing.T
	env   map[string]string
	home  string
	gcp   *gcpfake.Server
	clock *resttest.Clock
	guard *resttest.Guard

	said []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, env: map[string]string{}, home: t.TempDir(), clock: resttest.NewClock(start)}
	d.gcp = gcpfake.New("", 3, d.clock.Now, time.Hour)
	t.Cleanup(d.gcp.Close)
	d.guard = resttest.NewGuard(d.gcp.URL)
	d.env["GCE_METADATA_HOST"] = strings.TrimPrefix(d.gcp.URL, "http://")
	return d
}

func (d *desk) source() *gcpcreds.Source {
	return gcpcreds.New(gcpcreds.Config{Name: "prod", Audience: "https://sm.example/", TokenURL: d.gcp.URL + "/token", Dial: d.guard.Dial, World: provider.World{
		Getenv: func(n string) string { return d.env[n] }, Now: d.clock.Now, Home: d.home,
		Debug: func(m string, args ...any) { d.said = append(d.said, fmt.Sprint(m, args)) },
	}})
}

func (d *desk) write(path string, content any) string {
	d.t.Helper()
	path = filepath.Join(d.home, path)
	text, ok := content.(string)
	if !ok {
		b, err := json.Marshal(content)
		if err != nil {
			d.t.Fatal(err)
		}
		text = string(b)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// adc makes a file that GOOGLE_APPLICATION_CREDENTIALS names.
func (d *desk) adc(content any) {
	d.env["GOOGLE_APPLICATION_CREDENTIALS"] = d.write("adc.json", content)
}

type object = map[string]any

func user() object {
	return object{"type": "authorized_user", "client_id": "x", "client_secret": gcpfake.ClientSecret, "refresh_token": gcpfake.RefreshToken, "quota_project_id": "billed"}
}

func (d *desk) external(source object) object {
	return object{
		"type": "external_account", "audience": gcpfake.Audience, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": d.gcp.URL + "/sts",
		"credential_source": source,
	}
}

// takes reports whether the fake takes a token.
func (d *desk) takes(token gcpcreds.Token) bool {
	d.t.Helper()
	c, err := rest.New(rest.Config{Name: "x", Base: d.gcp.URL})
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Do(d.t.Context(), rest.Request{Path: "/v1/projects/" + gcpfake.Project + "/secrets", Header: http.Header{"Authorization": {"Bearer " + string(token.Bearer.Reveal())}}})
	return err == nil && a.OK()
}

// accountKey makes a service account's key.
func accountKey(t *testing.T) (*rsa.PrivateKey, object) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, object{
		"type": "service_account", "project_id": "from-key", "client_email": "app@acme.iam.example", "private_key_id": "k1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	key, account := accountKey(t)
	for name, test := range map[string]struct {
		set   func(d *desk)
		quota string
	}{
		"a service account signs": {set: func(d *desk) {
			d.gcp.Signer, d.gcp.SignedAudience = &key.PublicKey, "https://sm.example/"
			d.adc(account)
		}},
		"its key in the older form": {set: func(d *desk) {
			d.gcp.Signer, d.gcp.SignedAudience = &key.PublicKey, "https://sm.example/"
			d.adc(object{"type": "service_account", "client_email": "x", "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))})
		}},
		"a user, from gcloud's file": {set: func(d *desk) { d.write(".config/gcloud/application_default_credentials.json", user()) }, quota: "billed"},
		"a user, where CLOUDSDK_CONFIG says": {set: func(d *desk) {
			d.env["CLOUDSDK_CONFIG"] = filepath.Dir(d.write("conf/application_default_credentials.json", user()))
		}, quota: "billed"},
		"a workload, by a file": {set: func(d *desk) { d.adc(d.external(object{"file": d.write("subject", gcpfake.SubjectToken+"\n")})) }},
		"a workload, by an address in JSON": {set: func(d *desk) {
			d.adc(d.external(object{"url": d.gcp.URL + "/subject", "headers": object{"X-Subject": "yes"}, "format": object{"type": "json", "subject_token_field_name": "value"}}))
		}},
		"a workload that impersonates": {set: func(d *desk) {
			e := d.external(object{"file": d.write("subject", gcpfake.SubjectToken)})
			e["service_account_impersonation_url"] = d.gcp.URL + "/v1/projects/-/serviceAccounts/x@y:generateAccessToken"
			d.adc(e)
		}},
		"a user who impersonates": {set: func(d *desk) {
			d.adc(object{"type": "impersonated_service_account", "source_credentials": user(), "service_account_impersonation_url": d.gcp.URL + "/v1/projects/-/serviceAccounts/x@y:generateAccessToken"})
		}},
		"a user who impersonates through others": {set: func(d *desk) {
			d.gcp.Delegates = []string{"projects/-/serviceAccounts/one@y", "projects/-/serviceAccounts/two@y"}
			d.adc(object{
				"type": "impersonated_service_account", "source_credentials": user(), "delegates": d.gcp.Delegates, "universe_domain": "googleapis.com",
				"service_account_impersonation_url": d.gcp.URL + "/v1/projects/-/serviceAccounts/x@y:generateAccessToken",
			})
		}},
		"the machine": {set: func(*desk) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			test.set(d)
			s := d.source()
			token, err := s.Get(t.Context())
			if err != nil || !d.takes(token) || token.Quota != test.quota || !token.Expires.Equal(start.Add(time.Hour)) {
				t.Fatalf("Get = until %v, quota %q, %v; dialled %q", token.Expires, token.Quota, err, d.guard.Dialled())
			}
			d.gcp.Asked()
			if again, err := s.Get(t.Context()); err != nil || string(again.Bearer.Reveal()) != string(token.Bearer.Reveal()) || len(d.gcp.Asked()) > 0 {
				t.Errorf("the second Get asked again: %v", err)
			}
			d.clock.Later(56 * time.Minute)
			if again, err := s.Get(t.Context()); err != nil || string(again.Bearer.Reveal()) == string(token.Bearer.Reveal()) {
				t.Errorf("4 minutes before the end: still the same, %v", err)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	const canary = "canary-3Kd8"
	secrets := []string{canary, gcpfake.RefreshToken, gcpfake.ClientSecret, gcpfake.SubjectToken, "minted"}
	for name, test := range map[string]struct {
		set   func(d *desk)
		class fault.Code
		text  string // in the error or its way out
	}{
		"no file":      {func(d *desk) { d.env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nowhere/x.json" }, fault.Usage, "cannot be read"},
		"no JSON":      {func(d *desk) { d.adc(`{"type":"service_account","private_key":"` + canary) }, fault.Usage, "no file of Google credentials"},
		"no type":      {func(d *desk) { d.adc(object{"private_key": canary}) }, fault.Usage, "no file of Google credentials"},
		"another type": {func(d *desk) { d.adc(object{"type": canary}) }, fault.Usage, "not known here"},
		"a broken key": {func(d *desk) {
			d.adc(object{"type": "service_account", "client_email": "x", "private_key": "-----BEGIN PRIVATE KEY-----\n" + canary})
		}, fault.Usage, "no key of a service account"},
		"a refresh token that ended": {func(d *desk) {
			u := user()
			u["refresh_token"] = canary
			d.adc(u)
		}, fault.Denied, "gcloud auth application-default login"},
		"no refresh token":          {func(d *desk) { d.adc(object{"type": "authorized_user"}) }, fault.Usage, "no refresh token"},
		"a subject that is refused": {func(d *desk) { d.adc(d.external(object{"file": d.write("subject", canary)})) }, fault.Denied, "workload identity pool"},
		"no subject":                {func(d *desk) { d.adc(d.external(object{"file": "/nowhere"})) }, fault.Usage, "cannot be read"},
		"an empty subject":          {func(d *desk) { d.adc(d.external(object{"file": d.write("subject", "\n")})) }, fault.Usage, "no token of the workload"},
		"no such member": {func(d *desk) {
			d.adc(d.external(object{"file": d.write("subject", `{"a":1}`), "format": object{"type": "json", "subject_token_field_name": "value"}}))
		}, fault.Usage, "no token of the workload"},
		"a program":       {func(d *desk) { d.adc(d.external(object{"executable": object{"command": "id"}})) }, fault.Usage, "not done here"},
		"AWS":             {func(d *desk) { d.adc(d.external(object{"environment_id": "aws1"})) }, fault.Usage, "not done here"},
		"an open address": {func(d *desk) { d.adc(d.external(object{"url": "http://evil.example/" + canary})) }, fault.Usage, "https://"},
		"an address that is none": {func(d *desk) {
			e := d.external(object{"file": d.write("subject", gcpfake.SubjectToken)})
			e["token_url"] = "://" + canary
			d.adc(e)
		}, fault.Usage, "is none"},
		"no one to impersonate as": {func(d *desk) { d.adc(object{"type": "impersonated_service_account"}) }, fault.Usage, "whom it impersonates"},
		"impersonation by a key": {func(d *desk) {
			d.adc(object{"type": "impersonated_service_account", "service_account_impersonation_url": d.gcp.URL, "source_credentials": object{"type": "service_account"}})
		}, fault.Usage, "not known here"},
		"another universe": {func(d *desk) {
			u := user()
			u["universe_domain"] = "evil.example"
			d.adc(u)
		}, fault.Usage, "universe_domain"},
		"another universe of the source": {func(d *desk) {
			u := user()
			u["universe_domain"] = "evil.example"
			d.adc(object{"type": "impersonated_service_account", "source_credentials": u, "service_account_impersonation_url": d.gcp.URL})
		}, fault.Usage, "universe_domain"},
		"another universe by the environment": {func(d *desk) { d.env["GOOGLE_CLOUD_UNIVERSE_DOMAIN"] = "evil.example" }, fault.Usage, "UNIVERSE_DOMAIN"},
		"a machine without account":           {func(d *desk) { d.gcp.WithoutAccount() }, fault.Usage, "no service account"},
		"no machine":                          {func(d *desk) { delete(d.env, "GCE_METADATA_HOST") }, fault.Usage, "GOOGLE_APPLICATION_CREDENTIALS (not set)"},
		"NO_GCE_CHECK":                        {func(d *desk) { d.env["NO_GCE_CHECK"] = "true" }, fault.Usage, "NO_GCE_CHECK is set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			test.set(d)
			token, err := d.source().Get(t.Context())
			var e *fault.Error
			if !errors.Is(err, test.class) || !errors.As(err, &e) || token.Bearer.Len() > 0 {
				t.Fatalf("Get = %v of class %s, want %s", err, fault.CodeOf(err), test.class)
			}
			if !strings.Contains(err.Error()+e.Fix, test.text) || e.Fix == "" || e.Origin != provider.Origin || !strings.HasPrefix(err.Error(), "prod: ") {
				t.Errorf("the error is %v; %s; of %q; want %q in it", err, e.Fix, e.Origin, test.text)
			}
			all := fmt.Sprintf("%v %+v %s %q", err, err, e.Fix, d.said)
			for _, s := range secrets {
				if strings.Contains(all, s) {
					t.Errorf("%s is in %s", s, all)
				}
			}
		})
	}
}

func TestProject(t *testing.T) {
	t.Parallel()
	_, account := accountKey(t)
	for name, test := range map[string]struct {
		set  func(d *desk)
		want string
	}{
		"the environment": {func(d *desk) { d.adc(account); d.env["GOOGLE_CLOUD_PROJECT"] = "env" }, "env"},
		"gcloud's":        {func(d *desk) { d.env["CLOUDSDK_CORE_PROJECT"] = "core" }, "core"},
		"the key's":       {func(d *desk) { d.adc(account) }, "from-key"},
		"a user has none": {func(d *desk) { d.adc(user()) }, ""},
		"the machine's":   {func(*desk) {}, gcpfake.Project},
	} {
		d := newDesk(t)
		test.set(d)
		if got, err := d.source().Project(t.Context()); got != test.want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.source()
	first, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Forget(gcpcreds.Token{})
	if same, _ := s.Get(t.Context()); string(same.Bearer.Reveal()) != string(first.Bearer.Reveal()) {
		t.Error("another was forgotten")
	}
	s.Forget(first)
	if next, err := s.Get(t.Context()); err != nil || string(next.Bearer.Reveal()) == string(first.Bearer.Reveal()) {
		t.Errorf("what was forgotten came back: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	fresh := d.source()
	if _, err := fresh.Get(gone); !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: %v", err)
	}
}

// TestSubjectIsNotSentInTheClear: to nobody but Google, or this machine in a test.
func TestSubjectIsNotSentInTheClear(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := d.external(object{"file": d.write("subject", gcpfake.SubjectToken)})
	e["token_url"] = "http://sts.example/token"
	d.adc(e)
	if _, err := d.source().Get(t.Context()); !errors.Is(err, fault.Usage) || len(d.guard.Dialled()) > 0 {
		t.Errorf("Get = %v, dialled %q", err, d.guard.Dialled())
	}
}
