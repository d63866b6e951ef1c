package envelope

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
)

// Past is what a vault keeps of an epoch before the current one, sealed under the current epoch's wrap key: the audit subkey,
// for as long as the log has segments of that epoch, and the root key, for as long as records are sealed under it.
//
// Plaintext: audit subkey (32 bytes) ‖ root key (32 bytes, absent once it was dropped).
type Past struct {
	Audit cipher.AEAD
	Keys  *Keys // nil once the root key was dropped
}

// SealPast returns the box of what is kept of the epoch whose root key is past.
func (k *Keys) SealPast(random io.Reader, revision uint64, b Binding, vaultID string, past *Root) (box []byte, err error) {
	err = past.use(func(key []byte) error {
		audit, err := hkdf.Key(sha256.New, key, []byte(vaultID), "tacit/1 audit", KeySize)
		if err != nil {
			return err
		}
		p := append(audit, key...)
		defer clear(p)
		box, err = k.Seal(nil, random, revision, b, p)
		return err
	})
	return box, err
}

// OpenPast opens a box of SealPast or ResealPast.
func (k *Keys) OpenPast(b Binding, box []byte, vaultID string, epoch uint32) (Past, error) {
	_, p, err := k.Open(b, box)
	if err != nil {
		return Past{}, err
	}
	defer clear(p)
	if len(p) != KeySize && len(p) != 2*KeySize {
		return Past{}, fmt.Errorf("%w: keys of epoch %d", ErrMalformed, epoch)
	}
	mem, err := newLockedBuffer(KeySize)
	if err != nil {
		return Past{}, err
	}
	copy(mem.bytes(), p)
	past := Past{Audit: lockedAEAD{mem, 0}}
	if len(p) == KeySize {
		return past, nil
	}
	root, err := RootFrom(p[KeySize:])
	if err != nil {
		return Past{}, err
	}
	defer root.Wipe()
	past.Keys, err = NewKeys(root, vaultID, epoch)
	return past, err
}

// ResealPast opens a box that from sealed and seals it under k, without the root key.
func (k *Keys) ResealPast(random io.Reader, revision uint64, b Binding, from *Keys, box []byte) ([]byte, error) {
	_, p, err := from.Open(b, box)
	if err != nil {
		return nil, err
	}
	defer clear(p)
	if len(p) < KeySize {
		return nil, ErrMalformed
	}
	return k.Seal(nil, random, revision, b, p[:KeySize])
}
