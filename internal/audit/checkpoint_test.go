package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tacit/internal/fault"
)

func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func verifierKey(t *testing.T, key ed25519.PrivateKey) string {
	t.Helper()
	text, err := VerifierKey(testVault, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestCheckpoint opens with the standard tools what Sign wrote, and with OpenCheckpoint what the standard tools wrote.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	key := testKey(1)
	c := Checkpoint{testVault, Head{90, sha256.Sum256([]byte("x"))}}
	text, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	vkey := verifierKey(t, key)
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(text, note.VerifierList(v))
	want := "tacit-audit-chain/" + testVault + "\n90\n2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
	if err != nil || n.Text != want {
		t.Fatalf("%v, %+v", err, n)
	}
	if got, err := OpenCheckpoint(text, vkey); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}

	s, err := note.NewSigner("PRIVATE+KEY+" + vkey[:strings.LastIndexByte(vkey, '+')+1] + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	written := func(body string) []byte {
		b, err := note.Sign(&note.Note{Text: body}, s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if theirs := written(want); !bytes.Equal(theirs, text) {
		t.Errorf("package note writes %q, we write %q", theirs, text)
	}
	hash := strings.Split(want, "\n")[2]
	for name, tt := range map[string]struct {
		text []byte
		key  string
		want error
	}{
		"another key":     {text, verifierKey(t, testKey(2)), fault.Tampered},
		"no key":          {text, "tacit", fault.Usage},
		"edited":          {bytes.Replace(text, []byte("\n90\n"), []byte("\n91\n"), 1), vkey, fault.Tampered},
		"another vault":   {bytes.Replace(text, []byte(testVault), []byte("v_other"), 1), vkey, fault.Tampered},
		"not signed":      {[]byte(want), vkey, fault.Invalid},
		"empty":           {nil, vkey, fault.Invalid},
		"binary":          {[]byte{0, 1, 2, 0xff}, vkey, fault.Invalid},
		"a tree":          {written("tacit-audit-chain/" + testVault + "\n90\nLXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n"), vkey, fault.Invalid},
		"another origin":  {written("example.com/log\n90\n" + hash + "\n"), vkey, fault.Invalid},
		"leading zero":    {written("tacit-audit-chain/" + testVault + "\n090\n" + hash + "\n"), vkey, fault.Invalid},
		"record 0":        {written("tacit-audit-chain/" + testVault + "\n0\n" + hash + "\n"), vkey, fault.Invalid},
		"upper case":      {written("tacit-audit-chain/" + testVault + "\n90\n" + strings.ToUpper(hash) + "\n"), vkey, fault.Invalid},
		"more lines":      {written(want + "more\n"), vkey, fault.Invalid},
		"a vault with ..": {written("tacit-audit-chain/a b\n90\n" + hash + "\n"), vkey, fault.Invalid},
	} {
		if got, err := OpenCheckpoint(tt.text, tt.key); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, tt.want)
		}
	}
}

// TestI17VerifyFromAPlace accepts a log that grew and finds every other: cut, cut and written anew, put back and gone on.
func TestI17VerifyFromAPlace(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	place := v.anchor
	grown := add(t, v.Log, reads(25, 20)...)
	for _, known := range [][]Head{{place}, {place, grown}, {grown, place}} {
		if r, err := v.Verify(t.Context(), known, nil); err != nil || r.Bad != nil || r.Head != grown {
			t.Errorf("grown: %+v, %v", r, err)
		}
	}
	fork := place
	fork.Hash[0] ^= 1
	beyond := Head{Seq: grown.Seq + 3}
	for name, tt := range map[string]struct {
		known []Head
		want  uint64
	}{
		"another record":              {[]Head{fork}, fork.Seq},
		"cut":                         {[]Head{beyond}, grown.Seq + 1},
		"another record, and the end": {[]Head{grown, fork}, fork.Seq},
		"another record, and cut":     {[]Head{beyond, fork}, fork.Seq},
	} {
		r, err := v.Verify(t.Context(), tt.known, nil)
		if err != nil || r.Bad == nil || r.Bad.Kind != Truncated || r.Bad.Seq != tt.want {
			t.Errorf("%s: %+v, %v", name, r.Bad, err)
		}
	}
}
