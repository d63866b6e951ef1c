package vault

import (
	"context"
	"strings"

	"tacit/internal/fault"
)

// ParseID reads an id as it is printed.
func ParseID(s string) (ID, error) {
	var id ID
	b, err := crockford().DecodeString(strings.TrimPrefix(s, "s_"))
	if err != nil || len(b) != len(id) || !strings.HasPrefix(s, "s_") {
		return id, fault.New(fault.Invalid, "invalid secret id %.40q", s)
	}
	copy(id[:], b)
	return id, nil
}

// Versioned is a secret with every version it has, oldest first: the last one is the current one.
type Versioned struct {
	Versions []*Secret
	Values   [][]byte
}

// Put stores a small record of a kind: [KindAccess] or [KindBroker].
type Put func(kind Kind, name string, plain []byte) error

// Restore replaces every secret by what fill adds, in ascending order of ids, and then all that is kept about access and the broker by
// what rest puts. Vault id, slots, keys of past epochs and the audit chain stay. What was there before is not read, so it may be damaged.
// newLog says that another log is begun, of which nothing is missing.
func (v *Vault) Restore(ctx context.Context, hooks Hooks, newLog bool, fill func(add func(Versioned) error) error,
	rest func(before *Reader, put Put) error,
) error {
	return v.replace(ctx, hooks, func(b *builder) error {
		if b.tx.anchor.Leaving != 0 {
			return fault.New(fault.Conflict, "a root rotation is under way").WithFix("tacit rotate-root --resume")
		}
		if newLog {
			if err := b.tx.SetPruned(Witness{}); err != nil {
				return err
			}
		}
		b.tx.next.Scopes = make(map[string]uint64)
		if err := b.copyFrame(); err != nil {
			return err
		}
		var last ID
		if err := fill(func(s Versioned) error { return b.restore(s, &last) }); err != nil {
			return err
		}
		return rest(&b.tx.Reader, b.putSmall)
	})
}

// putSmall adds a small record.
func (b *builder) putSmall(kind Kind, name string, plain []byte) error {
	key := smallKey(kind, name)
	box, err := b.tx.keys().Seal(nil, b.tx.v.random, b.tx.next.Revision, b.tx.v.bind(kind, key), plain)
	if err != nil {
		return err
	}
	return b.add(kind, key, box)
}

func (b *builder) restore(r Versioned, last *ID) error {
	s := r.Versions[len(r.Versions)-1]
	if string(s.ID[:]) <= string(last[:]) {
		return fault.New(fault.Invalid, "restore: %s: ids must ascend", s.Name).About(s.Name)
	}
	*last = s.ID
	n := 0
	for i, old := range r.Versions[:len(r.Versions)-1] {
		// Versions that the backup does not have were purged.
		for n++; n < old.Version; n++ {
			if err := b.restoreGap(s, n); err != nil {
				return err
			}
		}
		if old.Version < n || old.ID != s.ID {
			return fault.New(fault.Invalid, "restore: %s: versions must ascend", s.Name).About(s.Name)
		}
		if err := b.restoreVersion(old, r.Values[i]); err != nil {
			return err
		}
	}
	for n++; n < s.Version; n++ {
		if err := b.restoreGap(s, n); err != nil {
			return err
		}
	}
	if s.Version < n || s.Version > MaxVersion {
		return fault.New(fault.Invalid, "restore: %s: versions must ascend", s.Name).About(s.Name)
	}
	s.Versions = len(r.Versions)
	return b.create(s, r.Values[len(r.Values)-1])
}

func (b *builder) restoreVersion(s *Secret, value []byte) error {
	if err := CheckValue(s.Name, value, s.Sealed); err != nil {
		return err
	}
	key, record, vkey, box, err := b.tx.sealVersion(KindVersion, versionKey(s.ID, s.Version), s, value)
	if err != nil {
		return err
	}
	if err := b.add(KindVersion, key, record); err != nil {
		return err
	}
	return b.add(KindValue, vkey, box)
}

// restoreGap leaves the mark of a purged version, so that a version without a record is always damage.
func (b *builder) restoreGap(s *Secret, version int) error {
	if version > 10_000 {
		return fault.New(fault.Invalid, "restore: %s: too many versions are missing", s.Name).About(s.Name)
	}
	gone := Secret{ID: s.ID, Name: s.Name, Scope: s.Scope, Version: version, Purged: true, MadeAt: s.CreatedAt, Via: s.Via}
	key := versionKey(s.ID, version)
	record, err := b.tx.sealMetadata(KindVersion, key, &gone, nil)
	if err != nil {
		return err
	}
	return b.add(KindVersion, key, record)
}
