package keeper_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// TestBackupHoldsPolicies: policies and grants come back as they were, also in another vault; tokens do not, and no number of a grant
// is used again.
func TestBackupHoldsPolicies(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "one")
	own := "// mine\n@id(\"no-prod\")\nforbid (principal, action, resource is Secret) when { resource.tags.contains(\"prod\") };\n"
	if _, err := k.PolicySet(t.Context(), owner, own); err != nil {
		t.Fatal(err)
	}
	grant := func(rule string) string {
		t.Helper()
		g, err := k.Grant(t.Context(), owner, "agent/demo", rule)
		if err != nil {
			t.Fatal(err)
		}
		return g.ID
	}
	grant("read gone")
	grant("read a")
	grant("list ** in workspace/W tagged x,y")
	if _, err := k.GrantRemove(t.Context(), owner, "grant-1"); err != nil {
		t.Fatal(err)
	}
	before, err := k.PolicyShow(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := k.Backup(t.Context(), owner, keeper.BackupRequest{}, &file); err != nil {
		t.Fatal(err)
	}
	demo, _ := token(t, k, keeper.TokenRequest{Allow: []string{"read a"}})
	if _, err := k.PolicySet(t.Context(), owner, ""); err != nil {
		t.Fatal(err)
	}
	grant("read later")
	out, err := k.Restore(t.Context(), owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes())})
	if err != nil || len(out.Warnings) != 1 || out.Warnings[0].Code != "tokens_ended" {
		t.Fatalf("%+v, %v", out.Warnings, err)
	}
	for _, k := range []*keeper.Keeper{k, h.open()} {
		if after, err := k.PolicyShow(t.Context(), owner); err != nil || after != before {
			t.Errorf("%+v, %v\nwant %+v", after, err, before)
		}
		if _, err := getAs(t, k, demo, "a"); !errors.Is(err, fault.Denied) {
			t.Errorf("a token lives on: %v", err)
		}
	}
	if id := grant("read next"); id != "grant-5" {
		t.Errorf("the next grant is %s", id)
	}
	d, err := k.Doctor(t.Context(), owner, keeper.DoctorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Checks {
		if c.Status == "fail" {
			t.Errorf("doctor: %+v", c)
		}
	}

	// Beside what is there, secrets alone are taken in, and that is said.
	other := newHome(t).open()
	got, err := other.ImportBackup(t.Context(), owner, keeper.ImportRequest{}, bytes.NewReader(file.Bytes()))
	if err != nil || len(got.Warnings) != 1 || got.Warnings[0].Code != "policies" || !strings.Contains(got.Warnings[0].Text, "2 grants") {
		t.Errorf("%+v, %v", got.Warnings, err)
	}
	if p, err := other.PolicyShow(t.Context(), owner); err != nil || p.Text != "" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := other.Backup(t.Context(), owner, keeper.BackupRequest{}, io.Discard); err != nil {
		t.Error(err)
	}
}
