package vault

import (
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"

	"tacit/internal/envelope"
	"tacit/internal/fault"
)

// NewVaultID returns a random id for a vault that is about to be created.
func NewVaultID(random io.Reader) (string, error) {
	b := make([]byte, 10)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return "v_" + printID(b), nil
}

// Create makes an empty vault, whole or not at all, and unlocks it: header, slots that hold root, and the first anchor.
// create makes the storage with what fill puts into it.
func (v *Vault) Create(h Header, root *envelope.Root, slots []envelope.Slot, hooks Hooks, create func(fill func(put func(key, value []byte) error) error) error) error {
	keys, err := envelope.NewKeys(root, h.VaultID, 1)
	if err != nil {
		return err
	}
	header := encodeHeader(h)
	hash := sha256.Sum256(header)
	a := &Anchor{Sums: newSums(), Identity: make([]byte, 32), Audit: make([]byte, 32), Header: hash[:], Scopes: map[string]uint64{}, Epoch: 1, NextSlot: 1}
	if _, err := io.ReadFull(v.random, a.Identity); err != nil {
		return fmt.Errorf("read randomness: %w", err)
	}
	v.header, v.ring, v.audits = h, envelope.NewKeyring(keys, nil), map[uint32]cipher.AEAD{1: keys.Audit()}
	tx := v.newTx(nothing{}, a)
	for _, s := range slots {
		if err := tx.putSlot(s); err != nil {
			return err
		}
	}
	if err := tx.ensureLogKey(); err != nil {
		return err
	}
	witnessed := false
	err = create(func(put func(key, value []byte) error) error {
		at, err := hooks.Witness(tx)
		if err != nil {
			return err
		}
		witnessed = true
		tx.next.AuditSeq, tx.next.Audit = at.Seq, at.Hash[:]
		anchor, err := tx.sealAnchor()
		if err != nil {
			return err
		}
		tx.batch.Put(headerKey(), header)
		tx.batch.Put(anchorKey(), anchor)
		for _, op := range tx.batch.Ops {
			if err := put(op.Key, op.Value); err != nil {
				return err
			}
		}
		return nil
	})
	if witnessed {
		hooks.Done(tx, err)
	}
	if err != nil {
		v.Lock()
		return err
	}
	v.fingerprint = fingerprint(a)
	return nil
}

// nothing is the state before the first change.
type nothing struct{}

func (nothing) Get([]byte) ([]byte, bool, error)                        { return nil, false, nil }
func (nothing) Scan(_, _ []byte, _ func(key, value []byte) error) error { return nil }

// NextSlotID returns the id that a new slot gets.
func (r *Reader) NextSlotID() string { return strconv.Itoa(r.anchor.NextSlot) }

// Slots returns the slots, authenticated: nobody but a holder of the root key has written them.
func (r *Reader) Slots() ([]envelope.Slot, error) {
	d, err := readDoor(r.src)
	if err != nil {
		return nil, err
	}
	for _, s := range d.Slots {
		if err := s.Authenticate(r.v.ring.Current(), r.v.header.VaultID); err != nil {
			return nil, err
		}
	}
	return d.Slots, r.proveComplete(KindSlot)
}

// AddSlot stores a slot that holds the current root key. Its id must be NextSlotID.
func (tx *Tx) AddSlot(s envelope.Slot) error {
	if s.ID != tx.NextSlotID() {
		return fault.New(fault.Conflict, "slots were changed meanwhile").WithFix("run the command again")
	}
	return tx.putSlot(s)
}

// putSlot signs and stores a slot.
func (tx *Tx) putSlot(s envelope.Slot) error {
	if err := s.Sign(tx.keys(), tx.v.random, tx.v.header.VaultID, tx.next.Revision); err != nil {
		return err
	}
	b, err := envelope.EncodeSlot(s)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(s.ID); err == nil && n >= tx.next.NextSlot {
		tx.next.NextSlot = n + 1
	}
	return tx.put(KindSlot, slotKey(s.ID), b)
}

// RemoveSlot removes a slot. The last one cannot be removed.
func (tx *Tx) RemoveSlot(id string) error {
	slots, err := tx.Slots()
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.ID != id {
			continue
		}
		if len(slots) == 1 {
			return fault.New(fault.Conflict, "slot %s is the only one: without it the vault could never be opened again", id).About(id).
				WithFix("add another first: tacit slot add passphrase")
		}
		return tx.remove(KindSlot, slotKey(id))
	}
	return fault.New(fault.NotFound, "no such slot: %s", id).About(id).WithFix("tacit slot list")
}
