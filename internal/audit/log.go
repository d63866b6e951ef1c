package audit

import (
	"context"
	"crypto/cipher"
	"io"
	"path/filepath"
	"sync"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// HashSize is the length of a record's hash in bytes.
const HashSize = 32

// SegmentSize is the size in bytes at which a segment is left and the next begun.
const SegmentSize = 64 << 20

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
	Dir         string // the directory of the segments and of audit.lock; made 0700 when it is missing and something is appended
	VaultID     string
	Keys        Keys               // nil: only the chain can be checked (Verify, Head)
	Epoch       uint32             // the epoch that appended records are sealed in; a new segment begins when the last one has another
	SegmentSize int64              // bytes; 0: SegmentSize
	Random      io.Reader          // for nonces; nil: the system
	Trace       func(phase string) // for tests that die in the middle: told "locked", "writing", "written" and "synced"; nil: nobody
}

// Log is a log on disk. It is safe for use by several goroutines and, through audit.lock, by several processes.
type Log struct {
	opts Options
	turn sync.Mutex // goroutines of this process queue here, not at audit.lock
}

// Last is the end of the log as Append's callback sees it.
type Last struct {
	Head   Head
	Record *Record // nil when the log is empty
}

// Open returns the log of opts. It touches no file.
func Open(opts Options) *Log {
	if opts.SegmentSize == 0 {
		opts.SegmentSize = SegmentSize
	}
	if opts.Random == nil {
		opts.Random = systemRandom{}
	}
	return &Log{opts: opts}
}

// Append takes audit.lock, drops a torn last line, opens the last record (fault.Tampered or fault.Foreign if it does not
// open), calls decide with it and appends the records that decide returns, in order. Each record's Seq is set.
// The bytes are written when Append returns and on disk if durable is true. If they cannot be written, nothing is (the file is
// cut back) and the error has class fault.DiskFull, fault.Permissions, fault.Busy or fault.Failed.
// It returns the head after the last record. An error of decide is returned as it is.
//
// The caller holds the vault's lock, see the package comment.
func (l *Log) Append(ctx context.Context, durable bool, decide func(last Last) ([]*Record, error)) (Head, error) {
	if l.opts.Keys == nil || !validVault(l.opts.VaultID) {
		return Head{}, fault.New(fault.Failed, "append to the audit log: no keys or no vault id")
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	if err := paths.EnsureDir(l.opts.Dir); err != nil {
		return Head{}, err
	}
	unlock, err := paths.Lock(ctx, l.lockPath(), false)
	if err != nil {
		return Head{}, err
	}
	defer unlock()
	l.trace("locked")
	e, err := l.openEnd(true)
	if err != nil {
		return Head{}, err
	}
	defer e.close()
	records, err := decide(e.last)
	if err != nil {
		return Head{}, err
	}
	if len(records) == 0 {
		return e.last.Head, nil
	}
	return e.append(records, durable)
}

// Head returns the end of the log without changing anything. Without keys the record is nil.
func (l *Log) Head(ctx context.Context) (Last, error) {
	unlock, err := l.lockForReading(ctx)
	if err != nil {
		return Last{}, err
	}
	defer unlock()
	e, err := l.openEnd(false)
	if err != nil {
		return Last{}, err
	}
	defer e.close()
	return e.last, nil
}

func (l *Log) lockPath() string { return filepath.Join(l.opts.Dir, "audit.lock") }

func (l *Log) trace(phase string) {
	if l.opts.Trace != nil {
		l.opts.Trace(phase)
	}
}
