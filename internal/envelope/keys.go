package envelope

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// MarkSize is the length of a mark and of an accumulator of marks.
const MarkSize = sha256.Size

// Keys are the subkeys of one epoch. They are safe for use by several goroutines.
type Keys struct {
	epoch uint32
	wrap  cipher.AEAD
	audit cipher.AEAD
	index macPool
	mark  macPool
}

// NewKeys derives the subkeys of the root key for a vault: HKDF-SHA256 (RFC 5869) with the vault's id as salt and
// "tacit/1 LABEL" as info.
func NewKeys(root *Root, vaultID string, epoch uint32) (*Keys, error) {
	k := &Keys{epoch: epoch}
	err := root.use(func(key []byte) error {
		sub := func(label string) ([]byte, error) {
			return hkdf.Key(sha256.New, key, []byte(vaultID), "tacit/1 "+label, KeySize)
		}
		aead := func(label string) (cipher.AEAD, error) {
			b, err := sub(label)
			if err != nil {
				return nil, err
			}
			defer clear(b)
			return chacha20poly1305.NewX(b)
		}
		mac := func(label string) (func() hash.Hash, error) {
			b, err := sub(label)
			return func() hash.Hash { return hmac.New(sha256.New, b) }, err
		}
		var err error
		if k.wrap, err = aead("wrap"); err != nil {
			return err
		}
		if k.audit, err = aead("audit"); err != nil {
			return err
		}
		if k.index.make, err = mac("index"); err != nil {
			return err
		}
		k.mark.make, err = mac("mark")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return k, nil
}

// Epoch returns which root key these were derived from, counting from 1.
func (k *Keys) Epoch() uint32 { return k.epoch }

// Audit returns the AEAD of the audit log.
func (k *Keys) Audit() cipher.AEAD { return k.audit }

// Seal appends the box of plaintext, bound to b and written at revision, to dst.
func (k *Keys) Seal(dst []byte, random io.Reader, revision uint64, b Binding, plaintext []byte) ([]byte, error) {
	return seal(dst, k.wrap, random, Header{k.epoch, revision}, b, plaintext)
}

// Open returns the header and plaintext of a box that [Keys.Seal] made with an equal binding.
func (k *Keys) Open(b Binding, box []byte) (Header, []byte, error) { return open(k.wrap, b, box) }

// Index returns the keyed hash by which a name in a scope is found.
func (k *Keys) Index(scope, name string) [sha256.Size]byte {
	return k.index.sum(func(h hash.Hash, scratch []byte) {
		h.Write(appendField(appendField(scratch, scope), name))
	})
}

// Mark returns the record's contribution to the accumulator: a MAC over its key and revision. The accumulator of a set of
// records is the XOR of their marks.
func (k *Keys) Mark(key []byte, revision uint64) [MarkSize]byte {
	return k.mark.sum(func(h hash.Hash, scratch []byte) {
		h.Write(append(binary.BigEndian.AppendUint64(scratch, revision), key...))
	})
}

// DataKey is the key of one version's value. It is used once.
type DataKey struct{ key [KeySize]byte }

// NewDataKey returns a random key.
func NewDataKey(random io.Reader) (*DataKey, error) {
	d := new(DataKey)
	if _, err := io.ReadFull(random, d.key[:]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return d, nil
}

// Wipe overwrites the key.
func (d *DataKey) Wipe() { clear(d.key[:]) }

// Wrap appends the box of the data key under k to dst.
func (k *Keys) Wrap(dst []byte, random io.Reader, revision uint64, b Binding, d *DataKey) ([]byte, error) {
	return seal(dst, k.wrap, random, Header{k.epoch, revision}, b, d.key[:])
}

// Unwrap opens a box that [Keys.Wrap] made.
func (k *Keys) Unwrap(b Binding, box []byte) (*DataKey, error) {
	_, p, err := open(k.wrap, b, box)
	if err != nil {
		return nil, err
	}
	defer clear(p)
	if len(p) != KeySize {
		return nil, ErrMalformed
	}
	d := new(DataKey)
	subtle.ConstantTimeCopy(1, d.key[:], p)
	return d, nil
}

// Seal appends the box of a value under its data key to dst.
func (d *DataKey) Seal(dst []byte, random io.Reader, h Header, b Binding, value []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(d.key[:])
	if err != nil {
		return nil, err
	}
	return seal(dst, aead, random, h, b, value)
}

// Open returns the value of a box that [DataKey.Seal] made.
func (d *DataKey) Open(b Binding, box []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(d.key[:])
	if err != nil {
		return nil, err
	}
	_, p, err := open(aead, b, box)
	return p, err
}

// macPool hands out keyed hashes: making one costs two block compressions and allocations, resetting one does not.
type macPool struct {
	make func() hash.Hash
	pool sync.Pool
}

type macState struct {
	h       hash.Hash
	scratch []byte
}

func (p *macPool) sum(write func(h hash.Hash, scratch []byte)) (out [sha256.Size]byte) {
	s, ok := p.pool.Get().(*macState)
	if !ok {
		s = &macState{p.make(), make([]byte, 0, 128)}
	}
	s.h.Reset()
	write(s.h, s.scratch[:0])
	s.h.Sum(out[:0])
	p.pool.Put(s)
	return out
}
