package awscreds_test

import (
	"errors"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider/rest/resttest"
)

// silent is an address that may be dialled, where nobody answers.
func (d *desk) silent() string {
	address := resttest.Silent(d.t)
	d.guard.Open(address)
	return address
}

// TestOutageIsNotMisconfigured: metadata that has a bad time is worth another try; only where nobody is, or no role, are there no
// credentials.
func TestOutageIsNotMisconfigured(t *testing.T) {
	t.Parallel()
	const token, roles = "/latest/api/token", "/latest/meta-data/iam/security-credentials/"
	for name, test := range map[string]struct {
		set  func(d *desk)
		want fault.Code
	}{
		"500 for the token":       {func(d *desk) { d.aws.FailMetadata(token, 500) }, fault.Unavailable},
		"429 for the token":       {func(d *desk) { d.aws.FailMetadata(token, 429) }, fault.Limited},
		"403 for the token":       {func(d *desk) { d.aws.FailMetadata(token, 403) }, fault.Usage}, // that is how it says that it is off
		"503 for the role":        {func(d *desk) { d.aws.FailMetadata(roles, 503) }, fault.Unavailable},
		"404 for the role":        {func(d *desk) { d.aws.FailMetadata(roles, 404) }, fault.Usage},
		"429 for the credentials": {func(d *desk) { d.aws.FailMetadata(roles+"app", 429) }, fault.Limited},
		"404 for the credentials": {func(d *desk) { d.aws.FailMetadata(roles+"app", 404) }, fault.Unavailable},
		"no answer":               {func(d *desk) { d.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://" + d.silent() }, fault.Unavailable},
		"nobody":                  {func(d *desk) { d.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1" }, fault.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.toFake()
			test.set(d)
			if c, err := d.source("").Get(t.Context()); !errors.Is(err, test.want) || c.KeyID != "" {
				t.Errorf("Get = %q, %v, want %s", c.KeyID, err, test.want)
			}
		})
	}
}

// TestGoodCredentialsAreKept: those that cannot be renewed in time are used to their end, without asking at each use, and no longer.
func TestGoodCredentialsAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.toFake()
	s := d.source("")
	first, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.aws.FailMetadata("/latest/", 503)
	d.clock.Later(56 * time.Minute)
	d.aws.Asked()
	for range 2 {
		if c, err := s.Get(t.Context()); err != nil || c.KeyID != first.KeyID {
			t.Errorf("4 minutes before the end: %s, %v", c.KeyID, err)
		}
	}
	if asked := d.aws.Asked(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
	d.clock.Later(4 * time.Minute)
	if c, err := s.Get(t.Context()); !errors.Is(err, fault.Unavailable) || c.KeyID != "" {
		t.Errorf("at the end: %s, %v", c.KeyID, err)
	}
	d.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1"
	if _, err := s.Get(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("nobody is there any more: %v", err)
	}
	d.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = d.aws.URL
	d.aws.FailMetadata("", 0)
	if c, err := s.Get(t.Context()); err != nil || c.KeyID == first.KeyID {
		t.Errorf("when it answers again: %s, %v", c.KeyID, err)
	}
}
