package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// The text of a token is "tacit_", then 256 random bits and their CRC-32 (IEEE, big endian) in lower-case base32 without padding
// (RFC 4648, section 6). The checksum keeps no secret: it tells a truncated or mistyped token from an unknown one before anything
// is looked up.
const (
	TokenPrefix = "tacit_" // what every token begins with
	tokenRandom = 32
	tokenText   = len(TokenPrefix) + (8*(tokenRandom+crc32.Size)+4)/5
)

// A TokenHash is the SHA-256 of a token's text: all that is kept of it. The text has 256 random bits, so a slow hash would add
// nothing.
type TokenHash [sha256.Size]byte

// NewToken makes a token: its text, to be shown once, its id ("t_…") and its hash.
func NewToken(random io.Reader) (text secret.Value, id string, hash TokenHash, err error) {
	b := make([]byte, tokenRandom+10)
	if _, err := io.ReadFull(random, b); err != nil {
		return secret.Value{}, "", TokenHash{}, fmt.Errorf("read randomness: %w", err)
	}
	id = "t_" + base32Text(b[tokenRandom:])
	b = b[:tokenRandom]
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	out := []byte(TokenPrefix + base32Text(b))
	clear(b)
	return secret.New(out), id, sha256.Sum256(out), nil
}

// HashToken returns the hash by which a token is found, or an error of class fault.Denied for a text that is no token, with
// the likely reason. It never quotes the text.
func HashToken(text secret.Value) (TokenHash, error) {
	t := text.Reveal()
	bad := func(why string) (TokenHash, error) {
		return TokenHash{}, fault.Unproven("not a valid token: %s", why).WithFix("copy the whole token, as `tacit token create` printed it")
	}
	body, ok := bytes.CutPrefix(t, []byte(TokenPrefix))
	switch {
	case !ok:
		return bad("it does not begin with " + TokenPrefix)
	case len(t) < tokenText:
		return bad("it is too short")
	case len(t) > tokenText:
		return bad("it is too long")
	}
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(string(body)))
	if err != nil || base32Text(b) != string(body) { // one spelling only: no upper case, no stray bits at the end
		return bad("it is mistyped")
	}
	defer clear(b)
	if binary.BigEndian.Uint32(b[tokenRandom:]) != crc32.ChecksumIEEE(b[:tokenRandom]) {
		return bad("it is mistyped")
	}
	return sha256.Sum256(t), nil
}

func base32Text(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// A Token is what is kept of one.
type Token struct {
	ID        string // "t_…"
	Hash      TokenHash
	Principal Principal // that it proves
	Rules     []Rule    // what it permits
	Workspace string    // that its bearer is in; empty for none
	Group     string

	CreatedAt  time.Time
	CreatedBy  Principal
	ExpiresAt  time.Time // zero: never
	Limited    bool      // by UsesLeft
	UsesLeft   int
	Parent     string // id of the token that made it; empty when the owner did
	RevokedAt  time.Time
	LastUsedAt time.Time
}

// A State is what a token is good for.
type State string

// The states. Only an active token proves anything.
const (
	Active  State = "active"
	Expired State = "expired"
	UsedUp  State = "used_up"
	Revoked State = "revoked"
)

// State returns the token's own state; [Chain.State] knows that of its parents too.
func (t Token) State(now time.Time) State {
	switch {
	case !t.RevokedAt.IsZero():
		return Revoked
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return Expired
	case t.Limited && t.UsesLeft <= 0:
		return UsedUp
	}
	return Active
}

// Permits reports whether one of the token's rules permits doing a to o.
func (t Token) Permits(a Action, o Object) bool {
	for _, r := range t.Rules {
		if r.Permits(a, o) {
			return true
		}
	}
	return false
}
