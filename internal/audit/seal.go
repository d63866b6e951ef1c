package audit

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"tacit/internal/fault"
)

// paddedTo: the sealed JSON is a multiple of this long, in bytes, so that the size of a record tells little of the names in it.
const paddedTo = 64

var errNotAuthentic = errors.New("does not authenticate")

// sealer makes and opens the ciphertexts of one epoch. It is for one goroutine.
type sealer struct {
	aead     cipher.AEAD
	bound    []byte // associated data: the fields that do not change, and behind them those of the last record
	constant int    // length of the former
	text     []byte // of the last record; reused
	box      []byte // what the hash of the last sealed line is over; reused
	decoder  decoder
}

func newSealer(aead cipher.AEAD, vaultID string) *sealer {
	s := &sealer{aead: aead}
	for _, field := range []string{"tacit/1", vaultID, "audit"} {
		s.bound = appendField(s.bound, []byte(field))
	}
	s.constant = len(s.bound)
	return s
}

// sealerOf returns the sealer of an epoch.
func (l *Log) sealerOf(epoch uint32) (*sealer, error) {
	aead, err := l.opts.Keys.AuditKey(epoch)
	if err != nil {
		return nil, fault.Wrap(fault.WrongKey, err, "audit log: key of epoch %d", epoch)
	}
	return newSealer(aead, l.opts.VaultID), nil
}

// bind returns the associated data of a record in its place.
func (s *sealer) bind(seq uint64, prev [HashSize]byte) []byte {
	s.bound = binary.BigEndian.AppendUint32(s.bound[:s.constant], 8)
	s.bound = binary.BigEndian.AppendUint64(s.bound, seq)
	s.bound = appendField(s.bound, prev[:])
	return s.bound
}

// seal returns the line of a record that follows after. It is valid until the next call.
func (s *sealer) seal(random io.Reader, r *Record, after Head) (line, error) {
	l := line{Head: Head{Seq: after.Seq + 1}, prev: after.Hash}
	s.text = appendRecord(s.text[:0], r)
	for len(s.text)%paddedTo != 0 {
		s.text = append(s.text, ' ')
	}
	begin := hashedSize + s.aead.NonceSize()
	s.box = slices.Grow(s.box[:0], begin+len(s.text)+s.aead.Overhead())[:begin]
	nonce := s.box[hashedSize:]
	if _, err := io.ReadFull(random, nonce); err != nil {
		return line{}, fmt.Errorf("read randomness: %w", err)
	}
	s.box = s.aead.Seal(s.box, nonce, s.text, s.bind(l.Seq, l.prev))
	l.hashed = s.box
	l.Hash = l.sum()
	return l, nil
}

// open returns the record of a line.
func (s *sealer) open(l *line) (Record, error) {
	n, box := s.aead.NonceSize(), l.ciphertext()
	if len(box) < n {
		return Record{}, errNotAuthentic
	}
	var err error
	s.text, err = s.aead.Open(s.text[:0], box[:n], box[n:], s.bind(l.Seq, l.prev))
	if err != nil {
		return Record{}, errNotAuthentic
	}
	r, err := s.decoder.record(s.text)
	r.Seq = l.Seq
	return r, err
}

func appendField(b, field []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}
