package audit

import (
	"context"
	"crypto/cipher"
)

// HashSize is the length of a record's hash in bytes.
const HashSize = 32

// Head names a place in the log: a record's number, counting from 1, and its hash. The zero Head is the empty log.
type Head struct {
	Seq  uint64
	Hash [HashSize]byte
}

// Keys gives the key of an epoch's segments, or an error of class fault.WrongKey when the vault has none.
type Keys interface {
	AuditKey(epoch uint32) (cipher.AEAD, error)
}

// Options say where a log is and how to read it.
type Options struct {
	Dir     string // the directory of the segments and of audit.lock; made 0700 when it is missing and something is appended
	VaultID string
	Keys    Keys   // nil: only the chain can be checked (Verify, Head)
	Epoch   uint32 // the epoch that appended records are sealed in; a new segment begins when the last one has another
}

// Log is a log on disk. It is safe for use by several goroutines and, through audit.lock, by several processes.
type Log struct{ opts Options }

// Last is the end of the log as Append's callback sees it.
type Last struct {
	Head   Head
	Record *Record // nil when the log is empty
}

// Open returns the log of opts. It touches no file.
func Open(opts Options) *Log { return &Log{opts} }

// Append takes audit.lock, drops a torn last line, opens the last record (fault.Tampered or fault.Foreign if it does not
// open), calls decide with it and appends the records that decide returns, in order. Each record's Seq is set.
// The bytes are written when Append returns and on disk if durable is true. If they cannot be written, nothing is (the file is
// cut back) and the error has class fault.DiskFull, fault.Permissions, fault.Busy or fault.Failed.
// It returns the head after the last record.
func (l *Log) Append(ctx context.Context, durable bool, decide func(last Last) ([]*Record, error)) (Head, error) {
	panic("skeleton")
}
