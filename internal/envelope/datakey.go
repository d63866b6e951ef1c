package envelope

import (
	"fmt"
	"io"
)

// DataKey is the key of one version's value. It is used once. Like the value that it protects it lives on the ordinary heap (I09).
type DataKey struct {
	key *[KeySize]byte // a pointer, since fmt's %p prints what a struct holds, whatever methods it has
}

// NewDataKey returns a random key.
func NewDataKey(random io.Reader) (*DataKey, error) {
	d := &DataKey{new([KeySize]byte)}
	if _, err := io.ReadFull(random, d.key[:]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return d, nil
}

// Wipe overwrites the key.
func (d *DataKey) Wipe() { clear(d.key[:]) }

// Seal appends the box of a value under its data key to dst.
func (d *DataKey) Seal(dst []byte, random io.Reader, h Header, b Binding, value []byte) ([]byte, error) {
	return seal(dst, d.key[:], false, random, h, b, value)
}

// Open returns the value of a box that [DataKey.Seal] made.
func (d *DataKey) Open(b Binding, box []byte) ([]byte, error) {
	_, p, err := open(nil, d.key[:], false, b, box)
	return p, err
}

// Wrap appends the box of the data key under k to dst.
func (k *Keys) Wrap(dst []byte, random io.Reader, revision uint64, b Binding, d *DataKey) ([]byte, error) {
	return k.Seal(dst, random, revision, b, d.key[:])
}

// Unwrap opens a box that [Keys.Wrap] made.
func (k *Keys) Unwrap(b Binding, box []byte) (*DataKey, error) {
	_, p, err := k.Open(b, box)
	if err != nil {
		return nil, err
	}
	defer clear(p)
	if len(p) != KeySize {
		return nil, ErrMalformed
	}
	d := &DataKey{new([KeySize]byte)}
	copy(d.key[:], p)
	return d, nil
}
