package vault

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
)

// Reader reads one consistent state of an unlocked vault.
type Reader struct {
	v      *Vault
	src    engine.Snapshot
	anchor *Anchor
	fixed  bool // the state cannot change: no transaction

	// In a part of a transaction, else zero.
	stored *Reader // the state that is stored
	part   uint64  // number of the part, among all in this process
}

// View calls read with the current state. Nothing can be committed while read runs, so it must be short.
func (v *Vault) View(ctx context.Context, read func(*Reader) error) error {
	if v.Locked() {
		return fault.New(fault.Locked, "the vault is locked").WithFix("tacit unlock")
	}
	return v.eng.View(ctx, func(s engine.Snapshot) error {
		a, _, err := v.readAnchor(s)
		if err != nil {
			return err
		}
		return read(&Reader{v: v, src: s, anchor: a, fixed: true})
	})
}

// Anchor returns the anchor of this state. It must not be changed. While the vault does not change it is the same one, mostly.
func (r *Reader) Anchor() *Anchor { return r.anchor }

// Stored reports whether this is a state as it is stored, and no transaction: only of such a state [Reader.Anchor] tells everything.
func (r *Reader) Stored() bool { return r.fixed }

// Find returns the metadata of the secret that is called name, or has it as an alias, in the first of the scopes that has one.
// When there is none, that is proved before fault.NotFound is returned.
func (r *Reader) Find(scopes []name.Scope, n string) (*Secret, error) {
	for _, scope := range scopes {
		if r.anchor.Scopes[string(scope)] == 0 {
			continue // the sealed anchor says that nothing is there
		}
		s, err := r.findIn(scope, n)
		if s != nil || err != nil {
			return s, err
		}
		// A narrower scope that lost an entry to damage would let a wider one answer: a wrong value.
		if err := r.proveComplete(KindIndex); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.NotFound, "no such secret: %s", n).About(n)
}

// FindEvenly is Find for callers who shall not learn from the time that it takes whether there is one: it looks in every scope and
// proves the index complete, whatever it finds.
func (r *Reader) FindEvenly(scopes []name.Scope, n string) (found *Secret, err error) {
	for _, scope := range scopes {
		if r.anchor.Scopes[string(scope)] == 0 {
			continue
		}
		s, err := r.findIn(scope, n)
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = s
		}
	}
	if err := r.proveComplete(KindIndex); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fault.New(fault.NotFound, "no such secret: %s", n).About(n)
	}
	return found, nil
}

// findIn returns nil, nil when there is no index entry.
func (r *Reader) findIn(scope name.Scope, n string) (*Secret, error) {
	id, _, err := r.lookup(scope, n)
	if err != nil || id == nil {
		return nil, err
	}
	s, err := r.secret(*id)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, damaged(KindSecret, n, envelope.ErrMalformed)
	}
	if !slices.Contains(s.entries(), entry{scope, n}) {
		return nil, damaged(KindSecret, n, envelope.ErrOpen)
	}
	return s, nil
}

// lookup returns the secret that the index has for a name in a scope, and the engine key of the entry; nil when there is none.
func (r *Reader) lookup(scope name.Scope, n string) (*ID, []byte, error) {
	for _, keys := range []*envelope.Keys{r.v.ring.Current(), r.v.ring.Old()} {
		if keys == nil {
			continue
		}
		key := indexKey(keys.Epoch(), keys.Index(string(scope), n))
		box, ok, err := r.src.Get(key)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			continue
		}
		_, p, err := keys.Open(r.v.bind(KindIndex, key), box)
		if err != nil {
			return nil, nil, damaged(KindIndex, n, err)
		}
		var id ID
		if len(p) != len(id) {
			return nil, nil, damaged(KindIndex, n, envelope.ErrMalformed)
		}
		copy(id[:], p)
		return &id, key, nil
	}
	return nil, nil, nil
}

// secret returns the metadata of a secret, nil when there is no record.
func (r *Reader) secret(id ID) (*Secret, error) {
	key := secretKey(id)
	record, ok, err := r.src.Get(key)
	if err != nil || !ok {
		return nil, err
	}
	return r.openSecret(KindSecret, key, id, record)
}

func (r *Reader) openSecret(kind Kind, key []byte, id ID, record []byte) (*Secret, error) {
	s := &Secret{ID: id}
	o := opener{r: r, kind: kind}
	wrapped, err := o.open(s, key, record)
	if err != nil {
		return nil, err
	}
	if r.fixed {
		s.wrapped, s.reader = wrapped, r
	}
	return s, nil
}

// opener opens metadata, one after the other, in memory that it uses again.
type opener struct {
	r    *Reader
	kind Kind
	buf  []byte
	seen words
}

// open reads a record into s, whose ID is given, and returns the box of the version's data key.
func (o *opener) open(s *Secret, key, record []byte) (wrapped []byte, err error) {
	metadata, wrapped, err := splitBoxes(record)
	if err != nil {
		return nil, damaged(o.kind, s.ID.String(), err)
	}
	_, p, err := o.r.v.ring.OpenInto(o.buf, o.r.v.bind(o.kind, key), metadata)
	if err != nil {
		return nil, damaged(o.kind, s.ID.String(), err)
	}
	o.buf = p[:0]
	if err := decodeSecret(p, s, o.seen); err != nil || s.Version < 1 {
		return nil, damaged(o.kind, s.ID.String(), envelope.ErrMalformed)
	}
	return wrapped, nil
}

// Version returns the metadata of one version: s itself for its current one, else as it was while that version was current.
// fault.NotFound when the version never was or was purged.
func (r *Reader) Version(s *Secret, version int) (*Secret, error) {
	if version == s.Version {
		return s, nil
	}
	missing := fault.New(fault.NotFound, "no version %d of %s", version, s.Name).About(s.Name).WithFix("tacit history %s", s.Name)
	if version < 1 || version > s.Version {
		return nil, missing
	}
	old, err := r.olderVersion(s, version)
	if err != nil {
		return nil, err
	}
	if old.Purged {
		return nil, missing
	}
	return old, nil
}

// olderVersion returns the record of a version before the current one, purged or not. Every one of them must be there.
func (r *Reader) olderVersion(s *Secret, version int) (*Secret, error) {
	key := versionKey(s.ID, version)
	record, ok, err := r.src.Get(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, damaged(KindVersion, fmt.Sprintf("%s@%d", s.Name, version), envelope.ErrMalformed)
	}
	old, err := r.openSecret(KindVersion, key, s.ID, record)
	if err != nil {
		return nil, err
	}
	if old.Version != version || old.Scope != s.Scope {
		return nil, damaged(KindVersion, fmt.Sprintf("%s@%d", s.Name, version), envelope.ErrOpen)
	}
	return old, nil
}

// Previous returns the newest version before the current one that still has its value, or fault.NotFound.
func (r *Reader) Previous(s *Secret) (*Secret, error) {
	for n := s.Version - 1; n >= 1; n-- {
		old, err := r.olderVersion(s, n)
		if err != nil {
			return nil, err
		}
		if !old.Purged {
			return old, nil
		}
	}
	return nil, fault.New(fault.NotFound, "no version before %d of %s", s.Version, s.Name).About(s.Name)
}

// History returns every version that still has its value, the current one first.
func (r *Reader) History(s *Secret) ([]*Secret, error) {
	all := []*Secret{s}
	for n := s.Version - 1; n >= 1; n-- {
		old, err := r.olderVersion(s, n)
		if err != nil {
			return nil, err
		}
		if !old.Purged {
			all = append(all, old)
		}
	}
	return all, nil
}

// Value returns the value of a version that Find, Version or History returned. The caller owns the bytes.
func (r *Reader) Value(s *Secret) ([]byte, error) {
	d, err := r.dataKey(s)
	if err != nil {
		return nil, err
	}
	defer d.Wipe()
	key := valueKey(s.ID, s.Version)
	box, ok, err := r.src.Get(key)
	if err != nil {
		return nil, err
	}
	object := fmt.Sprintf("%s@%d", s.Name, s.Version)
	if !ok {
		return nil, damaged(KindValue, object, envelope.ErrMalformed)
	}
	value, err := d.Open(r.v.bindValue(KindValue, key, s), box)
	if err != nil {
		return nil, damaged(KindValue, object, err)
	}
	return value, nil
}

// dataKey unwraps the data key of a version, which rides with its metadata.
func (r *Reader) dataKey(s *Secret) (*envelope.DataKey, error) {
	wrapped, err := r.wrappedKey(s)
	if err != nil {
		return nil, err
	}
	d, err := r.v.ring.Unwrap(r.v.bindValue(kindDataKey, valueKey(s.ID, s.Version), s), wrapped)
	if err != nil {
		return nil, damaged(KindSecret, fmt.Sprintf("%s@%d", s.Name, s.Version), err)
	}
	return d, nil
}

// wrappedKey returns the box of a version's data key. It stands beside the version's metadata, in the secret's own record for the
// current version.
func (r *Reader) wrappedKey(s *Secret) ([]byte, error) {
	if s.reader == r {
		return s.wrapped, nil // found with the metadata, in this state
	}
	kind, key := KindSecret, secretKey(s.ID)
	current, err := r.secret(s.ID)
	if err != nil {
		return nil, err
	}
	if current == nil || current.Version != s.Version {
		kind, key = KindVersion, versionKey(s.ID, s.Version)
	}
	record, ok, err := r.src.Get(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, damaged(kind, s.Name, envelope.ErrMalformed)
	}
	_, wrapped, err := splitBoxes(record)
	if err != nil {
		return nil, damaged(kind, s.Name, err)
	}
	return wrapped, nil
}

// bindValue is the binding of a version's value and of its data key (I02).
func (v *Vault) bindValue(kind Kind, key []byte, s *Secret) envelope.Binding {
	return envelope.Bind(v.header.VaultID, kind.String(), key,
		s.ID.String(), strconv.Itoa(s.Version), string(s.Scope), s.Exposure(), s.Pin)
}

// Each calls fn with the metadata of every secret, in the order of their ids, and then proves that none was missing.
// The Secret is fn's to keep.
func (r *Reader) Each(fn func(*Secret) error) error {
	var got sum
	got.XOR = make([]byte, envelope.MarkSize)
	err := r.src.Scan([]byte{byte(KindSecret)}, nil, func(key, record []byte) error {
		id, err := idOfKey(key)
		if err != nil {
			return err
		}
		s, err := r.openSecret(KindSecret, key, id, record)
		if err != nil {
			return err
		}
		if err := r.addMark(&got, KindSecret, key, record); err != nil {
			return err
		}
		return fn(s)
	})
	if err != nil {
		return err
	}
	return r.compare(KindSecret, &got)
}

// ByID returns the secret with an id that the vault itself keeps somewhere, so it must be there.
func (r *Reader) ByID(id ID) (*Secret, error) {
	s, err := r.secret(id)
	if s == nil && err == nil {
		err = damaged(KindSecret, id.String(), envelope.ErrMalformed)
	}
	return s, err
}

// Kept returns the secret with an id that a record beside the secrets names, nil when it is proved that there is none: those records come
// from backups too, whose makers may have left the secret out.
func (r *Reader) Kept(id ID) (*Secret, error) {
	s, err := r.secret(id)
	if s == nil && err == nil {
		err = r.proveComplete(KindSecret)
	}
	return s, err
}

// InScope returns the secret that has the name or alias in exactly this scope, nil when there is none. For writers: that there is
// none is not proved.
func (r *Reader) InScope(scope name.Scope, n string) (*Secret, error) {
	if r.anchor.Scopes[string(scope)] == 0 {
		return nil, nil
	}
	return r.findIn(scope, n)
}

// CacheKey returns the key for values of other stores that are kept for a while outside of the vault; the caller clears it.
func (r *Reader) CacheKey() []byte { return r.v.ring.Current().Cache() }
