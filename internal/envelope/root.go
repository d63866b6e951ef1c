package envelope

import (
	"crypto/subtle"
	"fmt"
	"io"
)

// Root is the root key of one epoch, in memory that is locked, guarded and left out of core dumps where the system can.
type Root struct{ mem *lockedBuffer }

// NewRoot returns a random root key.
func NewRoot(random io.Reader) (*Root, error) {
	var b [KeySize]byte
	defer clear(b[:])
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return RootFrom(b[:])
}

// RootFrom copies key into locked memory. The caller wipes key.
func RootFrom(key []byte) (*Root, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("root key: %d bytes instead of %d", len(key), KeySize)
	}
	mem, err := newLockedBuffer(KeySize)
	if err != nil {
		return nil, fmt.Errorf("lock memory for the root key: %w", err)
	}
	copy(mem.bytes(), key)
	return &Root{mem}, nil
}

// use calls fn with the key; fn must not keep it.
func (r *Root) use(fn func(key []byte) error) error { return r.mem.use(fn) }

// Lend calls fn with the key, for the one case in which it leaves the process: to the agent. fn must not keep it.
func (r *Root) Lend(fn func(key []byte) error) error { return r.use(fn) }

// equal reports whether both hold the same key.
func (r *Root) equal(other *Root) bool {
	same := false
	_ = r.use(func(a []byte) error {
		return other.use(func(b []byte) error {
			same = subtle.ConstantTimeCompare(a, b) == 1
			return nil
		})
	})
	return same
}

// Wipe destroys the key; later use is an error.
func (r *Root) Wipe() { r.mem.free() }
