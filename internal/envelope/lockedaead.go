package envelope

import (
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"
)

// lockedAEAD is XChaCha20-Poly1305 under a key in locked memory, made for each use so that the key stays there.
type lockedAEAD struct {
	mem *lockedBuffer
	at  int // where the key begins
}

func (lockedAEAD) NonceSize() int { return chacha20poly1305.NonceSizeX }
func (lockedAEAD) Overhead() int  { return chacha20poly1305.Overhead }

func (a lockedAEAD) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	err := a.use(func(aead cipher.AEAD) error {
		dst = aead.Seal(dst, nonce, plaintext, additionalData)
		return nil
	})
	if err != nil {
		panic("envelope: sealed with a wiped key")
	}
	return dst
}

func (a lockedAEAD) Open(dst, nonce, ciphertext, additionalData []byte) (plaintext []byte, err error) {
	err = a.use(func(aead cipher.AEAD) (err error) {
		plaintext, err = aead.Open(dst, nonce, ciphertext, additionalData)
		return err
	})
	return plaintext, err
}

func (a lockedAEAD) use(fn func(cipher.AEAD) error) error {
	return a.mem.use(func(mem []byte) (err error) {
		guarded(func() {
			var aead cipher.AEAD
			if aead, err = chacha20poly1305.NewX(mem[a.at : a.at+KeySize]); err == nil {
				err = fn(aead)
			}
		})
		return err
	})
}
