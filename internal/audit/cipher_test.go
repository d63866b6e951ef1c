package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestI03NamesAreCiphertext looks for everything that a record says in the files.
func TestI03NamesAreCiphertext(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	r := &Record{
		Time: aTime, Principal: "user/canary-principal", Door: "canary-door", Executable: "/canary/exe", Action: "canary-action",
		Object:   Object{Kind: "canary-kind", ID: "canary-id", Name: "canary-name", Scope: "workspace/canary"},
		Provider: "canary-provider", Result: "canary-result", Reason: "canary-reason", Policy: "canary-policy",
		Request: &Request{Method: "CANARY-GET", Path: "/canary-path", Credential: "canary-credential"},
	}
	h := add(t, Open(opts), r, r)
	if h.Seq != 2 {
		t.Fatal(h)
	}
	entries, err := os.ReadDir(opts.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b := bytes.ToLower(mustRead(t, filepath.Join(opts.Dir, e.Name())))
		for _, word := range []string{"canary", "read", "user/", "workspace", "2026", "y2fuyxj5"} { // the last is base64
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s holds %q", e.Name(), word)
			}
		}
	}
	// Two equal records do not look alike, and a name's length is not its record's.
	lines := bytes.Split(mustRead(t, filepath.Join(opts.Dir, "000001.log")), []byte("\n"))
	a, _ := newParser().record(lines[1])
	b, _ := newParser().record(lines[2])
	if bytes.Equal(a.ciphertext()[24:], b.ciphertext()[24:]) {
		t.Error("equal records have equal ciphertexts")
	}
	if n := (len(a.ciphertext()) - 24 - 16) % paddedTo; n != 0 {
		t.Errorf("ciphertext is not padded: %d over", n)
	}
	if strings.Contains(string(lines[0]), "canary") {
		t.Error("header")
	}
}

// FuzzSegment: whatever stands in a segment, nothing crashes, and what is accepted is authentic.
func FuzzSegment(f *testing.F) {
	v := newVictim(f)
	f.Add(v.files[0])
	f.Add(v.files[0][:len(v.files[0])-40])
	f.Add(bytes.Replace(v.files[0], []byte("\n"), []byte("\x00"), 3))
	f.Add([]byte{})
	f.Add(v.lines[0][0])
	f.Fuzz(func(t *testing.T, b []byte) {
		opts := testOptions(t)
		l := Open(opts)
		if err := errors.Join(os.Mkdir(opts.Dir, 0o700), os.WriteFile(l.segmentPath(1), b, 0o600)); err != nil {
			t.Fatal(err)
		}
		n := 0
		err := l.Scan(t.Context(), 0, func(r Record) error {
			n++
			if want := read(int(r.Seq)); r.Seq != uint64(n) || r.Object != want.Object {
				t.Errorf("%+v was never written", r)
			}
			return nil
		})
		r, verr := l.Verify(t.Context(), nil, nil)
		if err == nil && (verr != nil || r.Bad != nil) {
			t.Errorf("scan is content, verify is not: %+v, %v", r.Bad, verr)
		}
		if err == nil && int(r.Records) != n {
			t.Errorf("%d records, verify saw %d", n, r.Records)
		}
		_ = l.Reverse(t.Context(), func(Record) error { return nil })
		if h, err := l.Append(t.Context(), false, func(Last) ([]*Record, error) { return reads(n+1, 1), nil }); err == nil && h.Seq == 0 {
			t.Error("appended nothing")
		}
	})
}
