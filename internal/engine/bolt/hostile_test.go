package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/fault"
)

// TestI04MisledBranches lets each element of each branch page point to each page: to itself, above itself, to its neighbours,
// to other kinds of pages. bbolt follows such circles until the stack is gone.
func TestI04MisledBranches(t *testing.T) {
	t.Parallel()
	// Made in one go it has no free pages: an old copy of a page, which a branch might point to, is a page like any other, and
	// only the layers above can see that its records are old.
	path := filepath.Join(t.TempDir(), "vault.db")
	err := bolt.Create(t.Context(), path, bolt.Options{}, func(put func(k, v []byte) error) error {
		for i := range flipKeys {
			if err := put(flipKey(i), flipValue(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	pristine, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := enginetest.Contents(t.Context(), bolt.Open(path, bolt.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	order, pages := binary.NativeEndian, len(pristine)/4096
	f := flipper{path: path, truth: truth}
	tried := 0
	for at := 0; at < len(pristine); at += 4096 {
		if order.Uint16(pristine[at+8:]) != 1 || order.Uint64(pristine[at:]) != uint64(at/4096) {
			continue
		}
		count := int(order.Uint16(pristine[at+10:]))
		for i := 0; i < count; i += max(1, count/4) {
			for to := 0; to <= pages; to += 1 + pages/40 {
				child := at + 16 + 16*i + 8
				if uint64(to) == order.Uint64(pristine[child:]) {
					continue
				}
				b := bytes.Clone(pristine)
				order.PutUint64(b[child:], uint64(to))
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				tried++
				words := f.use(t.Context())
				if words != "detected unwritten" && words != "detected" {
					t.Errorf("page %d, element %d leads to %d: %s", at/4096, i, to, words)
				}
			}
		}
	}
	if t.Logf("%d misled", tried); tried < 100 {
		t.Error("there are too few branches to mislead")
	}
}

// TestI04NotAVault opens files that are something else.
func TestI04NotAVault(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(flipVault(t))
	if err != nil {
		t.Fatal(err)
	}
	swapped := bytes.Clone(whole)
	copy(swapped, whole[4096:8192])
	copy(swapped[4096:], whole[:4096])
	older := bytes.Clone(whole) // both meta pages are the same
	copy(older[4096:8192], whole[:4096])
	for name, b := range map[string][]byte{
		"empty": {}, "one byte": {1}, "text": bytes.Repeat([]byte("text\n"), 5000), "zeros": make([]byte, 1<<16),
		"one page": whole[:4096], "meta pages only": whole[:8192], "without its last page": whole[:len(whole)/2],
		"meta pages swapped": swapped, "meta page copied": older,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vault.db")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			e := bolt.Open(path, bolt.Options{})
			_, err := e.Begin(t.Context())
			for _, err := range []error{err, e.View(t.Context(), func(engine.Snapshot) error { return nil })} {
				if !errors.Is(err, fault.Corrupted) {
					t.Errorf("%v, want corrupted", err)
				}
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestI04EachMetaPageCounts: bbolt would go on with the other one, a commit earlier.
func TestI04EachMetaPageCounts(t *testing.T) {
	t.Parallel()
	path := flipVault(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range 160 {
		b := bytes.Clone(whole)
		at = at%80 + at/80*4096
		b[at] ^= 0x10
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := bolt.Open(path, bolt.Options{}).View(t.Context(), func(engine.Snapshot) error { return nil }); (err != nil) != errors.Is(err, fault.Corrupted) ||
			err == nil && at%4096 >= 16 {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// FuzzPages changes bytes anywhere behind the meta pages and uses the database. Each change is four bytes: page, offset, value.
func FuzzPages(f *testing.F) {
	path := filepath.Join(f.TempDir(), "vault.db")
	if err := bolt.Create(f.Context(), path, bolt.Options{}, func(put func(k, v []byte) error) error {
		for i := range 200 {
			if err := put(flipKey(i), flipValue(i)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		f.Fatal(err)
	}
	put(f, path, "a", "1")
	put(f, path, "a", "2")
	pristine, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	truth, err := enginetest.Contents(f.Context(), bolt.Open(path, bolt.Options{}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{2, 0, 8, 1})
	f.Add([]byte{3, 0, 12, 255, 4, 0, 10, 0})
	f.Add([]byte{5, 0, 24, 5, 5, 0, 20, 0})
	f.Fuzz(func(t *testing.T, changes []byte) {
		b := bytes.Clone(pristine)
		for ; len(changes) >= 4; changes = changes[4:] {
			at := 8192 + int(changes[0])*4096 + int(changes[1])%16*256 + int(changes[2])
			if at < len(b) {
				b[at] = changes[3]
			}
		}
		u := flipper{path: filepath.Join(t.TempDir(), "vault.db"), truth: truth}
		if err := os.WriteFile(u.path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_ = u.use(t.Context()) // values are not authenticated here, so whatever it says; but it returns
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}
