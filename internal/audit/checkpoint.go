package audit

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tacit/internal/fault"
)

// Checkpoint is a place in a vault's log, signed so that anyone who keeps it can tell later that the log was only appended to: it
// still has that record, and its chain leads on from there.
//
// In text it is a signed note (C2SP signed-note, Ed25519) of three lines: the origin, which is also the name of the key; seq in
// decimal; the hash in hex. Origin and hex keep it apart from a C2SP tlog-checkpoint: this log is a chain, not a tree.
type Checkpoint struct {
	Vault string
	Head
}

// origin names the log of a vault.
func origin(vault string) string { return "tacit-audit-chain/" + vault }

// VerifierKey returns the public half of the key of a vault's checkpoints as C2SP writes it: name, hash and key, joined by "+".
func VerifierKey(vault string, public ed25519.PublicKey) (string, error) {
	return note.NewEd25519VerifierKey(origin(vault), public)
}

// Sign returns the checkpoint in text.
func (c Checkpoint) Sign(key ed25519.PrivateKey) ([]byte, error) {
	s, err := newSigner(c.Vault, key)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: c.body(origin(c.Vault))}, s)
}

// SignPruned returns a note that the log begins after this place, since what was before was pruned. It is signed as a checkpoint is,
// and cannot be taken for one: its first line is another.
func (c Checkpoint) SignPruned(key ed25519.PrivateKey) ([]byte, error) {
	s, err := newSigner(c.Vault, key)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: c.body(origin(c.Vault) + "/pruned")}, s)
}

func (c Checkpoint) body(first string) string {
	return first + "\n" + strconv.FormatUint(c.Seq, 10) + "\n" + c.String() + "\n"
}

// signer signs notes. The one of package note would need the private key in a string, which cannot be cleared.
type signer struct {
	note.Verifier // for its name and hash
	key           ed25519.PrivateKey
}

func newSigner(vault string, key ed25519.PrivateKey) (signer, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return signer{}, errors.New("no Ed25519 key")
	}
	text, err := VerifierKey(vault, public)
	if err != nil {
		return signer{}, err
	}
	v, err := note.NewVerifier(text)
	return signer{v, key}, err
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

// OpenCheckpoint returns the checkpoint in text if the verifier key has signed it. fault.Usage: the key is none; fault.Invalid: the
// text is no checkpoint; fault.Tampered: the key has not signed it.
func OpenCheckpoint(text []byte, verifierKey string) (Checkpoint, error) {
	v, err := note.NewVerifier(verifierKey)
	if err != nil {
		return Checkpoint{}, fault.Wrap(fault.Usage, err, "not a verifier key: %.80q", verifierKey).WithFix("tacit status prints the vault's")
	}
	n, err := note.Open(text, note.VerifierList(v))
	var unsigned *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &unsigned), errors.As(err, &wrong):
		return Checkpoint{}, fault.New(fault.Tampered, "the checkpoint is not signed by %s", verifierKey).
			WithFix("if another vault made it, or this one before it was made anew, give that one's key: --key VERIFIERKEY")
	case err != nil:
		return Checkpoint{}, fault.Wrap(fault.Invalid, err, "not a checkpoint").WithFix("tacit audit checkpoint -o FILE makes one")
	}
	c, ok := parseCheckpoint(n.Text)
	if !ok || origin(c.Vault) != v.Name() {
		return Checkpoint{}, fault.New(fault.Invalid, "not a checkpoint of an audit log: %.80q", n.Text).WithFix("tacit audit checkpoint -o FILE makes one")
	}
	return c, nil
}

func parseCheckpoint(body string) (c Checkpoint, ok bool) {
	lines := strings.Split(body, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return c, false
	}
	if c.Vault, ok = strings.CutPrefix(lines[0], origin("")); !ok || !validVault(c.Vault) {
		return c, false
	}
	hash, err := hex.DecodeString(lines[2])
	if err != nil || len(hash) != HashSize || hex.EncodeToString(hash) != lines[2] {
		return c, false
	}
	copy(c.Hash[:], hash)
	c.Seq, err = strconv.ParseUint(lines[1], 10, 64)
	return c, err == nil && c.Seq > 0 && strconv.FormatUint(c.Seq, 10) == lines[1]
}
