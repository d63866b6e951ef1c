package vault

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"tacit/internal/engine"
)

// overlay shows the changes of a transaction over the state they were made on.
type overlay struct {
	below   engine.Snapshot
	changed map[string][]byte // nil: deleted
}

func (o *overlay) Get(key []byte) ([]byte, bool, error) {
	if b, ok := o.changed[string(key)]; ok {
		return b, b != nil, nil
	}
	return o.below.Get(key)
}

// Scan shows the state below only: no transaction scans a kind that it changes.
func (o *overlay) Scan(prefix, from []byte, fn func(key, value []byte) error) error {
	return o.below.Scan(prefix, from, fn)
}

// merged is an overlay that nothing changes any more while it is read, as a snapshot of its own.
type merged struct{ *overlay }

// Scan implements [engine.Snapshot].
func (m merged) Scan(prefix, from []byte, fn func(key, value []byte) error) error {
	changed := m.changedFrom(prefix, from)
	if len(changed) == 0 {
		return m.below.Scan(prefix, from, fn)
	}
	err := m.below.Scan(prefix, from, func(key, value []byte) error {
		for len(changed) > 0 && changed[0] < string(key) {
			if err := m.visit(changed[0], fn); err != nil {
				return ended{err}
			}
			changed = changed[1:]
		}
		if len(changed) > 0 && changed[0] == string(key) {
			return nil // it comes next
		}
		if err := fn(key, value); err != nil {
			return ended{err}
		}
		return nil
	})
	for _, key := range changed {
		if err != nil {
			break
		}
		err = m.visit(key, fn)
	}
	if end := (ended{}); errors.As(err, &end) {
		err = end.error
	}
	if errors.Is(err, engine.ErrStop) {
		return nil
	}
	return err
}

// ended is an error of a callback, so that the scan below does not take it for its own.
type ended struct{ error }

// changedFrom returns the keys of changes that a scan meets, in its order.
func (m merged) changedFrom(prefix, from []byte) (keys []string) {
	for key := range m.changed {
		if strings.HasPrefix(key, string(prefix)) && bytes.Compare([]byte(key), from) >= 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (m merged) visit(key string, fn func(key, value []byte) error) error {
	value := m.changed[key]
	if value == nil {
		return nil
	}
	return fn([]byte(key), value)
}
