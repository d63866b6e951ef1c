package server

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/crypto/chacha20poly1305"

	"tacit/internal/fault"
)

// Bounds of an upload, in bytes: what of it stays in memory, and all of it.
const (
	spoolBlock  = 64 << 10
	spoolMemory = 1 << 20
	spoolMax    = 4 << 30
)

// A spool keeps an upload until it is complete: an import holds the vault's lock while it reads, so it must not wait for a peer.
//
// What does not fit in memory goes to a temporary file, encrypted under a key that only this spool has (I01). The file has no name
// while it is used, where the system allows that.
type spool struct {
	dir    string
	random io.Reader

	size   int64
	memory [][]byte // whole blocks
	block  []byte   // that is being filled
	file   *os.File
	frames uint64 // blocks in the file
	aead   cipher.AEAD
	read   uint64 // blocks that were read, of both
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.size += int64(len(p)); s.size > spoolMax {
		return 0, fault.New(fault.Invalid, "request: larger than %d bytes", int64(spoolMax))
	}
	for rest := p; len(rest) > 0; {
		if s.block == nil {
			s.block = make([]byte, 0, spoolBlock)
		}
		n := min(len(rest), spoolBlock-len(s.block))
		s.block = append(s.block, rest[:n]...)
		if rest = rest[n:]; len(s.block) == spoolBlock {
			if err := s.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

// flush puts the block away.
func (s *spool) flush() error {
	if len(s.memory) < spoolMemory/spoolBlock {
		s.memory, s.block = append(s.memory, s.block), nil
		return nil
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return spoolError(err)
		}
	}
	sealed := s.aead.Seal(s.block[:0:0], s.nonce(s.frames), s.block, nil)
	clear(s.block)
	s.block = s.block[:0]
	s.frames++
	_, err := s.file.Write(sealed)
	return spoolError(err)
}

func (s *spool) open() error {
	key := make([]byte, chacha20poly1305.KeySize)
	defer clear(key)
	if _, err := io.ReadFull(s.random, key); err != nil {
		return err
	}
	var err error
	if s.aead, err = chacha20poly1305.New(key); err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(s.dir, "tacit-*.upload"); err != nil {
		return err
	}
	_ = os.Remove(s.file.Name()) // on Windows, Close does it
	return nil
}

// nonce is that of one block: each is sealed once.
func (s *spool) nonce(n uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, chacha20poly1305.NonceSize-8, chacha20poly1305.NonceSize), n)
}

// next returns the next block, io.EOF after the last. It is called once everything was written.
func (s *spool) next() ([]byte, error) {
	n := s.read
	s.read++
	inMemory := uint64(len(s.memory))
	switch {
	case n < inMemory:
		return s.memory[n], nil
	case n < inMemory+s.frames:
		n -= inMemory
		sealed := make([]byte, spoolBlock+chacha20poly1305.Overhead)
		if _, err := s.file.ReadAt(sealed, int64(n)*int64(len(sealed))); err != nil {
			return nil, spoolError(err)
		}
		block, err := s.aead.Open(sealed[:0], s.nonce(n), sealed, nil)
		if err != nil {
			return nil, fault.New(fault.Tampered, "the temporary file of the import was changed")
		}
		return block, nil
	case n == inMemory+s.frames && len(s.block) > 0:
		return s.block, nil
	}
	return nil, io.EOF
}

// Close wipes what is in memory and gives the file back.
func (s *spool) Close() error {
	for _, b := range append(s.memory, s.block) {
		clear(b[:cap(b)])
	}
	s.memory, s.block = nil, nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	_ = os.Remove(s.file.Name())
	return err
}

func spoolError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC):
		return fault.New(fault.DiskFull, "no space left for the temporary file of an import; nothing was imported")
	}
	return fault.Wrap(fault.Failed, err, "keep an import until it is complete")
}

// spoolReader reads a spool as a stream, wiping what was read.
type spoolReader struct {
	s     *spool
	block []byte
}

// Read implements io.Reader.
func (r *spoolReader) Read(p []byte) (int, error) {
	if len(r.block) == 0 {
		var err error
		if r.block, err = r.s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.block)
	clear(r.block[:n])
	r.block = r.block[n:]
	return n, nil
}
