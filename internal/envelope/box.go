package envelope

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length in bytes of root keys, subkeys and data keys.
const KeySize = 32

// Format is the version of the record format that this code reads and writes. docs/format.md describes it.
const Format = 1

// ErrOpen is the answer to every box that does not authenticate: wrong key, wrong place or changed bytes.
// The caller, who knows which record it was, gives it a class and a name.
var ErrOpen = errors.New("does not authenticate")

// ErrMalformed is the answer to bytes that are no box at all.
var ErrMalformed = errors.New("malformed record")

// Header stands in front of every box, in the clear but authenticated with it.
//
//	format   1 byte   Format
//	epoch    4 bytes  big endian; which root key
//	revision 8 bytes  big endian; the vault's revision that wrote the record
type Header struct {
	Epoch    uint32
	Revision uint64
}

// HeaderSize is the encoded length of a [Header].
const HeaderSize = 1 + 4 + 8

// Overhead is what a box adds to its padded plaintext.
const Overhead = HeaderSize + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Append appends the encoded header to dst.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, Format)
	dst = binary.BigEndian.AppendUint32(dst, h.Epoch)
	return binary.BigEndian.AppendUint64(dst, h.Revision)
}

// ParseHeader reads the header in front of a box.
func ParseHeader(record []byte) (Header, error) {
	if len(record) < HeaderSize {
		return Header{}, ErrMalformed
	}
	if record[0] != Format {
		return Header{}, fmt.Errorf("%w: format %d", ErrMalformed, record[0])
	}
	return Header{binary.BigEndian.Uint32(record[1:]), binary.BigEndian.Uint64(record[5:])}, nil
}

// Binding is the meaning of a box, as associated data (I02): a list of fields, each preceded by its length, so that no two
// different lists encode alike. Every binding begins with the vault, the kind of the record and its engine key.
type Binding struct{ ad []byte }

// Bind returns the binding of a record of the kind under key in the vault, with more fields where the kind has them.
func Bind(vaultID, kind string, key []byte, more ...string) Binding {
	n := len("tacit/1") + 4*4 + len(vaultID) + len(kind) + len(key)
	for _, m := range more {
		n += 4 + len(m)
	}
	ad := make([]byte, 0, n)
	ad = appendField(ad, "tacit/1")
	ad = appendField(ad, vaultID)
	ad = appendField(ad, kind)
	ad = appendField(ad, key)
	for _, m := range more {
		ad = appendField(ad, m)
	}
	return Binding{ad}
}

// with returns the associated data: the binding, then the header. It copies, since bindings are shared between goroutines.
func (b Binding) with(h Header) []byte {
	return h.Append(append(make([]byte, 0, len(b.ad)+HeaderSize), b.ad...))
}

func appendField[T string | []byte](dst []byte, f T) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f)))
	return append(dst, f...)
}

// seal appends header ‖ nonce ‖ ciphertext of the padded plaintext to dst; locked says that the key is in locked memory.
// The plaintext is padded where the ciphertext will be, so that no copy of it stays behind.
func seal(dst, key []byte, locked bool, random io.Reader, h Header, b Binding, plaintext []byte) ([]byte, error) {
	if uint64(len(plaintext)) > maxPlaintext {
		return nil, fmt.Errorf("seal %d bytes: more than a box holds", len(plaintext))
	}
	size := padmé(lengthSize + len(plaintext))
	dst = h.Append(slices.Grow(dst, Overhead+size))
	n := len(dst)
	dst = dst[:n+chacha20poly1305.NonceSizeX+size]
	nonce, padded := dst[n:n+chacha20poly1305.NonceSizeX], dst[n+chacha20poly1305.NonceSizeX:]
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	pad(padded, plaintext)
	if err := sealInPlace(key, locked, nonce, padded, b.with(h)); err != nil {
		return nil, err
	}
	return dst[:len(dst)+chacha20poly1305.Overhead], nil
}

// open returns the header and plaintext of a box made by seal. The plaintext is in the memory of buf when that is large enough.
func open(buf, key []byte, locked bool, b Binding, box []byte) (Header, []byte, error) {
	h, err := ParseHeader(box)
	if err != nil {
		return Header{}, nil, err
	}
	if len(box) < Overhead {
		return Header{}, nil, ErrMalformed
	}
	nonce, ciphertext := box[HeaderSize:HeaderSize+chacha20poly1305.NonceSizeX], box[HeaderSize+chacha20poly1305.NonceSizeX:]
	n := len(ciphertext) - chacha20poly1305.Overhead
	padded := slices.Grow(buf[:0], n)[:n]
	if err := openInto(padded, key, locked, nonce, ciphertext, b.with(h)); err != nil {
		return Header{}, nil, err
	}
	plaintext, err := unpad(padded)
	return h, plaintext, err
}

// sealInPlace encrypts p, behind which there is room for the tag. A key in locked memory is used under guarded; one that lives
// on the heap anyway is not, since what guarded erases is not cheap.
func sealInPlace(key []byte, locked bool, nonce, p, ad []byte) (err error) {
	work := func() {
		var aead cipher.AEAD
		if aead, err = chacha20poly1305.NewX(key); err == nil {
			aead.Seal(p[:0], nonce, p, ad)
		}
	}
	if locked {
		guarded(work)
	} else {
		work()
	}
	return err
}

// openInto decrypts into dst, which has the length of the plaintext.
func openInto(dst, key []byte, locked bool, nonce, ciphertext, ad []byte) (err error) {
	work := func() {
		var aead cipher.AEAD
		if aead, err = chacha20poly1305.NewX(key); err != nil {
			return
		}
		if _, e := aead.Open(dst[:0], nonce, ciphertext, ad); e != nil {
			err = ErrOpen
		}
	}
	if locked {
		guarded(work)
	} else {
		work()
	}
	return err
}

const (
	lengthSize   = 4       // the length field in front of a padded plaintext
	maxPlaintext = 1 << 30 // far more than any record, and its padded size fits an int everywhere
)

// pad fills dst, which has a Padmé length, with p: its length in front (4 bytes, big endian) and zeros behind (Nikitin et al.,
// "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019, section 4): at most 12 % more, and only
// O(log log n) bits of the length can be seen.
func pad(dst, p []byte) {
	binary.BigEndian.PutUint32(dst, uint32(len(p)))
	clear(dst[lengthSize+copy(dst[lengthSize:], p):])
}

func unpad(p []byte) ([]byte, error) {
	if len(p) < lengthSize {
		return nil, ErrMalformed
	}
	n := binary.BigEndian.Uint32(p)
	if uint64(n) > uint64(len(p)-lengthSize) {
		return nil, ErrMalformed
	}
	return p[lengthSize : lengthSize+n : lengthSize+n], nil
}

func padmé(n int) int {
	if n < 2 {
		return n
	}
	e := bits.Len(uint(n)) - 1
	s := bits.Len(uint(e))
	mask := 1<<(e-s) - 1
	return (n + mask) &^ mask
}
