package envelope

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/flatjson"
)

// Bounds of an encoded slot (I08). The largest honest one, to a 16,384-bit RSA key, has 6 KiB.
const (
	maxSlotSize = 128 << 10
	maxAgeSize  = 64 << 10
	maxField    = 4 << 10
	maxLabel    = 64 // characters
	maxSeal     = 256
)

// EncodeSlot returns the one JSON form of a slot. The error has class fault.Invalid if a field is out of bounds.
func EncodeSlot(s Slot) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "encode slot %s", s.ID)
	}
	return encodeSlot(s), nil
}

// encodeSlot ends the JSON with a checksum: SHA-256 of the JSON with an empty sum. It is no protection against anyone (Seal is)
// but tells a damaged slot from a wrong passphrase, when nothing else could (I04).
func encodeSlot(s Slot) []byte {
	bare := sha256.Sum256(appendSlot(nil, s, nil))
	return appendSlot(nil, s, bare[:])
}

func appendSlot(b []byte, s Slot, sum []byte) []byte {
	w := flatjson.Begin(b)
	w.Text("id", s.ID)
	w.Text("kind", string(s.Kind))
	w.TextIf("label", s.Label)
	if s.PostQuantum {
		w.Bool("post_quantum", true)
	}
	w.TextIf("recipient", s.Recipient)
	w.TextIf("path", s.Path)
	w.TextIf("env", s.Env)
	w.TextIf("plugin", s.Plugin)
	w.Time("created_at", s.CreatedAt)
	w.Unsigned("epoch", uint64(s.Epoch))
	w.Bytes("age", s.Age)
	w.Bytes("seal", s.Seal)
	w.Bytes("sum", sum)
	return w.End()
}

// DecodeSlot reads what EncodeSlot wrote, and nothing else: unknown, missing, doubled or reordered fields are errors. The error
// has class fault.Corrupted, or fault.NewerFormat for a kind that this version does not know.
func DecodeSlot(b []byte) (s Slot, err error) {
	if len(b) > maxSlotSize {
		return Slot{}, fault.New(fault.Corrupted, "damaged slot: %d bytes", len(b))
	}
	if s, err = readSlot(b); err != nil {
		return Slot{}, fault.Wrap(fault.Corrupted, err, "damaged slot")
	}
	if !bytes.Equal(encodeSlot(s), b) { // its sum is not as it should be, or there is more or another order
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

func readSlot(b []byte) (s Slot, err error) {
	var r flatjson.Reader
	_, err = r.Read(b, func(key []byte) error { return s.readField(&r, key) })
	return s, err
}

func (s *Slot) readField(r *flatjson.Reader, key []byte) error {
	switch string(key) {
	case "id":
		return flatjson.Text(r, &s.ID)
	case "kind":
		return flatjson.Text(r, &s.Kind)
	case "label":
		return flatjson.Text(r, &s.Label)
	case "post_quantum":
		return flatjson.Bool(r, &s.PostQuantum)
	case "recipient":
		return flatjson.Text(r, &s.Recipient)
	case "path":
		return flatjson.Text(r, &s.Path)
	case "env":
		return flatjson.Text(r, &s.Env)
	case "plugin":
		return flatjson.Text(r, &s.Plugin)
	case "created_at":
		return flatjson.Time(r, &s.CreatedAt)
	case "epoch":
		return flatjson.Unsigned(r, &s.Epoch)
	case "age":
		return flatjson.Bytes(r, &s.Age)
	case "seal":
		return flatjson.Bytes(r, &s.Seal)
	case "sum":
		return r.Skip() // what it must be is known once the rest is
	}
	return fmt.Errorf("unknown member %q", key)
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
