package envelope

import "fmt"

// Keyring holds the subkeys by which the records of a vault can be read: those of the current epoch and, during a root
// rotation, those of the epoch before. New records are written under [Keyring.Current].
type Keyring struct {
	current *Keys
	old     *Keys // nil but during a rotation
}

// NewKeyring returns a keyring of the current epoch's keys and, during a rotation, the old epoch's (else nil).
func NewKeyring(current, old *Keys) *Keyring { return &Keyring{current, old} }

// Current returns the keys of the current epoch.
func (r *Keyring) Current() *Keys { return r.current }

// Old returns the keys of the epoch that is being left, or nil when no rotation is under way.
func (r *Keyring) Old() *Keys { return r.old }

// Wipe destroys the keys of both epochs; see [Keys.Wipe].
func (r *Keyring) Wipe() {
	r.current.Wipe()
	if r.old != nil {
		r.old.Wipe()
	}
}

// Epoch returns the keys of one epoch, or nil.
func (r *Keyring) Epoch(n uint32) *Keys {
	switch {
	case r.current.epoch == n:
		return r.current
	case r.old != nil && r.old.epoch == n:
		return r.old
	}
	return nil
}

// Open returns the header and plaintext of a box, whichever epoch it was sealed in.
func (r *Keyring) Open(b Binding, box []byte) (Header, []byte, error) { return r.OpenInto(nil, b, box) }

// OpenInto is Open for many boxes: the plaintext is in the memory of buf when that is large enough.
func (r *Keyring) OpenInto(buf []byte, b Binding, box []byte) (Header, []byte, error) {
	k, err := r.keysOf(box)
	if err != nil {
		return Header{}, nil, err
	}
	return k.openInto(buf, b, box)
}

// Unwrap returns the data key in a box, whichever epoch it was wrapped in.
func (r *Keyring) Unwrap(b Binding, box []byte) (*DataKey, error) {
	k, err := r.keysOf(box)
	if err != nil {
		return nil, err
	}
	return k.Unwrap(b, box)
}

func (r *Keyring) keysOf(box []byte) (*Keys, error) {
	h, err := ParseHeader(box)
	if err != nil {
		return nil, err
	}
	if k := r.Epoch(h.Epoch); k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("%w: no key of epoch %d", ErrOpen, h.Epoch)
}
