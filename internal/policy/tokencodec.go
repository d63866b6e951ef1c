package policy

import (
	"time"

	"tacit/internal/fault"
	"tacit/internal/strictcbor"
)

// A tokenRecord is a token at rest. Times are milliseconds since 1970; 0 is none.
type tokenRecord struct {
	ID         string    `cbor:"1,keyasint"`
	Hash       []byte    `cbor:"2,keyasint"`
	Principal  Principal `cbor:"3,keyasint"`
	Rules      []string  `cbor:"4,keyasint"`
	CreatedAt  int64     `cbor:"5,keyasint"`
	CreatedBy  Principal `cbor:"6,keyasint,omitempty"`
	ExpiresAt  int64     `cbor:"7,keyasint,omitempty"`
	UsesLeft   *int      `cbor:"8,keyasint,omitempty"`
	Workspace  string    `cbor:"9,keyasint,omitempty"`
	Group      string    `cbor:"10,keyasint,omitempty"`
	Parent     string    `cbor:"11,keyasint,omitempty"`
	RevokedAt  int64     `cbor:"12,keyasint,omitempty"`
	LastUsedAt int64     `cbor:"13,keyasint,omitempty"`
}

// Encode returns the token's record.
func (t Token) Encode() ([]byte, error) {
	r := tokenRecord{
		ID: t.ID, Hash: t.Hash[:], Principal: t.Principal, CreatedAt: millis(t.CreatedAt), CreatedBy: t.CreatedBy,
		ExpiresAt: millis(t.ExpiresAt), Workspace: t.Workspace, Group: t.Group, Parent: t.Parent,
		RevokedAt: millis(t.RevokedAt), LastUsedAt: millis(t.LastUsedAt), Rules: []string{},
	}
	for _, rule := range t.Rules {
		r.Rules = append(r.Rules, rule.String())
	}
	if t.Limited {
		r.UsesLeft = &t.UsesLeft
	}
	return strictcbor.Marshal(r)
}

// DecodeToken reads what [Token.Encode] wrote. Errors are of class fault.Corrupted. A record with a rule that cannot be read is
// refused whole: less than a token has could be more than its child should get.
func DecodeToken(b []byte) (Token, error) {
	var r tokenRecord
	if err := strictcbor.Unmarshal(b, &r); err != nil {
		return Token{}, fault.Wrap(fault.Corrupted, err, "read token record")
	}
	t := Token{
		ID: r.ID, Principal: r.Principal, CreatedAt: instant(r.CreatedAt), CreatedBy: r.CreatedBy, ExpiresAt: instant(r.ExpiresAt),
		Workspace: r.Workspace, Group: r.Group, Parent: r.Parent, RevokedAt: instant(r.RevokedAt), LastUsedAt: instant(r.LastUsedAt),
	}
	if _, err := ParsePrincipal(string(r.Principal)); err != nil || len(r.Hash) != len(t.Hash) || r.ID == "" {
		return Token{}, fault.New(fault.Corrupted, "token record %q is not complete", clip(r.ID))
	}
	copy(t.Hash[:], r.Hash)
	for _, text := range r.Rules {
		rule, err := ParseRule(text)
		if err != nil {
			return Token{}, fault.New(fault.Corrupted, "token record %q holds a rule that cannot be read", clip(r.ID))
		}
		t.Rules = append(t.Rules, rule)
	}
	if r.UsesLeft != nil {
		t.Limited, t.UsesLeft = true, *r.UsesLeft
	}
	return t, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
