package audit

import (
	"context"
	"crypto/cipher"
	"io"
	"path/filepath"
	"sync"
	"time"

	"tacit/internal/paths"
)

// HashSize is the length of a record's hash in bytes.
const HashSize = 32

// SegmentSize is the size in bytes at which a segment is left and the next begun.
const SegmentSize = 64 << 20

// SegmentSpan is how long a segment is appended to: a log that grows slowly can be pruned too.
const SegmentSpan = 30 * 24 * time.Hour

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
	Keys        Keys                 // nil: only the chain can be checked (Verify, Head)
	Epoch       uint32               // the epoch that appended records are sealed in; a new segment begins when the last one has another
	SegmentSize int64                // bytes; 0: SegmentSize
	SegmentSpan time.Duration        // a segment has records of one such span of time, counted from the year 1; 0: SegmentSpan
	Pruned      func() (Head, error) // up to where records may be missing at the beginning, asked when some are; nil: none may
	Random      io.Reader            // for nonces; nil: the system
	Booted      func() time.Time     // when the machine started; nil: the system says
	Trace       func(phase string)   // for tests that die in the middle: told "locked", "writing", "written" and "synced"; nil: nobody
}

// Log is a log on disk. It is safe for use by several goroutines and, through audit.lock, by several processes.
type Log struct {
	opts  Options
	queue queue  // of appends
	sync  syncer // of what was appended and is not durable yet

	turn  sync.Mutex   // held while a batch is served
	lock  paths.Locker // on audit.lock
	kept  *end         // between batches, while a syncer runs
	space []byte       // that the batch before was written from
	own   Head         // of the record that was appended here last: nobody died over it
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
	if opts.SegmentSpan == 0 {
		opts.SegmentSpan = SegmentSpan
	}
	if opts.Booted == nil {
		opts.Booted = systemBooted
	}
	if opts.Random == nil {
		opts.Random = systemRandom{}
	}
	return &Log{opts: opts}
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
