package backup

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/fault"
	"tacit/internal/transfer/jsonstream"
)

func withPolicies(t *testing.T, p Policies) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, header)
	if err == nil {
		err = w.Secret(sample(0, "x"))
	}
	w.Policies(p)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readPolicies(doc []byte) (Policies, error) {
	b, err := NewReader(bytes.NewReader(doc))
	for err == nil {
		_, err = b.Next()
	}
	if errors.Is(err, io.EOF) {
		return b.Policies(), nil
	}
	return Policies{}, err
}

func TestPolicies(t *testing.T) {
	grants := []Grant{{"grant-1", "agent/demo", "read ci/*"}, {"grant-12", "user/ana", "list ** in workspace/W tagged a,b"}}
	for name, want := range map[string]Policies{
		"none": {}, "own": {Own: "// é \"quoted\"\n\tpermit (principal, action, resource);\n"}, "grants": {Grants: grants}, "both": {"forbid (principal, action, resource);", grants},
		"long": {Own: strings.Repeat("// \n", 64<<10)},
	} {
		doc := withPolicies(t, want)
		if got, err := readPolicies(doc); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got))
		}
		if name == "long" {
			continue
		}
		for cut := range len(doc) - 1 {
			if _, err := readPolicies(doc[:cut]); !errors.Is(err, fault.Corrupted) {
				t.Fatalf("%s, cut at %d: %v", name, cut, err)
			}
		}
	}
	good := string(withPolicies(t, Policies{"permit (principal, action, resource);", grants}))
	for name, c := range map[string][2]string{
		"two texts":      {`{"id":"grant-1","principal":"agent/demo","rule":"read ci/*"}`, `{"cedar":"x"}`},
		"unknown field":  {`"rule":"read ci/*"`, `"why":"read ci/*"`},
		"another field":  {`"rule":"read ci/*"`, `"rule":"read ci/*","x":1`},
		"missing field":  {`,"rule":"read ci/*"`, ``},
		"not text":       {`"rule":"read ci/*"`, `"rule":1`},
		"the same again": {`grant-12`, `grant-1`},
		"a list":         {`{"cedar":"permit (principal, action, resource);"}`, `[]`},
		"text and more":  {`resource);"}`, `resource);","x":1}`},
	} {
		doc := strings.Replace(good, c[0], c[1], 1)
		if _, err := readPolicies([]byte(doc)); doc == good || !errors.Is(err, fault.Corrupted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, err := NewWriter(io.Discard, header)
	if err != nil {
		t.Fatal(err)
	}
	w.Policies(Policies{Own: strings.Repeat("x", jsonstream.MaxToken+1)})
	if err := w.Close(); err == nil {
		t.Error("what cannot be read was written")
	}
}
