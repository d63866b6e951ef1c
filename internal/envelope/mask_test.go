package envelope

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// I01: no key and no passphrase comes out of fmt, encoding/json or slog, by any verb, also from inside of what holds it.
func TestI01KeysCannotBePrinted(t *testing.T) {
	t.Parallel()
	key := []byte("canary-canary-canary-canary-key!")
	root, err := RootFrom(key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeys(root, "v", 1)
	if err != nil {
		t.Fatal(err)
	}
	for s := range subkeys { // make the subkeys recognisable
		copy(s.in(keys.mem.bytes()), key)
	}
	data := &DataKey{(*[KeySize]byte)(key)}
	m := newMachine(t)
	m.passphrase("1", string(key))
	m.env["TACIT_PASSPHRASE"] = string(key)
	m.opens("1", m.passphrase("1", string(key)))
	id, err := parseIdentity(strings.TrimSpace(newX25519(t)), "x")
	if err != nil {
		t.Fatal(err)
	}
	box, err := keys.SealPast(rand.Reader, 1, Bind("v", "past", nil), "v", root)
	if err != nil {
		t.Fatal(err)
	}
	past, err := keys.OpenPast(Bind("v", "past", nil), box, "v", 1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	logs := []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))}
	for _, v := range []any{root, keys, data, *data, NewKeyring(keys, keys), *NewKeyring(keys, nil), keys.Audit(), past, m.Opener, *m.Opener, id} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%p"} {
			fmt.Fprintf(&out, verb+"\n", v)
			fmt.Fprintf(&out, verb+"\n", []any{v})
			fmt.Fprintf(&out, verb+"\n", struct{ V any }{v})
		}
		_ = json.NewEncoder(&out).Encode(v) // that functions cannot be encoded is fine
		for _, l := range logs {
			l.Info("x", "v", v)
		}
	}
	text := strings.ToLower(out.String())
	decimal := strings.Trim(fmt.Sprint([]byte("canary")), "[]")
	for _, form := range []string{"canary", hex.EncodeToString([]byte("canary")), strings.ToLower(base64.StdEncoding.EncodeToString([]byte("canary"))), decimal, "age-secret-key"} {
		if strings.Contains(text, form) {
			t.Errorf("the output contains the key as %q", form)
		}
	}
}
