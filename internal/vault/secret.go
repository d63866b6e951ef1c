package vault

import (
	"slices"
	"time"

	"tacit/internal/name"
)

// Millis is a time in milliseconds since 1970 UTC; 0 means none.
type Millis int64

// MillisOf returns t as Millis, 0 for nil.
func MillisOf(t *time.Time) Millis {
	if t == nil || t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time returns the time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Ptr returns the time, or nil for none.
func (m Millis) Ptr() *time.Time {
	if m == 0 {
		return nil
	}
	t := m.Time()
	return &t
}

// Via is how a version came to be.
type Via string

// The ways.
const (
	ViaSet      Via = "set"
	ViaRotate   Via = "rotate"
	ViaGenerate Via = "generate"
	ViaEdit     Via = "edit"
	ViaRollback Via = "rollback"
	ViaImport   Via = "import"
	ViaRefresh  Via = "refresh" // of a token: the broker changed it
)

// Secret is the metadata of a secret as its current version has it, or, for an older version, as it was while that version was
// the current one. It is sealed as CBOR (RFC 8949) with these integer keys.
type Secret struct {
	ID ID `cbor:"-"` // it is in the engine key

	Name        string     `cbor:"1,keyasint"`
	Scope       name.Scope `cbor:"2,keyasint"`
	Sealed      bool       `cbor:"3,keyasint,omitempty"`
	Pin         string     `cbor:"4,keyasint,omitempty"` // "builtin/openai"; empty for none
	Tags        []string   `cbor:"5,keyasint,omitempty"` // sorted
	Aliases     []string   `cbor:"6,keyasint,omitempty"`
	Groups      []string   `cbor:"7,keyasint,omitempty"` // attached to, of the secret's own workspace
	OwnedBy     string     `cbor:"8,keyasint,omitempty"`
	Note        string     `cbor:"9,keyasint,omitempty"`
	CreatedAt   Millis     `cbor:"10,keyasint"`
	UpdatedAt   Millis     `cbor:"11,keyasint"`
	RotateEvery int64      `cbor:"12,keyasint,omitempty"` // seconds
	Versions    int        `cbor:"13,keyasint"`           // kept, the current one included

	// Of the version.
	Version   int    `cbor:"14,keyasint"`
	Via       Via    `cbor:"15,keyasint"`
	Principal string `cbor:"16,keyasint"`
	MadeAt    Millis `cbor:"17,keyasint"`
	ExpiresAt Millis `cbor:"18,keyasint,omitempty"`
	ValidTo   Millis `cbor:"19,keyasint,omitempty"` // of a superseded version: the end of its overlap
	From      int    `cbor:"20,keyasint,omitempty"` // of a rollback: the version it repeats; of a refresh: the one that somebody gave
	Purged    bool   `cbor:"21,keyasint,omitempty"` // the value was destroyed; only the fact remains

	wrapped []byte  // the box of the version's data key, as reader found it beside the metadata
	reader  *Reader // nil when the secret was listed or is new
}

// Clone returns a copy that shares nothing with s that could be overwritten.
func (s *Secret) Clone() *Secret {
	c := *s
	c.Tags, c.Aliases, c.Groups = slices.Clone(s.Tags), slices.Clone(s.Aliases), slices.Clone(s.Groups)
	return &c
}

// Exposure returns the exposure as it is bound into ciphertext and printed.
func (s *Secret) Exposure() string {
	if s.Sealed {
		return "sealed"
	}
	return "readable"
}

// Expired reports whether the version may no longer be used at the time.
func (s *Secret) Expired(now time.Time) bool {
	n := Millis(now.UnixMilli())
	return s.ExpiresAt != 0 && n >= s.ExpiresAt || s.ValidTo != 0 && n >= s.ValidTo
}

// DueAt returns when the current version should be rotated, and whether it has a rotation at all.
func (s *Secret) DueAt() (time.Time, bool) {
	if s.RotateEvery == 0 {
		return time.Time{}, false
	}
	return s.MadeAt.Time().Add(time.Duration(s.RotateEvery) * time.Second), true
}
