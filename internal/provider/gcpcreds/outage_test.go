package gcpcreds_test

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

// TestOutageIsNotMisconfigured: metadata that has a bad time is worth another try; only where nobody is, or no account, are there no
// credentials.
func TestOutageIsNotMisconfigured(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set  func(d *desk)
		want fault.Code
	}{
		"500":       {func(d *desk) { d.gcp.FailMetadata(500) }, fault.Unavailable},
		"429":       {func(d *desk) { d.gcp.FailMetadata(429) }, fault.Limited},
		"404":       {func(d *desk) { d.gcp.FailMetadata(404) }, fault.Usage},
		"no answer": {func(d *desk) { d.env["GCE_METADATA_HOST"] = d.silent() }, fault.Unavailable},
		"nobody":    {func(d *desk) { d.env["GCE_METADATA_HOST"] = "127.0.0.1:1" }, fault.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			test.set(d)
			if c, err := d.source().Get(t.Context()); !errors.Is(err, test.want) || c.Bearer.Len() > 0 {
				t.Errorf("Get = %v, want %s", err, test.want)
			}
			if _, err := d.source().Project(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("Project = %v, want %s", err, test.want)
			}
		})
	}
}

// TestGoodTokenIsKept: one that cannot be renewed in time is used to its end, without asking at each use, and no longer.
func TestGoodTokenIsKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.source()
	first, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.gcp.FailMetadata(503)
	d.clock.Later(56 * time.Minute)
	d.gcp.Asked()
	for range 2 {
		if c, err := s.Get(t.Context()); err != nil || string(c.Bearer.Reveal()) != string(first.Bearer.Reveal()) {
			t.Errorf("4 minutes before the end: %v", err)
		}
	}
	if asked := d.gcp.Asked(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
	d.clock.Later(4 * time.Minute)
	if c, err := s.Get(t.Context()); !errors.Is(err, fault.Unavailable) || c.Bearer.Len() > 0 {
		t.Errorf("at the end: %v", err)
	}
	d.gcp.FailMetadata(0)
	if c, err := s.Get(t.Context()); err != nil || string(c.Bearer.Reveal()) == string(first.Bearer.Reveal()) {
		t.Errorf("when it answers again: %v", err)
	}
}
