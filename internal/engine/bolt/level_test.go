package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/fault"
)

// TestI04DamagedPointer points one child of each branch above the leaves to a page that is no leaf, as a flipped bit does once
// the page that it leads to is used for something else. Only what lies below that pointer is unreadable.
func TestI04DamagedPointer(t *testing.T) {
	t.Parallel()
	path := flipVault(t)
	pristine, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page, header, element, branch, leaf = 4096, 16, 16, 1, 2
	order := binary.NativeEndian
	own := func(id uint64) bool { return order.Uint64(pristine[id*page:]) == id }
	tried := 0
	for at := 0; at < len(pristine); at += page {
		b := pristine[at:]
		if !own(uint64(at/page)) || order.Uint16(b[8:]) != branch {
			continue
		}
		for i := range int(order.Uint16(b[10:])) {
			place := at + header + i*element + 8
			if child := order.Uint64(pristine[place:]); !own(child) || order.Uint16(pristine[child*page+8:]) != leaf {
				continue
			}
			tried++
			damaged := bytes.Clone(pristine)
			order.PutUint64(damaged[place:], uint64(at/page)) // itself: no leaf
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			unreadable := map[string]int{} // by the message
			err := bolt.Open(path, bolt.Options{}).View(t.Context(), func(s engine.Snapshot) error {
				for k := range flipKeys {
					_, _, err := s.Get(flipKey(k))
					if err != nil && !errors.Is(err, fault.Corrupted) {
						return err
					}
					if err != nil {
						unreadable[err.Error()]++
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(unreadable) > 1 {
				t.Errorf("child %d of page %d: %v", i, at/page, unreadable)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d pointers to a leaf", tried)
	}
}
