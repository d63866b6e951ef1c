package keeper_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/keeper"
)

// credentialChecks are what doctor says of credentials, one a line.
func credentialChecks(t *testing.T, k *keeper.Keeper) (lines []string) {
	t.Helper()
	d, err := k.Doctor(t.Context(), owner, keeper.DoctorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Checks {
		if strings.HasPrefix(c.Check, "credential.") {
			lines = append(lines, line(c))
		}
	}
	return lines
}

func line(c client.DoctorCheck) string {
	object, fix := "-", "-"
	if c.Object != nil {
		object = *c.Object
	}
	if c.Fix != nil {
		fix = *c.Fix
	}
	return strings.Join([]string{c.Status, c.Check, object, c.Detail, fix}, " | ")
}

func wantChecks(t *testing.T, k *keeper.Keeper, want ...string) {
	t.Helper()
	if got := credentialChecks(t, k); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// ownService is a service that nobody answers for: doctor asks nobody.
func ownService(id string, secrets ...string) []byte {
	var names, headers []string
	for i, s := range secrets {
		names = append(names, fmt.Sprintf("%s: p%d", s, i))
		headers = append(headers, fmt.Sprintf(`{name: x-%d, value: "{{p%d}}"}`, i, i))
	}
	return fmt.Appendf(nil, `service: %[1]s
hosts: [api.%[1]s.example]
secrets: {%[2]s}
auth: {headers: [%[3]s]}
capabilities: [{id: %[1]s/all, methods: [GET], paths: [/v1], risk: read}]
`, id, strings.Join(names, ", "), strings.Join(headers, ", "))
}

func TestDoctorOfCredentials(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	wantChecks(t, k, "ok | credential.ready | - | every credential has what it needs (credentials: 0) | -")

	addService(t, k, ownService("two", "TWO_KEY", "TWO_ID"))
	set(t, k, "TWO_KEY", "first-of-two-0123456789")
	wantChecks(t, k, "note | credential.waiting | two | waits for TWO_ID | tacit service describe two")
	set(t, k, "TWO_ID", "second-of-two-0123456789")
	wantChecks(t, k, "ok | credential.ready | - | every credential has what it needs (credentials: 1) | -")

	// Expired.
	soon := h.now.Add(time.Hour)
	sealed := true
	_, err := k.Set(t.Context(), owner, keeper.SetRequest{
		Ref: keeper.Ref{Name: "TWO_PROD"}, Value: val("of-production-0123456789"), Via: "set", ExpiresAt: &soon, Sealed: &sealed, Service: "two",
	})
	if err != nil {
		t.Fatal(err)
	}
	prod := keeper.CredentialRequest{ID: "prod", Service: "two", Secrets: map[string]string{"p0": "TWO_PROD"}}
	if _, err := k.CredentialCreate(t.Context(), owner, prod); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CapabilityBind(t.Context(), owner, keeper.BindRequest{Capability: "two/all", Credential: "two"}); err != nil {
		t.Fatal(err)
	}
	h.now = soon.Add(time.Minute)
	ready := "ok | credential.ready | - | credentials that have what they need: 1 | -"
	expired := "warn | credential.expired | prod | does not answer: TWO_PROD is expired | tacit set TWO_PROD"
	waits := "note | credential.waiting | prod | waits for TWO_ID | tacit service describe two"
	wantChecks(t, k, ready, expired, waits)

	// Stored before the service was known, and so not sealed for it; and sealed for another service.
	set(t, k, "LATE_KEY", "known-too-late-0123456789")
	addService(t, k, ownService("late", "LATE_KEY"))
	addService(t, k, ownService("gone", "GONE_KEY"))
	set(t, k, "GONE_KEY", "of-a-service-that-goes-0123")
	if _, err := k.ServiceRemove(t.Context(), owner, "gone"); err != nil {
		t.Fatal(err)
	}
	addService(t, k, ownService("heir", "GONE_KEY"))
	late := "warn | credential.pin | late | does not answer: LATE_KEY is not sealed for late | tacit update LATE_KEY --sealed"
	heir := "warn | credential.pin | heir | does not answer: GONE_KEY is sealed for gone | store it under another name: tacit set NEW --sealed --service heir"
	wantChecks(t, k, ready, expired, heir, late, waits)

	// Bound to what is not there any more.
	for _, n := range []string{"TWO_KEY", "TWO_ID"} {
		if _, err := k.Move(t.Context(), owner, keeper.Ref{Name: n}, "OLD_"+n); err != nil {
			t.Fatal(err)
		}
	}
	bound := "warn | credential.binding | two/all | is bound in global to two, which is not there | tacit capability unbind two/all"
	wantChecks(t, k, expired, heir, late, waits, bound)
}

// What another version stored and this one does not accept is named, however it is refused.
func TestDoctorOfServicesNotAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ stored, want string }{
		"an unknown key":    {`{"service":"acme","magic":true}`, "fail | credential.service | acme | a stored service is no longer accepted: line 1: unknown key"},
		"no JSON":           {`nonsense: [`, "fail | credential.service | - | a stored service is no longer accepted"},
		"a built-in's name": {string(ownService("openai", "MY_KEY")), "fail | credential.service | openai | the service openai belongs to the service openai"},
		"another's secret":  {string(ownService("thief", "FIRST_KEY")), "fail | credential.service | - | the secret FIRST_KEY belongs to the service first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			k := h.open()
			addService(t, k, ownService("first", "FIRST_KEY"))
			if err := k.PutBroker(t.Context(), "service/", []byte(c.stored)); err != nil {
				t.Fatal(err)
			}
			got := credentialChecks(t, h.open())
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("%q", got)
			}
		})
	}
}

// Many findings of one kind are some, sorted, and a number.
func TestDoctorOfManyCredentials(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	for i := range 25 {
		addService(t, k, ownService(fmt.Sprintf("s%02d", 24-i), fmt.Sprintf("KEY_%02d", 24-i), fmt.Sprintf("ID_%02d", 24-i)))
		set(t, k, fmt.Sprintf("KEY_%02d", 24-i), fmt.Sprintf("value-%02d-of-a-key", i))
	}
	got := credentialChecks(t, k)
	if len(got) != 11 || !strings.Contains(got[0], "| s00 |") || !strings.Contains(got[9], "| s09 |") || got[10] != "note | credential.waiting | - | and 15 more | tacit credential list" {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}
