package envelope

import (
	"bytes"
	"crypto/rand"
	"os"
	"strings"
	"testing"
)

// TestWriteVectors writes testdata/vectors anew, with the age on PATH, when TACIT_WRITE_VECTORS is set. It was run once.
func TestWriteVectors(t *testing.T) {
	if os.Getenv("TACIT_WRITE_VECTORS") == "" {
		return
	}
	m := newMachine(t)
	key := bytes.Repeat([]byte{7}, KeySize)
	root, err := RootFrom(key)
	if err != nil {
		t.Fatal(err)
	}
	m.root = root
	k, err := NewKeys(root, "v_vector", 1)
	if err != nil {
		t.Fatal(err)
	}
	plain := m.write("root", string(key), 0o600)
	run(t, "age-keygen", "-o", m.path("key.txt"))
	text, _ := os.ReadFile(m.path("key.txt"))
	recipient := strings.TrimSpace(run(t, "age-keygen", "-y", m.path("key.txt")))
	s := m.make("2", Spec{Kind: SlotRecipient, Recipient: recipient})
	s.Age = []byte(run(t, "age", "-r", recipient, plain))
	p := m.passphrase("1", "correct horse")
	p.Age = []byte(ageOnTerminal(t, "age -p "+shellQuote(plain), "correct horse"))
	box, err := k.Seal(nil, rand.Reader, 3, Bind("v_vector", "vector", []byte("key"), "more"), []byte("plaintext"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"key.txt": text, "box.bin": box}
	for name, s := range map[string]Slot{"recipient.json": s, "passphrase.json": p} {
		if err := s.Sign(k, rand.Reader, "v_vector", 3); err != nil {
			t.Fatal(err)
		}
		if files[name], err = EncodeSlot(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range files {
		if err := os.WriteFile("testdata/vectors/"+name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
