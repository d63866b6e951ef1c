package awscreds_test

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the name of a file
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awscreds"
	"tacit/internal/provider/awsfake"
	"tacit/internal/provider/rest"
	"tacit/internal/provider/rest/resttest"
)

func TestMain(m *testing.M) {
	// As the credential_process of a test: it says what it sees and what it was told.
	if len(os.Args) > 2 && os.Args[1] == "credential-process" {
		switch os.Args[2] {
		case "fail":
			fmt.Fprint(os.Stderr, canary)
			os.Exit(3)
		case "garbage":
			fmt.Print("{", canary)
		case "endless":
			fmt.Print(strings.Repeat(canary, 100_000))
		case "hang":
			time.Sleep(time.Minute)
		default:
			fmt.Printf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q,"Expiration":"2026-01-01T10:00:00Z"}`, os.Args[2], strings.Join(os.Environ(), "+"))
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	canary = "canary-9Xw4" // in keys and tokens; it must be in no error and no debug line
	longID = "AKIDTESTLONG"
)

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// A desk is a machine with an environment, a home directory and a clock, beside a fake AWS.
type desk struct {
	t     *testing.T
	env   map[string]string
	home  string
	aws   *awsfake.Server
	clock *resttest.Clock
	guard *resttest.Guard

	said []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, env: map[string]string{}, home: t.TempDir(), clock: resttest.NewClock(start)}
	d.aws = awsfake.New(longID, awsfake.Key{Secret: canary}, 3, d.clock.Now)
	t.Cleanup(d.aws.Close)
	d.guard = resttest.NewGuard(d.aws.URL)
	return d
}

func (d *desk) source(profile string) *awscreds.Source {
	return awscreds.New(awscreds.Config{Name: "prod", Profile: profile, Dial: d.guard.Dial, World: provider.World{
		Getenv: func(n string) string { return d.env[n] }, Now: d.clock.Now, Home: d.home,
		ChildEnvironment: func(context.Context) ([]string, error) { return []string{"SEEN=" + canary}, nil },
		Debug:            func(m string, args ...any) { d.said = append(d.said, fmt.Sprint(m, args)) },
	}})
}

func (d *desk) write(path, text string) {
	d.t.Helper()
	path = filepath.Join(d.home, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// toFake sends all services to the fake.
func (d *desk) toFake() {
	for _, name := range []string{"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO", "AWS_EC2_METADATA_SERVICE_ENDPOINT"} {
		d.env[name] = d.aws.URL
	}
	d.aws.GiveOut("app", canary+"-sso", canary+"-container", time.Hour)
}

func (d *desk) login(key, expires string) {
	sum := sha1.Sum([]byte(key)) //nolint:gosec // the name of a file
	d.write(".aws/sso/cache/"+hex.EncodeToString(sum[:])+".json", fmt.Sprintf(`{"startUrl":"x","accessToken":%q,"expiresAt":%q}`, canary+"-sso", expires))
}

// self is a credential_process that is this test.
func self(t *testing.T, what string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`"%s" credential-process '%s'`, strings.ReplaceAll(exe, `\`, `/`), what)
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/app"
	for name, test := range map[string]struct {
		profile string
		set     func(d *desk)
		from    string // what the credentials say of themselves; "ID …" is a key id
		id      string
	}{
		"environment": {set: func(d *desk) {
			d.env["AWS_ACCESS_KEY_ID"], d.env["AWS_SECRET_ACCESS_KEY"] = longID, canary
			d.write(".aws/credentials", "[default]\naws_access_key_id=OTHER\naws_secret_access_key=x\n")
		}, from: "the environment", id: longID},
		"a profile of the settings counts over the environment": {profile: "named", set: func(d *desk) {
			d.env["AWS_ACCESS_KEY_ID"], d.env["AWS_SECRET_ACCESS_KEY"] = "OTHER", "x"
			d.write(".aws/credentials", "[named]\naws_access_key_id = "+longID+"\naws_secret_access_key = "+canary+" # a comment\n")
		}, from: "profile named", id: longID},
		"the default profile": {set: func(d *desk) {
			d.write(".aws/credentials", "; all of ours\r\n\r\n[default]\r\naws_access_key_id="+longID+"\r\naws_secret_access_key="+canary+"\r\n")
		}, from: "profile default", id: longID},
		"AWS_PROFILE, and files elsewhere": {set: func(d *desk) {
			d.env["AWS_PROFILE"], d.env["AWS_CONFIG_FILE"], d.env["AWS_SHARED_CREDENTIALS_FILE"] = "x y", "~/conf", filepath.Join(d.home, "cred")
			d.write("conf", "[profile \"x y\"]\naws_access_key_id=FROMCONFIG\ns3 =\n  aws_secret_access_key = nested\naws_secret_access_key="+canary+"\n")
			d.write("cred", "[x y]\naws_access_key_id="+longID+"\n")
		}, from: "profile x y", id: longID},
		"a role by its source": {set: func(d *desk) {
			d.env["AWS_PROFILE"] = "app"
			d.write(".aws/config", "[profile app]\nrole_arn="+role+"\nsource_profile=base\nexternal_id=x\nduration_seconds=900\nregion=eu-test-1\n[profile base]\naws_access_key_id="+longID+"\naws_secret_access_key="+canary+"\n")
		}, from: "profile app"},
		"a role on a role on itself": {set: func(d *desk) {
			d.env["AWS_PROFILE"] = "app"
			d.write(".aws/config", "[profile app]\nrole_arn="+role+"\nsource_profile=mid\n[profile mid]\nrole_arn="+role+"2\nsource_profile=mid\naws_access_key_id="+longID+"\naws_secret_access_key="+canary+"\n")
		}, from: "profile app"},
		"a role from the environment's keys": {profile: "app", set: func(d *desk) {
			d.env["AWS_ACCESS_KEY_ID"], d.env["AWS_SECRET_ACCESS_KEY"] = longID, canary
			d.write(".aws/config", "[profile app]\nrole_arn="+role+"\ncredential_source=Environment\n")
		}, from: "profile app"},
		"a web identity of the environment": {set: func(d *desk) {
			d.env["AWS_WEB_IDENTITY_TOKEN_FILE"], d.env["AWS_ROLE_ARN"] = filepath.Join(d.home, "token"), role
			d.write("token", "web.identity.token\n")
		}, from: "the web identity of the environment"},
		"a web identity of a profile": {set: func(d *desk) {
			d.write("token", "web.identity.token")
			d.write(".aws/config", "[default]\nrole_arn="+role+"\nweb_identity_token_file=~/token\n")
		}, from: "profile default"},
		"SSO": {set: func(d *desk) {
			d.login("https://acme.example/start", "2026-01-01T10:00:00UTC")
			d.write(".aws/config", "[default]\nsso_start_url=https://acme.example/start\nsso_region=eu-test-1\nsso_account_id=111122223333\nsso_role_name=dev\n")
		}, from: "SSO profile default"},
		"SSO of a session": {profile: "dev", set: func(d *desk) {
			d.login("acme", "2026-01-01T10:00:00Z")
			d.write(".aws/config", "[sso-session acme]\nsso_region=eu-test-1\nsso_start_url=x\n[profile dev]\nsso_session=acme\nsso_account_id=111122223333\nsso_role_name=dev\n")
		}, from: "SSO profile dev"},
		"a process": {set: func(d *desk) {
			d.write(".aws/config", "[default]\ncredential_process = "+self(d.t, longID)+"\n")
		}, from: "profile default", id: longID},
		"a container, by its address": {set: func(d *desk) {
			d.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], d.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = d.aws.URL+"/container", filepath.Join(d.home, "token")
			d.write("token", canary+"-container\n")
		}, from: "the container"},
		"a container, by a token": {set: func(d *desk) {
			d.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], d.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = d.aws.URL+"/container", canary+"-container"
			d.write(".aws/config", "[default]\nregion = eu-test-1\n") // nothing about credentials
		}, from: "the container"},
		"an instance": {set: func(*desk) {}, from: "the instance's role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.toFake()
			test.set(d)
			s := d.source(test.profile)
			c, err := s.Get(t.Context())
			if err != nil || c.From != test.from || c.KeyID == "" || test.id != "" && c.KeyID != test.id {
				t.Fatalf("Get = %s of %q, %v; want %q; %q", c.KeyID, c.From, err, test.from, d.guard.Dialled())
			}
			if test.id == "" && (c.Session == "" || !c.Expires.Equal(start.Add(time.Hour))) {
				t.Errorf("temporary credentials end at %v, with a session token of %d bytes", c.Expires, len(c.Session))
			}
			if name == "a process" && string(c.Key.Reveal()) != "SEEN="+canary {
				t.Errorf("the process saw %q", c.Key.Reveal())
			}
			// They are kept until shortly before their end.
			d.aws.Asked()
			if again, err := s.Get(t.Context()); err != nil || again.KeyID != c.KeyID || len(d.aws.Asked()) > 0 {
				t.Errorf("the second Get asked again: %s, %v", again.KeyID, err)
			}
			d.clock.Later(56 * time.Minute)
			if strings.HasPrefix(test.from, "SSO") || test.id != "" {
				return
			}
			if again, err := s.Get(t.Context()); err != nil || again.KeyID == c.KeyID {
				t.Errorf("4 minutes before the end: still %s, %v", again.KeyID, err)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/app"
	base := "[profile base]\naws_access_key_id=" + longID + "\naws_secret_access_key=" + canary + "\n"
	for name, test := range map[string]struct {
		profile string
		set     func(d *desk)
		class   fault.Code
		text    string // in the error or its way out
	}{
		"half a pair":   {set: func(d *desk) { d.env["AWS_SECRET_ACCESS_KEY"] = canary }, class: fault.Usage, text: "one is set and one is not"},
		"no such one":   {profile: "nobody", set: func(*desk) {}, class: fault.Usage, text: `no profile "nobody"`},
		"none by name":  {set: func(d *desk) { d.env["AWS_PROFILE"] = "nobody" }, class: fault.Usage, text: "list-profiles"},
		"empty profile": {profile: "p", set: func(d *desk) { d.write(".aws/config", "[profile p]\nregion=x\n") }, class: fault.Usage, text: "nothing of credentials"},
		"no key":        {profile: "p", set: func(d *desk) { d.write(".aws/config", "[profile p]\naws_access_key_id="+canary) }, class: fault.Usage, text: "no whole pair"},
		"a circle": {profile: "a", set: func(d *desk) {
			d.write(".aws/config", "[profile a]\nrole_arn="+role+"\nsource_profile=b\n[profile b]\nrole_arn="+role+"\nsource_profile=a\n")
		}, class: fault.Usage, text: "its own source"},
		"a long chain": {profile: "p0", set: func(d *desk) {
			var b strings.Builder
			for i := range 9 {
				fmt.Fprintf(&b, "[profile p%d]\nrole_arn=%s\nsource_profile=p%d\n", i, role, i+1)
			}
			d.write(".aws/config", b.String())
		}, class: fault.Usage, text: "more than 5"},
		"no source": {profile: "a", set: func(d *desk) { d.write(".aws/config", "[profile a]\nrole_arn="+role) }, class: fault.Usage, text: "credential_source"},
		"MFA": {profile: "a", set: func(d *desk) {
			d.write(".aws/config", base+"[profile a]\nrole_arn="+role+"\nsource_profile=base\nmfa_serial=x\n")
		}, class: fault.Usage, text: "MFA"},
		"a role that is refused": {profile: "a", set: func(d *desk) {
			d.write(".aws/config", base+"[profile a]\nrole_arn="+role+"\nsource_profile=base\n")
			d.aws.Deny()
		}, class: fault.Denied, text: "AccessDenied"},
		"a wrong key": {profile: "a", set: func(d *desk) {
			d.write(".aws/config", strings.Replace(base, canary, canary+"x", 1)+"[profile a]\nrole_arn="+role+"\nsource_profile=base\n")
		}, class: fault.Denied, text: "403"},
		"a web identity that is refused": {set: func(d *desk) {
			d.env["AWS_WEB_IDENTITY_TOKEN_FILE"], d.env["AWS_ROLE_ARN"] = filepath.Join(d.home, "token"), role
			d.write("token", canary)
		}, class: fault.Denied, text: "InvalidIdentityToken"},
		"no token": {set: func(d *desk) {
			d.env["AWS_WEB_IDENTITY_TOKEN_FILE"], d.env["AWS_ROLE_ARN"] = filepath.Join(d.home, "token"), role
		}, class: fault.Usage, text: "cannot be read"},
		"SSO never begun": {profile: "p", set: func(d *desk) {
			d.write(".aws/config", "[profile p]\nsso_start_url=x\nsso_region=eu-test-1\nsso_account_id=111122223333\nsso_role_name=dev\n")
		}, class: fault.Denied, text: "aws sso login --profile p"},
		"SSO ended": {profile: "p", set: func(d *desk) {
			d.login("x", "2026-01-01T08:59:59Z")
			d.write(".aws/config", "[profile p]\nsso_start_url=x\nsso_region=eu-test-1\nsso_account_id=111122223333\nsso_role_name=dev\n")
		}, class: fault.Denied, text: "aws sso login --profile p"},
		"SSO ended over there": {profile: "p", set: func(d *desk) {
			d.login("x", "2026-01-01T10:00:00Z")
			d.aws.GiveOut("", "another", "", time.Hour)
			d.write(".aws/config", "[profile p]\nsso_start_url=x\nsso_region=eu-test-1\nsso_account_id=111122223333\nsso_role_name=dev\n")
		}, class: fault.Denied, text: "aws sso login --profile p"},
		"SSO of no session": {profile: "p", set: func(d *desk) { d.write(".aws/config", "[profile p]\nsso_session=nobody\n") }, class: fault.Usage, text: "nobody"},
		"SSO in a region that is a host": {profile: "p", set: func(d *desk) {
			d.write(".aws/config", "[profile p]\nsso_start_url=x\nsso_region=x.evil.example/\nsso_account_id=1\nsso_role_name=dev\n")
		}, class: fault.Usage, text: "sso_region"},
		"a process that fails": {profile: "p", set: func(d *desk) {
			d.write(".aws/config", "[profile p]\ncredential_process="+self(d.t, "fail"))
		}, class: fault.Usage, text: "failed"},
		"a process that is none": {profile: "p", set: func(d *desk) { d.write(".aws/config", "[profile p]\ncredential_process=/nowhere/x") }, class: fault.Usage, text: "failed"},
		"a process that says nothing of use": {profile: "p", set: func(d *desk) {
			d.write(".aws/config", "[profile p]\ncredential_process="+self(d.t, "garbage"))
		}, class: fault.Usage, text: "did not print credentials"},
		"a process that does not stop": {profile: "p", set: func(d *desk) {
			d.write(".aws/config", "[profile p]\ncredential_process="+self(d.t, "endless"))
		}, class: fault.Usage, text: "did not print credentials"},
		"a container elsewhere": {set: func(d *desk) { d.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/" + canary }, class: fault.Usage, text: "not on this machine"},
		"a container that looks near": {set: func(d *desk) {
			d.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1.evil.example/"
		}, class: fault.Usage, text: "not on this machine"},
		"a container that refuses": {set: func(d *desk) {
			d.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], d.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = d.aws.URL+"/container", canary
		}, class: fault.Denied, text: "403"},
		"metadata is off":            {set: func(d *desk) { d.env["AWS_EC2_METADATA_DISABLED"] = "true" }, class: fault.Usage, text: "AWS_EC2_METADATA_DISABLED is set"},
		"an instance without role":   {set: func(d *desk) { d.aws.GiveOut("", "", "", time.Hour) }, class: fault.Usage, text: "aws sso login"},
		"a file that is a directory": {set: func(d *desk) { d.write(".aws/config/x", "") }, class: fault.Usage, text: "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.toFake()
			test.set(d)
			c, err := d.source(test.profile).Get(t.Context())
			var e *fault.Error
			if !errors.Is(err, test.class) || !errors.As(err, &e) || c.KeyID != "" {
				t.Fatalf("Get = %q, %v of class %s, want %s", c.KeyID, err, fault.CodeOf(err), test.class)
			}
			if !strings.Contains(err.Error()+e.Fix, test.text) || e.Fix == "" || e.Origin != provider.Origin || !strings.HasPrefix(err.Error(), "prod: ") {
				t.Errorf("the error is %v; %s; of %q; want %q in it", err, e.Fix, e.Origin, test.text)
			}
			if all := fmt.Sprintf("%v %+v %s %q", err, err, e.Fix, d.said); strings.Contains(all, canary) {
				t.Errorf("a canary is in %s", all)
			}
		})
	}
}

// TestNothingIsDialledByItself: with all endpoints as AWS has them, the only connections are those that the specification names, and
// the guard is what keeps them from being made.
func TestNothingIsDialledByItself(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set  func(d *desk)
		want string
	}{
		"keys":      {func(d *desk) { d.env["AWS_ACCESS_KEY_ID"], d.env["AWS_SECRET_ACCESS_KEY"] = "x", "y" }, "[]"},
		"disabled":  {func(d *desk) { d.env["AWS_EC2_METADATA_DISABLED"] = "true" }, "[]"},
		"instance":  {func(*desk) {}, "[169.254.169.254:80]"},
		"IPv6":      {func(d *desk) { d.env["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv6" }, "[[fd00:ec2::254]:80]"},
		"container": {func(d *desk) { d.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x" }, "[169.254.170.2:80]"},
		"role": {func(d *desk) {
			d.env["AWS_WEB_IDENTITY_TOKEN_FILE"], d.env["AWS_ROLE_ARN"], d.env["AWS_REGION"] = filepath.Join(d.home, "t"), "arn:aws:iam::1:role/x", "cn-north-1"
			d.write("t", "token")
		}, "[sts.cn-north-1.amazonaws.com.cn:443]"},
		"SSO": {func(d *desk) {
			d.login("x", "2026-01-01T10:00:00Z")
			d.write(".aws/config", "[default]\nsso_start_url=x\nsso_region=eu-west-1\nsso_account_id=1\nsso_role_name=dev\n")
		}, "[portal.sso.eu-west-1.amazonaws.com:443]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			test.set(d)
			_, err := d.source("").Get(t.Context())
			if got := fmt.Sprint(d.guard.Dialled()); got != test.want {
				t.Errorf("dialled %s, want %s; %v", got, test.want, err)
			}
		})
	}
}

func TestForgetAndRegion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.toFake()
	s := d.source("")
	first, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Forget(awscreds.Credentials{KeyID: "another"})
	if same, _ := s.Get(t.Context()); same.KeyID != first.KeyID {
		t.Error("others were forgotten")
	}
	s.Forget(first)
	if next, err := s.Get(t.Context()); err != nil || next.KeyID == first.KeyID {
		t.Errorf("what was forgotten came back: %s, %v", next.KeyID, err)
	}

	if r, err := s.Region(t.Context()); r != "" || err != nil {
		t.Errorf("Region = %q, %v", r, err)
	}
	d.write(".aws/config", "[default]\nregion = eu-test-9\n")
	for want, variable := range map[string]string{"eu-test-9": "", "eu-test-2": "AWS_DEFAULT_REGION"} {
		d.env = map[string]string{variable: want}
		if r, err := d.source("").Region(t.Context()); r != want || err != nil {
			t.Errorf("Region = %q, %v, want %q", r, err, want)
		}
	}
}

// TestCallersAtOnce: many callers ask once; one that leaves takes nobody with it.
func TestCallersAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.toFake()
	s := d.source("")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(gone); !errors.Is(err, context.Canceled) || !errors.Is(err, fault.Unavailable) {
		t.Errorf("a caller that left: %v", err)
	}
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			c, err := s.Get(t.Context())
			if err != nil {
				t.Error(err)
			}
			ids[i] = c.KeyID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("several were given out: %q", ids)
		}
	}
}

// TestSign: the signature is one that our own verifier takes, which was written after the specification; the fake verifies it.
func TestSign(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c, err := rest.New(rest.Config{Name: "prod", Base: d.aws.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d.env["AWS_ACCESS_KEY_ID"], d.env["AWS_SECRET_ACCESS_KEY"] = longID, canary
	creds, err := d.source("").Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{}`)
	for name, test := range map[string]struct {
		spoil func(*http.Request)
		want  string
	}{
		"good":               {func(*http.Request) {}, `"SecretList"`},
		"another action":     {func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager.DeleteSecret") }, "InvalidSignatureException"},
		"another path":       {func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/x", "" }, "InvalidSignatureException"},
		"a query":            {func(r *http.Request) { r.URL.RawQuery = "x=1" }, "InvalidSignatureException"},
		"an unsigned header": {func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }, "InvalidSignatureException"},
		"another time":       {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260101T090001Z") }, "InvalidSignatureException"},
		"none":               {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
	} {
		r := rest.Request{Method: http.MethodPost, Path: "/", Body: body, Header: http.Header{
			"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"secretsmanager.ListSecrets"},
		}, Sign: func(out *http.Request) error {
			err := awscreds.Sign(t.Context(), creds, out, body, "secretsmanager", "eu-test-1", d.clock.Now())
			test.spoil(out)
			return err
		}}
		a, err := c.Do(t.Context(), r)
		if err != nil || !bytes.Contains(a.Body, []byte(test.want)) {
			t.Errorf("%s: %s, %v, want %s", name, a.Body, err, test.want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-1": "https://ssm.eu-west-1.amazonaws.com", "us-gov-east-1": "https://ssm.us-gov-east-1.amazonaws.com",
		"cn-north-1": "https://ssm.cn-north-1.amazonaws.com.cn", "us-iso-east-1": "https://ssm.us-iso-east-1.c2s.ic.gov",
		"": "", "x.evil.example/": "", "EU": "", "a@b": "", "-a": "", "a:1": "", strings.Repeat("a", 33): "",
	} {
		if got, ok := awscreds.Endpoint("ssm", region); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", region, got, ok, want)
		}
	}
}

// TestProcessInTime: a process that hangs is ended with the caller's patience.
func TestProcessInTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(".aws/config", "[default]\ncredential_process="+self(t, "hang"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := d.source("").Get(ctx); !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get = %v", err)
	}
}
