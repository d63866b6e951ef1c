package vault

import (
	"crypto/subtle"
	"slices"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/name"
)

// Limits of what one secret may hold.
const (
	MaxValue   = 64 << 10 // bytes of a value
	MinSealed  = 8        // bytes of a sealed value: a shorter one could not be found in an upstream's answer (I28)
	maxList    = 64       // tags, aliases or groups of a secret
	maxText    = 4096     // bytes of a note or an owner
	MaxVersion = 1 << 24  // versions of one secret
)

// CheckValue returns an error of class fault.Invalid unless value may be stored.
func CheckValue(n string, value []byte, sealed bool) error {
	switch {
	case len(value) == 0:
		return fault.New(fault.Invalid, "the value of %s is empty", n).About(n).WithFix("give at least one byte; `tacit rm %s` removes a secret", n)
	case len(value) > MaxValue:
		return fault.New(fault.Invalid, "the value of %s is %d bytes, at most %d are kept", n, len(value), MaxValue).About(n).
			WithFix("store a key that encrypts the file, and the file elsewhere")
	case sealed && len(value) < MinSealed:
		return fault.New(fault.Invalid, "the value of %s is too short to be sealed (%d bytes, at least %d)", n, len(value), MinSealed).About(n).WithFix("add --readable")
	}
	return nil
}

// checkMetadata bounds and normalises what a person may set.
func checkMetadata(s *Secret) error {
	if err := name.Check(s.Name); err != nil {
		return err
	}
	for _, a := range s.Aliases {
		if err := name.Check(a); err != nil {
			return err
		}
	}
	for _, t := range s.Tags {
		if err := name.CheckTag(t); err != nil {
			return err
		}
	}
	slices.Sort(s.Tags)
	s.Tags = slices.Compact(s.Tags)
	slices.Sort(s.Groups)
	s.Groups = slices.Compact(s.Groups)
	if len(s.Tags) > maxList || len(s.Aliases) > maxList || len(s.Groups) > maxList {
		return fault.New(fault.Invalid, "%s: at most %d tags, aliases and groups each", s.Name, maxList).About(s.Name)
	}
	if len(s.Note) > maxText || len(s.OwnedBy) > maxText {
		return fault.New(fault.Invalid, "%s: a note or owner is at most %d bytes", s.Name, maxText).About(s.Name)
	}
	return nil
}

// Create stores a new secret with its first version. s has the metadata; its id, version and times are set here.
// fault.Exists when its name or an alias is taken in its scope.
func (tx *Tx) Create(s *Secret, value []byte) error {
	if err := tx.stamp(s); err != nil {
		return err
	}
	if err := checkMetadata(s); err != nil {
		return err
	}
	if err := CheckValue(s.Name, value, s.Sealed); err != nil {
		return err
	}
	if err := tx.reclaim(nil, s); err != nil {
		return err
	}
	return tx.putVersion(s, value)
}

// stamp gives a new secret its id, version and times.
func (tx *Tx) stamp(s *Secret) (err error) {
	now := tx.v.now()
	at := Millis(now.UnixMilli())
	s.Version, s.Versions, s.CreatedAt, s.UpdatedAt, s.MadeAt = 1, 1, at, at, at
	s.ID, err = tx.ids.next(now)
	return err
}

// sameValue reports whether the current version of s has this value.
func (tx *Tx) sameValue(s *Secret, value []byte) (bool, error) {
	was, err := tx.Value(s)
	if err != nil {
		return false, err
	}
	defer clear(was)
	return subtle.ConstantTimeCompare(was, value) == 1, nil
}

// AddVersion makes value the current version of the secret that old is the metadata of; s has the metadata from now on.
// validTo is when the superseded version stops being valid; 0 means that it stays as it is.
func (tx *Tx) AddVersion(old, s *Secret, value []byte, validTo Millis) error {
	now := Millis(tx.v.now().UnixMilli())
	if old.Version >= MaxVersion {
		return fault.New(fault.Invalid, "%s has too many versions", s.Name).About(s.Name)
	}
	s.ID, s.Scope, s.Sealed, s.Pin = old.ID, old.Scope, old.Sealed, old.Pin
	s.Version, s.Versions = old.Version+1, old.Versions+1
	s.CreatedAt, s.UpdatedAt, s.MadeAt, s.ValidTo, s.Purged = old.CreatedAt, now, now, 0, false
	if err := checkMetadata(s); err != nil {
		return err
	}
	if err := CheckValue(s.Name, value, s.Sealed); err != nil {
		return err
	}
	if err := tx.reclaim(old, s); err != nil {
		return err
	}
	if err := tx.supersede(old, validTo); err != nil {
		return err
	}
	return tx.putVersion(s, value)
}

// supersede moves the current version's metadata and wrapped data key to their place among the older versions.
func (tx *Tx) supersede(old *Secret, validTo Millis) error {
	wrapped, err := tx.wrappedKey(old)
	if err != nil {
		return err
	}
	was := *old
	if validTo != 0 && (was.ExpiresAt == 0 || validTo < was.ExpiresAt) {
		was.ValidTo = validTo
	}
	return tx.putMetadata(KindVersion, versionKey(old.ID, old.Version), &was, wrapped)
}

// SetMetadata replaces the metadata of the current version. Name and aliases may change; scope, exposure and pin may not.
func (tx *Tx) SetMetadata(old, s *Secret) error {
	s.UpdatedAt = Millis(tx.v.now().UnixMilli())
	if err := checkMetadata(s); err != nil {
		return err
	}
	if err := tx.reclaim(old, s); err != nil {
		return err
	}
	wrapped, err := tx.wrappedKey(old)
	if err != nil {
		return err
	}
	return tx.putMetadata(KindSecret, secretKey(s.ID), s, wrapped)
}

// SetExposure seals a secret under a pin, or makes it readable (pin stays, so that it can be sealed again). Every version is
// encrypted anew, because exposure and pin are bound into the ciphertext.
func (tx *Tx) SetExposure(s *Secret, sealed bool, pin string) (*Secret, error) {
	versions, err := tx.History(s)
	if err != nil {
		return nil, err
	}
	var current *Secret
	for _, old := range versions {
		value, err := tx.Value(old)
		if err != nil {
			return nil, err
		}
		if err := CheckValue(old.Name, value, sealed); err != nil {
			return nil, err
		}
		was := *old
		was.Sealed, was.Pin = sealed, pin
		kind, key := KindVersion, versionKey(s.ID, old.Version)
		if old.Version == s.Version {
			was.UpdatedAt = Millis(tx.v.now().UnixMilli())
			kind, key, current = KindSecret, secretKey(s.ID), &was
		}
		err = tx.putSealed(kind, key, &was, value)
		clear(value)
		if err != nil {
			return nil, err
		}
	}
	return current, nil
}

// Remove deletes a secret with all its versions.
func (tx *Tx) Remove(s *Secret) error {
	for n := s.Version; n >= 1; n-- {
		if n < s.Version {
			old, err := tx.olderVersion(s, n)
			if err != nil {
				return err
			}
			if err := tx.remove(KindVersion, versionKey(s.ID, n)); err != nil {
				return err
			}
			if old.Purged {
				continue
			}
		}
		if err := tx.remove(KindValue, valueKey(s.ID, n)); err != nil {
			return err
		}
	}
	if err := tx.reclaim(s, nil); err != nil {
		return err
	}
	return tx.remove(KindSecret, secretKey(s.ID))
}

// Purge destroys the value of an older version; only the fact that there was one remains.
func (tx *Tx) Purge(s *Secret, version int) error {
	if version == s.Version {
		return fault.New(fault.Conflict, "version %d of %s is the current one", version, s.Name).About(s.Name).
			WithFix("add a version first, or remove the secret: tacit rm %s", s.Name)
	}
	old, err := tx.Version(s, version)
	if err != nil {
		return err
	}
	if err := tx.remove(KindValue, valueKey(s.ID, version)); err != nil {
		return err
	}
	gone := Secret{ID: s.ID, Name: old.Name, Scope: old.Scope, Version: version, Purged: true, MadeAt: old.MadeAt, Via: old.Via, Principal: old.Principal}
	if err := tx.putMetadata(KindVersion, versionKey(s.ID, version), &gone, nil); err != nil {
		return err
	}
	s.Versions--
	return tx.SetMetadata(s, s)
}

// putVersion writes the current version.
func (tx *Tx) putVersion(s *Secret, value []byte) error {
	return tx.putSealed(KindSecret, secretKey(s.ID), s, value)
}

// putSealed writes a version: its value under a new data key, and its metadata with the wrapped key at key.
func (tx *Tx) putSealed(kind Kind, key []byte, s *Secret, value []byte) error {
	key, record, vkey, box, err := tx.sealVersion(kind, key, s, value)
	if err != nil {
		return err
	}
	if err := tx.put(KindValue, vkey, box); err != nil {
		return err
	}
	return tx.put(kind, key, record)
}

// sealVersion returns the two records of a version.
func (tx *Tx) sealVersion(kind Kind, key []byte, s *Secret, value []byte) (mkey, record, vkey, box []byte, err error) {
	d, err := envelope.NewDataKey(tx.v.random)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	defer d.Wipe()
	vkey = valueKey(s.ID, s.Version)
	h := envelope.Header{Epoch: tx.keys().Epoch(), Revision: tx.next.Revision}
	if box, err = d.Seal(nil, tx.v.random, h, tx.v.bindValue(KindValue, vkey, s), value); err != nil {
		return nil, nil, nil, nil, err
	}
	wrapped, err := tx.keys().Wrap(nil, tx.v.random, tx.next.Revision, tx.v.bindValue(kindDataKey, vkey, s), d)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	record, err = tx.sealMetadata(kind, key, s, wrapped)
	return key, record, vkey, box, err
}

func (tx *Tx) sealMetadata(kind Kind, key []byte, s *Secret, wrapped []byte) ([]byte, error) {
	p, err := encode(s)
	if err != nil {
		return nil, err
	}
	box, err := tx.keys().Seal(nil, tx.v.random, tx.next.Revision, tx.v.bind(kind, key), p)
	if err != nil {
		return nil, err
	}
	return joinBoxes(box, wrapped), nil
}

func (tx *Tx) putMetadata(kind Kind, key []byte, s *Secret, wrapped []byte) error {
	record, err := tx.sealMetadata(kind, key, s, wrapped)
	if err != nil {
		return err
	}
	return tx.put(kind, key, record)
}
