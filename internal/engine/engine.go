// Package engine defines where ciphertext lives.
//
// An [Engine] is a small ordered map from byte keys to byte values. It never sees a name or a value in the clear:
// everything it stores was sealed by package envelope before. It knows nothing of secrets, versions or audit.
//
// What every engine promises, and package enginetest checks with faults:
//
//   - Atomic: a [Batch] is applied whole or not at all, whatever dies meanwhile.
//   - Durable: when [Writer.Commit] returns nil, the batch survives kill -9 and power loss.
//   - Serialisable: between [Engine.Begin] and [Writer.Close] no other writer, in any process, commits;
//     a [Snapshot] never shows half of a batch.
//   - Honest: damaged storage is an error of class fault.Corrupted: never a panic, a crash or a wrong value.
//     (A key that damage has hidden cannot be told from one that is absent here; package vault's accumulator tells.)
package engine

import (
	"context"

	"tacit/internal/fault"
)

// Engine stores ciphertext. Implementations are safe for use by several goroutines and several processes.
type Engine interface {
	// View calls fn with a consistent snapshot. Slices that the snapshot returns are valid until fn returns.
	// No replacement of the storage and, for a single-file engine, no commit happens while fn runs, so fn must be short.
	View(ctx context.Context, fn func(Snapshot) error) error

	// Begin waits, within the engine's bound, for the exclusive right to write. fault.Busy names the holder when it does not come.
	Begin(ctx context.Context) (Writer, error)

	// Stamp returns a value that differs after every commit or replacement by any process. It is cheap: no lock, no open.
	Stamp() (Stamp, error)

	// Close releases what the engine holds.
	Close() error
}

// DamageFix is the way out of storage that is damaged; RestoreFix is what is left of it for who has examined everything.
const (
	DamageFix  = "`tacit doctor` says what is damaged; " + RestoreFix
	RestoreFix = "to go on from a backup, move the vault and its audit directory away, then: tacit init && tacit import --replace BACKUP"
)

// Stamp identifies a state of the storage; two equal stamps mean that nothing was committed between them.
type Stamp struct {
	Generation uint64 // commits so far, as the engine counts them
	Storage    uint64 // identity of the storage itself (an inode); changes when it is replaced
}

// Snapshot is one consistent state, for the goroutine that was given it.
type Snapshot interface {
	// Get returns the value of key and whether there is one.
	Get(key []byte) (value []byte, ok bool, err error)

	// Scan calls fn for each key that starts with prefix and is >= from (nil: from the first), in ascending byte order,
	// until fn returns an error; [ErrStop] ends the scan without one.
	Scan(prefix, from []byte, fn func(key, value []byte) error) error
}

// Writer is the exclusive right to write, and the snapshot it was given on.
type Writer interface {
	Snapshot

	// Commit applies b if each of its expectations holds, else changes nothing and returns fault.Conflict.
	// Commit or Replace is called at most once.
	Commit(b *Batch) error

	// Replace writes a whole new storage beside the old one, which takes the old one's place in one step and is durable when
	// Replace returns. fill puts every key of the new content once (twice is [ErrTwice], from put or from Replace), in any
	// order; keys that share their first byte are fastest in ascending order. Memory does not grow with their number, and
	// slices given to put may be reused after it returns. If fill fails nothing changes.
	// The Snapshot goes on showing the old content until Close.
	Replace(fill func(put func(key, value []byte) error) error) error

	// Close gives the right back; a batch that was not committed is gone. It must be called, and may be called twice.
	Close() error
}

// Batch is a set of changes that happen together. The zero Batch changes nothing.
// A later operation on a key replaces an earlier one.
type Batch struct {
	Expects []Expectation
	Ops     []Op
}

// Expectation is a precondition: the key's value is exactly Value, or the key is absent when Value is nil.
type Expectation struct{ Key, Value []byte }

// Op puts Value under Key, or deletes Key when Value is nil.
type Op struct{ Key, Value []byte }

// Put adds a put. The slices are kept, not copied.
func (b *Batch) Put(key, value []byte) { b.Ops = append(b.Ops, Op{key, value}) }

// Delete adds a deletion; deleting an absent key is not an error.
func (b *Batch) Delete(key []byte) { b.Ops = append(b.Ops, Op{Key: key}) }

// Expect adds a precondition; value nil expects the key to be absent.
func (b *Batch) Expect(key, value []byte) { b.Expects = append(b.Expects, Expectation{key, value}) }

type stop struct{}

func (stop) Error() string { return "stop" }

// ErrStop ends a [Snapshot.Scan] early without an error.
var ErrStop error = stop{}

// ErrTwice is the error of a [Writer.Replace] that was given a key twice: which value was meant cannot be told.
var ErrTwice error = &fault.Error{Code: fault.Conflict, Message: "a key was put twice"}
