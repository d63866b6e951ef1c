package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"tacit/internal/fault"
)

// Bounds of an encoded slot (I08). The largest honest one, to a 16,384-bit RSA key, has 6 KiB.
const (
	maxSlotSize = 128 << 10
	maxAgeSize  = 64 << 10
	maxField    = 4 << 10
	maxLabel    = 64 // characters
	maxSeal     = 256
)

// storedSlot is a slot as it is stored: with a checksum, which is no protection against anyone (Seal is) but tells a damaged
// slot from a wrong passphrase, when nothing else could (I04).
type storedSlot struct {
	Slot
	Sum []byte `json:"sum"` // SHA-256 of the JSON with an empty sum
}

// EncodeSlot returns the one JSON form of a slot. The error has class fault.Invalid if a field is out of bounds.
func EncodeSlot(s Slot) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "encode slot %s", s.ID)
	}
	return encodeSlot(s)
}

func encodeSlot(s Slot) ([]byte, error) {
	bare, err := json.Marshal(storedSlot{s, []byte{}})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bare)
	return json.Marshal(storedSlot{s, sum[:]})
}

// DecodeSlot reads what EncodeSlot wrote, and nothing else: unknown, missing, doubled or reordered fields are errors. The error
// has class fault.Corrupted, or fault.NewerFormat for a kind that this version does not know.
func DecodeSlot(b []byte) (Slot, error) {
	if len(b) > maxSlotSize {
		return Slot{}, fault.New(fault.Corrupted, "damaged slot: %d bytes", len(b))
	}
	var stored storedSlot
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&stored); err != nil {
		return Slot{}, fault.Wrap(fault.Corrupted, err, "damaged slot")
	}
	s := stored.Slot
	again, err := encodeSlot(s)
	if err != nil || !bytes.Equal(again, b) {
		return Slot{}, fault.New(fault.Corrupted, "damaged slot %q: its checksum does not match", s.ID).About(s.ID)
	}
	if !s.Kind.known() {
		return Slot{}, fault.New(fault.NewerFormat, "slot %s is of kind %q, which this version does not know", s.ID, s.Kind).About(s.ID).WithFix("install a newer tacit")
	}
	if err := s.check(); err != nil {
		return Slot{}, fault.Wrap(fault.Corrupted, err, "damaged slot %q", s.ID).About(s.ID)
	}
	return s, nil
}

func (k SlotKind) known() bool {
	switch k {
	case SlotPassphrase, SlotRecovery, SlotKeyFile, SlotKeyring, SlotEnv, SlotRecipient:
		return true
	}
	return false
}

// check tells whether every field is within its bounds and belongs to the slot's kind.
func (s Slot) check() error {
	bad := func(what string) error { return fault.New(fault.Invalid, "invalid %s", what) }
	switch {
	case !validSlotID(s.ID):
		return bad("slot id")
	case !s.Kind.known():
		return bad("slot kind")
	case !validLabel(s.Label):
		return bad("slot label")
	case len(s.Age) == 0 || len(s.Age) > maxAgeSize:
		return bad("age file")
	case len(s.Seal) > maxSeal:
		return bad("slot seal")
	case s.Epoch == 0:
		return bad("slot epoch")
	case !plain(s.Recipient) || !plain(s.Path) || !plain(s.Env) || !plain(s.Plugin):
		return bad("slot field")
	case s.Kind.NeedsUser() && s.Recipient != "", (s.Kind == SlotKeyring || s.Kind == SlotRecipient) && s.Recipient == "":
		return bad("slot recipient")
	case (s.Kind == SlotKeyFile) != (s.Path != ""), s.Path != "" && !filepath.IsAbs(s.Path):
		return bad("slot path")
	case (s.Kind == SlotEnv) != (s.Env != ""), s.Env != "" && !validEnvName(s.Env):
		return bad("slot variable")
	case s.Plugin != "" && !filepath.IsAbs(s.Plugin):
		return bad("slot plugin")
	}
	return nil
}

// validSlotID reports whether id is a decimal number of at most 9 digits, without a zero in front.
func validSlotID(id string) bool {
	return id != "" && len(id) <= 9 && id[0] != '0' && strings.Trim(id, "0123456789") == ""
}

func validLabel(s string) bool {
	return utf8.RuneCountInString(s) <= maxLabel && plain(s)
}

// plain reports whether s is text of a bearable length without control characters.
func plain(s string) bool {
	return len(s) <= maxField && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func validEnvName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
