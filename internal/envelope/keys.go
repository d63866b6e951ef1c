package envelope

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
)

// MarkSize is the length of a mark and of an accumulator of marks.
const MarkSize = sha256.Size

// Keys are the subkeys of one epoch, in locked memory like the root key (I09). They are safe for use by several goroutines.
type Keys struct {
	epoch uint32
	mem   *lockedBuffer // the subkeys, one after another
}

// subkey is the place of a subkey in [Keys].
type subkey int

const (
	wrapKey subkey = iota
	auditKey
	indexKey
	markKey
	cacheKey
	subkeys
)

func (s subkey) label() string { return [...]string{"wrap", "audit", "index", "mark", "cache"}[s] }

func (s subkey) in(mem []byte) []byte { return mem[int(s)*KeySize : int(s+1)*KeySize] }

// NewKeys derives the subkeys of the root key for a vault: HKDF-SHA256 (RFC 5869) with the vault's id as salt and
// "tacit/1 LABEL" as info.
func NewKeys(root *Root, vaultID string, epoch uint32) (*Keys, error) {
	mem, err := newLockedBuffer(int(subkeys) * KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	err = root.use(func(key []byte) (err error) {
		guarded(func() {
			var extracted, sub []byte
			if extracted, err = hkdf.Extract(sha256.New, key, []byte(vaultID)); err != nil {
				return
			}
			for s := range subkeys {
				if sub, err = hkdf.Expand(sha256.New, extracted, "tacit/1 "+s.label(), KeySize); err != nil {
					return
				}
				copy(s.in(mem.bytes()), sub)
				clear(sub)
			}
			clear(extracted)
		})
		return err
	})
	if err != nil {
		mem.free()
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return &Keys{epoch, mem}, nil
}

// Epoch returns which root key these were derived from, counting from 1.
func (k *Keys) Epoch() uint32 { return k.epoch }

// Wipe destroys the keys and waits for uses under way. Afterwards sealing and opening are errors, and [Keys.Index] and [Keys.Mark] answer zeros.
func (k *Keys) Wipe() { k.mem.free() }

// Audit returns the AEAD of the audit log. Its Seal panics after [Keys.Wipe], since it has no other way to refuse.
func (k *Keys) Audit() cipher.AEAD { return lockedAEAD{k.mem, int(auditKey) * KeySize} }

// Seal appends the box of plaintext, bound to b and written at revision, to dst.
func (k *Keys) Seal(dst []byte, random io.Reader, revision uint64, b Binding, plaintext []byte) (box []byte, err error) {
	err = k.mem.use(func(mem []byte) (err error) {
		box, err = seal(dst, wrapKey.in(mem), true, random, Header{k.epoch, revision}, b, plaintext)
		return err
	})
	return box, err
}

// Open returns the header and plaintext of a box that [Keys.Seal] made with an equal binding.
func (k *Keys) Open(b Binding, box []byte) (h Header, plaintext []byte, err error) {
	return k.openInto(nil, b, box)
}

func (k *Keys) openInto(buf []byte, b Binding, box []byte) (h Header, plaintext []byte, err error) {
	err = k.mem.use(func(mem []byte) (err error) {
		h, plaintext, err = open(buf, wrapKey.in(mem), true, b, box)
		return err
	})
	return h, plaintext, err
}

// Index returns the keyed hash by which a name in a scope is found: HMAC-SHA256 of both, each preceded by its length.
func (k *Keys) Index(scope, name string) [sha256.Size]byte {
	var scratch [macScratch]byte
	return k.mac(indexKey, appendField(appendField(scratch[:0], scope), name))
}

// Mark returns the record's contribution to the accumulator: HMAC-SHA256 of its revision and key. The accumulator of a set of
// records is the XOR of their marks.
func (k *Keys) Mark(key []byte, revision uint64) [MarkSize]byte {
	var scratch [macScratch]byte
	return k.mac(markKey, append(binary.BigEndian.AppendUint64(scratch[:0], revision), key...))
}

// Cache returns a copy of the key for values of other stores that are kept for a while outside of the vault; the caller clears it.
func (k *Keys) Cache() []byte {
	out := make([]byte, KeySize)
	err := k.mem.use(func(mem []byte) error {
		copy(out, cacheKey.in(mem))
		return nil
	})
	if err != nil {
		return nil
	}
	return out
}

// macScratch is room for what is hashed without an allocation: the longest name in a common scope.
const macScratch = 384

func (k *Keys) mac(s subkey, message []byte) (sum [sha256.Size]byte) {
	_ = k.mem.use(func(mem []byte) error { // after Wipe: zeros, and whoever looks further finds that nothing opens
		guarded(func() { sum = hmacSHA256(s.in(mem), message) })
		return nil
	})
	return sum
}

// hmacSHA256 is HMAC-SHA256 (RFC 2104) with a key of one block or less. crypto/hmac would leave the key in two hash states on the
// heap, and costs 1 µs where this costs 0.3: a vault of a million records has four million of them.
func hmacSHA256(key, message []byte) [sha256.Size]byte {
	const (
		ipad = "6666666666666666666666666666666666666666666666666666666666666666" // 0x36, one block
		opad = `\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\` // 0x5c
	)
	var inner [sha256.BlockSize + macScratch]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], ipad)
	copy(outer[:], opad)
	subtle.XORBytes(inner[:], inner[:len(key)], key)
	subtle.XORBytes(outer[:], outer[:len(key)], key)
	sum := sha256.Sum256(append(inner[:sha256.BlockSize], message...))
	sum = sha256.Sum256(append(outer[:sha256.BlockSize], sum[:]...))
	clear(inner[:sha256.BlockSize])
	clear(outer[:])
	return sum
}
