package envelope

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"time"

	"tacit/internal/fault"
)

// Sign sets Seal: a box of the digest of every other field, so that only who holds the root key can make or change a slot.
// k are the keys of the slot's own epoch.
func (s *Slot) Sign(k *Keys, random io.Reader, vaultID string, revision uint64) error {
	digest := s.digest()
	box, err := k.Seal(nil, random, revision, s.binding(vaultID), digest[:])
	if err != nil {
		return fault.Wrap(fault.Failed, err, "seal slot %s", s.ID)
	}
	s.Seal = box
	return nil
}

// Authenticate returns an error of class fault.Tampered if any field is not as it was signed, in this vault, under k.
// Who opened a slot asks before trusting the others, above all before encrypting the next root key to their recipients.
func (s Slot) Authenticate(k *Keys, vaultID string) error {
	_, sealed, err := k.Open(s.binding(vaultID), s.Seal)
	digest := s.digest()
	if err != nil || subtle.ConstantTimeCompare(sealed, digest[:]) != 1 {
		return fault.New(fault.Tampered, "slot %s (%s) was changed from outside", s.ID, s.Kind).About(s.ID).
			WithFix("restore the vault from a backup, or remove the slot: tacit slot rm %s", s.ID)
	}
	return nil
}

func (s Slot) binding(vaultID string) Binding { return Bind(vaultID, "slot", []byte(s.ID)) }

// digest is SHA-256 over the fields in the order of [Slot], each preceded by its length.
func (s Slot) digest() [sha256.Size]byte {
	var b []byte
	for _, f := range []string{s.ID, string(s.Kind), s.Label} {
		b = appendField(b, f)
	}
	flag := []byte{0}
	if s.PostQuantum {
		flag[0] = 1
	}
	b = appendField(b, flag)
	for _, f := range []string{s.Recipient, s.Path, s.Env, s.Plugin, s.CreatedAt.UTC().Format(time.RFC3339Nano)} {
		b = appendField(b, f)
	}
	b = appendField(b, binary.BigEndian.AppendUint32(nil, s.Epoch))
	b = appendField(b, s.Age)
	return sha256.Sum256(b)
}
