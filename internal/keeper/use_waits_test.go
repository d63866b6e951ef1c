package keeper_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// A credential whose secret is gone, as one from a backup may be that was made without it, says so; everything else goes on.
func TestCredentialWithoutItsSecret(t *testing.T) {
	t.Parallel()
	_, k, u := newDemo(t, nil)
	ctx := t.Context()
	stored := `{"id":"demo-2","service":"demo","scope":"global","secrets":{"secret":"s_00000000000000000000000004"},"created_at":1}`
	if err := k.PutBroker(ctx, "credential/", []byte(stored)); err != nil {
		t.Fatal(err)
	}
	r := things()
	r.Credential = "demo-2"
	_, err := use(t, k, owner, r)
	var f *fault.Error
	if !errors.As(err, &f) || !errors.Is(err, fault.NotFound) || !strings.Contains(f.Error(), "the secret that was DEMO_KEY of the credential demo-2 is gone") ||
		!strings.Contains(f.Fix, "tacit credential rm demo-2") || u.seen.Load() != 0 {
		t.Errorf("%v; %d requests", err, u.seen.Load())
	}
	list, err := k.CredentialList(ctx, owner)
	if err != nil || list.Total != 2 || list.Credentials[1].State != "waiting" && list.Credentials[0].State != "waiting" {
		t.Errorf("%+v, %v", list, err)
	}
	mustUse(t, k, owner, things()) // with the one that has its secret
	d, err := k.Doctor(ctx, owner, keeper.DoctorRequest{})
	if err != nil || !slices.ContainsFunc(d.Checks, func(c client.DoctorCheck) bool {
		return c.Status == "warn" && strings.Contains(c.Detail, "DEMO_KEY is gone")
	}) {
		t.Errorf("doctor: %+v, %v", d, err)
	}
	if _, err := k.CredentialRemove(ctx, owner, "demo-2"); err != nil {
		t.Errorf("rm: %v", err)
	}
}

// A session token of AWS is not waited for; when it is there, it is signed and sent.
func TestSessionTokenIfThereIsOne(t *testing.T) {
	t.Parallel()
	var token, authorization string
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		token, authorization = r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization")
		fmt.Fprint(w, "ok")
	})
	h := newHome(t)
	k := h.open()
	file := string(u.file("acme", "ACME_ID"))
	file = strings.Replace(file, "secrets: {ACME_ID: secret}", "secrets: {ACME_ID: access_key_id, ACME_KEY: secret_access_key, ACME_SESSION: session_token}\npublic: [access_key_id]", 1)
	file = strings.Replace(file, `header: {name: x-key, value: "Key {{secret}}"}`, "sigv4: {service: s3, region: eu-central-1}", 1)
	addService(t, k, []byte(file))
	set(t, k, "ACME_ID", "AKIDEXAMPLE")
	set(t, k, "ACME_KEY", "key-of-acme/0123456789")
	r := things()
	r.Capability = "acme/things"
	ready := func() {
		t.Helper()
		list, err := k.ServiceList(t.Context(), owner)
		if i := slices.IndexFunc(list.Services, func(s client.Service) bool { return s.Service == "acme" }); err != nil || i < 0 || list.Services[i].State != "ready" {
			t.Fatalf("%+v, %v", list, err)
		}
	}
	ready()
	mustUse(t, k, owner, r)
	if token != "" || strings.Contains(authorization, "x-amz-security-token") || !strings.Contains(authorization, "AKIDEXAMPLE") {
		t.Errorf("without one: %q, %q", token, authorization)
	}
	set(t, k, "ACME_SESSION", "session-of-acme/0123456789")
	ready()
	mustUse(t, k, owner, r)
	if token != "session-of-acme/0123456789" || !strings.Contains(authorization, "x-amz-security-token") {
		t.Errorf("with one: %q, %q", token, authorization)
	}
	if _, err := k.Remove(t.Context(), owner, keeper.RemoveRequest{Names: []string{"ACME_SESSION"}}); err != nil {
		t.Fatal(err)
	}
	mustUse(t, k, owner, r)
	if token != "" {
		t.Errorf("after it went: %q", token)
	}
}

// When an access token ends is known to whoever asks the keeper that holds it: the agent, for `oauth status` of any process.
func TestWhenTheTokenEnds(t *testing.T) {
	t.Parallel()
	var bad atomic.Bool
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/token":
			fmt.Fprint(w, "ok")
		case bad.Load():
			http.Error(w, "later", http.StatusServiceUnavailable)
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"token-of-acme/0123456789","token_type":"Bearer","expires_in":3600}`)
		}
	})
	k := newHome(t).open()
	file := string(u.file("acme", "ACME_OAUTH"))
	addService(t, k, []byte(strings.Replace(file, `header: {name: x-key, value: "Key {{secret}}"}`, `oauth2: {grant: client_credentials, token_url: "`+u.URL+`/token"}`, 1)))
	set(t, k, "ACME_OAUTH", `{"client_id":"acme","client_secret":"secret-of-acme/0123456789"}`)
	var made time.Time
	state := func() *client.OAuthState {
		t.Helper()
		list, err := k.CredentialList(t.Context(), owner)
		if err != nil || list.Total != 1 || list.Credentials[0].OAuth == nil {
			t.Fatalf("%+v, %v", list, err)
		}
		made = list.Credentials[0].CreatedAt
		return list.Credentials[0].OAuth
	}
	if s := state(); s.ExpiresAt != nil || s.Error != nil {
		t.Errorf("before there is a token: %+v", s)
	}
	r := things()
	r.Capability = "acme/things"
	mustUse(t, k, owner, r)
	if s := state(); s.ExpiresAt == nil || s.ExpiresAt.Sub(made).Round(time.Minute) != time.Hour || s.Error != nil {
		t.Errorf("with one: %+v", s)
	}
	k.ForgetAnswers() // and the token with them
	if s := state(); s.ExpiresAt != nil {
		t.Errorf("of a token that nobody holds: %+v", s)
	}
	bad.Store(true)
	if _, err := use(t, k, owner, r); err == nil {
		t.Error("used without a token")
	}
	if s := state(); s.ExpiresAt != nil || s.Error == nil || strings.Contains(*s.Error, "secret-of-acme") {
		t.Errorf("after it could not be fetched: %+v", s)
	}
}
