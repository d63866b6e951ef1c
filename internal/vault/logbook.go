package vault

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"io"

	"tacit/internal/envelope"
)

// What the vault keeps about its audit log, beside the anchor: records of kind [KindLog], each under a name of its own. There are
// never more than a few, so whoever reads one proves first that all of them are there.
const (
	logKeyName        = "key"        // the seed of the Ed25519 key that signs checkpoints, 32 bytes
	logCheckpointName = "checkpoint" // when the last checkpoint was made
	logPrunedName     = "pruned"     // the last record that was pruned: its seq (8 bytes, big endian) ‖ its hash
)

// logTime is the plaintext of the record "checkpoint", CBOR.
type logTime struct {
	At Millis `cbor:"1,keyasint"`
}

// LogKey returns the key that signs the log's checkpoints, nil when the vault has none yet: one from before there were checkpoints
// gets it with its next change. The caller clears it.
func (r *Reader) LogKey() (ed25519.PrivateKey, error) {
	if r.anchor.Count(KindLog) == 0 {
		return nil, nil
	}
	seed, err := r.logRecord(logKeyName)
	if err != nil {
		return nil, err
	}
	defer clear(seed)
	if len(seed) != ed25519.SeedSize {
		return nil, damaged(KindLog, logKeyName, envelope.ErrMalformed)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// CheckpointAt returns when the last checkpoint of the log was made; 0: never.
func (r *Reader) CheckpointAt() (Millis, error) {
	var t logTime
	b, err := r.logRecord(logCheckpointName)
	if b == nil || err != nil {
		return 0, err
	}
	if err := decode(b, &t); err != nil {
		return 0, damaged(KindLog, logCheckpointName, err)
	}
	return t.At, nil
}

// SetCheckpointAt remembers when the last checkpoint of the log was made.
func (tx *Tx) SetCheckpointAt(t Millis) error {
	b, err := encode(logTime{t})
	if err != nil {
		return err
	}
	return tx.putSmall(KindLog, logCheckpointName, b)
}

// Pruned returns the last record of the log that was meant to be removed, with all before it; the zero Witness: none was.
func (r *Reader) Pruned() (w Witness, err error) {
	b, err := r.logRecord(logPrunedName)
	if b == nil || err != nil {
		return w, err
	}
	if len(b) != 8+len(w.Hash) {
		return w, damaged(KindLog, logPrunedName, envelope.ErrMalformed)
	}
	w.Seq = binary.BigEndian.Uint64(b)
	copy(w.Hash[:], b[8:])
	return w, nil
}

// SetPruned says that the log may begin after a record. The zero Witness takes that back: another log was begun.
func (tx *Tx) SetPruned(w Witness) error {
	if w == (Witness{}) {
		key := smallKey(KindLog, logPrunedName)
		if _, ok, err := tx.src.Get(key); !ok || err != nil {
			return err
		}
		return tx.remove(KindLog, key)
	}
	return tx.putSmall(KindLog, logPrunedName, append(binary.BigEndian.AppendUint64(nil, w.Seq), w.Hash[:]...))
}

// logRecord returns the plaintext of a record, nil when there is none, after proving that all of them are there.
func (r *Reader) logRecord(name string) ([]byte, error) {
	if r.anchor.Count(KindLog) == 0 {
		return nil, nil // the sealed anchor says so
	}
	if err := r.proveComplete(KindLog); err != nil {
		return nil, err
	}
	key := smallKey(KindLog, name)
	box, ok, err := r.src.Get(key)
	if err != nil || !ok {
		return nil, err
	}
	_, p, err := r.v.ring.Open(r.v.bind(KindLog, key), box)
	if err != nil {
		return nil, damaged(KindLog, name, err)
	}
	return p, nil
}

// ensureLogKey makes the key that signs checkpoints, unless there is one. It is the first of the records, and stays for good.
func (tx *Tx) ensureLogKey() error {
	if tx.next.Count(KindLog) > 0 {
		return nil
	}
	seed := make([]byte, ed25519.SeedSize)
	defer clear(seed)
	if _, err := io.ReadFull(tx.v.random, seed); err != nil {
		return fmt.Errorf("read randomness: %w", err)
	}
	return tx.putSmall(KindLog, logKeyName, seed)
}
