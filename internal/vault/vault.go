package vault

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// Vault is a secrets database on an engine, locked until [Vault.Unlock]. It is safe for use by several goroutines once unlocked.
type Vault struct {
	eng    engine.Engine
	random io.Reader
	now    func() time.Time

	header Header
	ring   *envelope.Keyring // nil while locked
	audits map[uint32]cipher.AEAD
	proof  proof

	fingerprint [sha256.Size]byte

	last  atomic.Pointer[lastAnchor]
	parts atomic.Uint64 // of transactions, so far
}

// lastAnchor is the anchor as it was last read: most reads of a long-lived process find the same one again.
type lastAnchor struct {
	box    []byte
	anchor *Anchor
}

// New returns the vault on eng. It touches no storage.
func New(eng engine.Engine, random io.Reader, now func() time.Time) *Vault {
	return &Vault{eng: eng, random: random, now: now}
}

// Door is what is known of a vault before it is unlocked.
type Door struct {
	Header Header
	Slots  []envelope.Slot // in the order of their ids
}

// Door reads the header and the slots. It needs no key, and authenticates nothing yet.
func (v *Vault) Door(ctx context.Context) (Door, error) {
	var d Door
	err := v.eng.View(ctx, func(s engine.Snapshot) (err error) {
		d, err = readDoor(s)
		return err
	})
	return d, err
}

func readDoor(s engine.Snapshot) (d Door, err error) {
	if d.Header, _, err = readHeader(s); err != nil {
		return d, err
	}
	err = s.Scan([]byte{byte(KindSlot)}, nil, func(key, value []byte) error {
		slot, err := envelope.DecodeSlot(value)
		if err == nil && string(key[1:]) != slot.ID {
			err = envelope.ErrMalformed
		}
		if err != nil {
			return damaged(KindSlot, fmt.Sprintf("slot %q", key[1:]), err)
		}
		d.Slots = append(d.Slots, slot)
		return nil
	})
	return d, err
}

// readHeader returns the header and the hash of its record, which the anchor repeats.
func readHeader(s engine.Snapshot) (h Header, hash [sha256.Size]byte, err error) {
	b, ok, err := s.Get(headerKey())
	if err != nil {
		return h, hash, err
	}
	if !ok {
		return h, hash, damaged(KindHeader, "", envelope.ErrMalformed)
	}
	if h, err = decodeHeader(b); err != nil {
		return h, hash, damaged(KindHeader, "", err)
	}
	if h.Format > FormatVersion {
		return h, hash, fault.New(fault.NewerFormat, "open vault: it has format %d, this tacit reads up to %d", h.Format, FormatVersion).
			WithFix("install a newer tacit")
	}
	return h, sha256.Sum256(b), nil
}

// Unlock derives the keys from the root key of slot, checks that they open this vault (its anchor, header and slot) and calls
// then with the state that was checked: a command that reads one secret opens the storage once for both. The vault is unlocked
// while then runs and afterwards, whatever it returns. The root key may be wiped once Unlock has returned.
func (v *Vault) Unlock(ctx context.Context, root *envelope.Root, slot envelope.Slot, then func(*Reader) error) error {
	return v.eng.View(ctx, func(s engine.Snapshot) error { return v.unlockOn(s, root, slot, then) })
}

// Enter is Door and Unlock in one view, with the root key and slot that find returns for the door; nil when it has none at once, and
// then nothing is unlocked. Writers wait for the vault while find runs, so it must not wait for anybody.
func (v *Vault) Enter(ctx context.Context, find func(Door) (*envelope.Root, envelope.Slot), then func(*Reader) error) (entered bool, err error) {
	err = v.eng.View(ctx, func(s engine.Snapshot) error {
		d, err := readDoor(s)
		if err != nil {
			return err
		}
		root, slot := find(d)
		if root == nil {
			return nil
		}
		entered = true
		return v.unlockOn(s, root, slot, then)
	})
	return entered, err
}

// unlockOn is Unlock in a view.
func (v *Vault) unlockOn(s engine.Snapshot, root *envelope.Root, slot envelope.Slot, then func(*Reader) error) error {
	a, err := v.unlock(s, root, slot)
	if err != nil {
		v.Lock()
		return err
	}
	return then(&Reader{v: v, src: s, anchor: a, fixed: true})
}

func (v *Vault) unlock(s engine.Snapshot, root *envelope.Root, slot envelope.Slot) (*Anchor, error) {
	header, hash, err := readHeader(s)
	if err != nil {
		return nil, err
	}
	keys, err := envelope.NewKeys(root, header.VaultID, slot.Epoch)
	if err != nil {
		return nil, err
	}
	if err := slot.Authenticate(keys, header.VaultID); err != nil {
		return nil, err
	}
	v.last.Store(nil) // what other keys opened, these must open again
	v.header, v.ring = header, envelope.NewKeyring(keys, nil)
	v.audits = map[uint32]cipher.AEAD{slot.Epoch: keys.Audit()}
	if err := v.readEpochs(s); err != nil {
		return nil, err
	}
	a, _, err := v.readAnchor(s)
	switch {
	case err != nil:
		return nil, err
	case !bytes.Equal(hash[:], a.Header):
		return nil, damaged(KindHeader, "", envelope.ErrOpen)
	case a.Epoch != slot.Epoch:
		return nil, fault.New(fault.RolledBack, "open vault: slot %s holds the root key of epoch %d, the vault is at epoch %d", slot.ID, slot.Epoch, a.Epoch)
	}
	v.fingerprint = fingerprint(a)
	return a, nil
}

// Lock forgets the keys. Calls under way go on with them.
func (v *Vault) Lock() {
	v.ring, v.audits = nil, nil
	v.last.Store(nil)
}

// Wipe is Lock for the end, when no call is under way: the keys are destroyed at once, not when the garbage collector finds them.
func (v *Vault) Wipe() {
	if v.ring != nil {
		v.ring.Wipe()
	}
	v.Lock()
}

// Locked reports whether there are no keys.
func (v *Vault) Locked() bool { return v.ring == nil }

// Header returns the header as it was at Unlock.
func (v *Vault) Header() Header { return v.header }

// Epoch returns the current epoch of an unlocked vault.
func (v *Vault) Epoch() uint32 { return v.ring.Current().Epoch() }

// AuditKey returns the key of the audit log's segments of one epoch.
func (v *Vault) AuditKey(epoch uint32) (cipher.AEAD, error) {
	if k, ok := v.audits[epoch]; ok {
		return k, nil
	}
	return nil, fault.New(fault.WrongKey, "audit log: the vault has no key of epoch %d", epoch)
}

// Stamp identifies the state of the storage, cheaply.
func (v *Vault) Stamp() (engine.Stamp, error) { return v.eng.Stamp() }

func (v *Vault) bind(kind Kind, key []byte, more ...string) envelope.Binding {
	return envelope.Bind(v.header.VaultID, kind.String(), key, more...)
}

// readAnchor returns the anchor and its encoded record.
func (v *Vault) readAnchor(s engine.Snapshot) (*Anchor, []byte, error) {
	box, ok, err := s.Get(anchorKey())
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, damaged(KindAnchor, "", envelope.ErrMalformed)
	}
	if l := v.last.Load(); l != nil && bytes.Equal(l.box, box) {
		return l.anchor, box, nil
	}
	h, p, err := v.ring.Open(v.bind(KindAnchor, anchorKey()), box)
	if err != nil {
		if hdr, herr := envelope.ParseHeader(box); herr == nil && v.ring.Epoch(hdr.Epoch) == nil {
			return nil, nil, fault.New(fault.StaleKeys, "the root key was changed meanwhile (epoch %d)", hdr.Epoch).WithFix("run the command again")
		}
		return nil, nil, damaged(KindAnchor, "", err)
	}
	a, err := decodeAnchor(p)
	if err != nil || !a.valid() || a.Revision != h.Revision {
		return nil, nil, damaged(KindAnchor, "", envelope.ErrMalformed)
	}
	v.last.Store(&lastAnchor{bytes.Clone(box), a})
	return a, box, nil
}

// Fingerprint is what a machine remembers of a vault it used: a hash of the identity that only this vault's keys reveal.
// It stays the same through root rotations, restores and imports. It is known once the vault is unlocked.
func (v *Vault) Fingerprint() [sha256.Size]byte { return v.fingerprint }

func fingerprint(a *Anchor) [sha256.Size]byte {
	return sha256.Sum256(append([]byte("tacit vault fingerprint\x00"), a.Identity...))
}

func isOpenError(err error) bool { return errors.Is(err, envelope.ErrOpen) }
