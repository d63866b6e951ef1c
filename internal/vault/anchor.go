package vault

import (
	"crypto/subtle"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// Witness is the audit record of a change: its place in the log. The anchor remembers it.
type Witness struct {
	Seq  uint64
	Hash [32]byte
}

// Anchor is the one sealed record that every change rewrites. It says what the whole vault must look like.
type Anchor struct {
	Revision uint64            `cbor:"1,keyasint"` // changes so far, counting from 1
	AuditSeq uint64            `cbor:"2,keyasint"` // the intent of the last change
	Audit    []byte            `cbor:"3,keyasint"` // its hash
	Sums     []sum             `cbor:"4,keyasint"` // by kind, in the order of accumulated
	Identity []byte            `cbor:"5,keyasint"` // 32 random bytes made with the vault; its fingerprint is a hash of them
	Header   []byte            `cbor:"6,keyasint"` // SHA-256 of the header record
	Scopes   map[string]uint64 `cbor:"7,keyasint"` // number of names and aliases in each scope that has any
	Epoch    uint32            `cbor:"8,keyasint"`
	Leaving  uint32            `cbor:"9,keyasint,omitempty"` // the epoch that a root rotation is moving records off; 0: none
	BackupAt Millis            `cbor:"10,keyasint,omitempty"`
	NextSlot int               `cbor:"11,keyasint"` // ids of slots are never used again
}

// sum is the accumulator of one kind: how many records there are, and the XOR of their marks.
type sum struct {
	_     struct{} `cbor:",toarray"`
	Count uint64
	XOR   []byte
}

func newSums() []sum {
	s := make([]sum, len(accumulated))
	for i := range s {
		s[i].XOR = make([]byte, envelope.MarkSize)
	}
	return s
}

func sumIndex(k Kind) int {
	for i, a := range accumulated {
		if a == k {
			return i
		}
	}
	return -1
}

func (s *sum) add(mark [envelope.MarkSize]byte) {
	s.Count++
	subtle.XORBytes(s.XOR, s.XOR, mark[:])
}

// merge adds what another accumulator has.
func (s *sum) merge(o *sum) {
	s.Count += o.Count
	subtle.XORBytes(s.XOR, s.XOR, o.XOR)
}

func (s *sum) remove(mark [envelope.MarkSize]byte) {
	s.Count--
	subtle.XORBytes(s.XOR, s.XOR, mark[:])
}

func (s *sum) equal(o *sum) bool {
	return s.Count == o.Count && subtle.ConstantTimeCompare(s.XOR, o.XOR) == 1
}

// Count returns the number of live records of a kind.
func (a *Anchor) Count(k Kind) int {
	if i := sumIndex(k); i >= 0 && i < len(a.Sums) { // the anchor may be from before there was such a kind
		return int(a.Sums[i].Count)
	}
	return 0
}

// clone returns a copy that can be changed.
func (a *Anchor) clone() *Anchor {
	c := *a
	c.Sums = make([]sum, len(accumulated))
	for i := range c.Sums {
		c.Sums[i].XOR = make([]byte, envelope.MarkSize)
		if i < len(a.Sums) {
			c.Sums[i].Count = a.Sums[i].Count
			copy(c.Sums[i].XOR, a.Sums[i].XOR)
		}
	}
	c.Scopes = make(map[string]uint64, len(a.Scopes))
	for k, v := range a.Scopes {
		c.Scopes[k] = v
	}
	return &c
}

func (a *Anchor) valid() bool {
	if a.Revision == 0 || a.Epoch == 0 || len(a.Identity) != 32 || len(a.Sums) > len(accumulated) {
		return false
	}
	for _, s := range a.Sums {
		if len(s.XOR) != envelope.MarkSize {
			return false
		}
	}
	return true
}

// damaged is the error for a record that cannot be read: err says whether it does not authenticate (tampered) or is no record
// at all (corrupted).
func damaged(kind Kind, object string, err error) error {
	code := fault.Corrupted
	if isOpenError(err) {
		code = fault.Tampered
	}
	what := kind.String() + " record"
	if object != "" {
		what += " of " + object
	}
	return fault.Wrap(code, err, "read vault: %s", what).About(object).WithFix("%s", engine.DamageFix)
}
