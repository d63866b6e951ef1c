package keeper_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/keeper"
)

// TestSlotLastUsed: who opens the vault with a slot leaves the time, to the minute, and nobody else does. Nothing depends on it.
func TestSlotLastUsed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	used := func() *time.Time {
		t.Helper()
		l, err := h.open().SlotList(t.Context(), owner)
		if err != nil || len(l.Slots) != 1 {
			t.Fatalf("%+v, %v", l, err)
		}
		return l.Slots[0].LastUsedAt
	}
	is := func(what string, want time.Time) {
		t.Helper()
		if at := used(); at == nil || !at.Equal(want) {
			t.Errorf("%s: %v instead of %v", what, at, want)
		}
	}
	if at := used(); at != nil {
		t.Errorf("before: %v", at)
	}
	h.now = h.now.Add(time.Hour)
	first := h.now
	set(t, h.open(), "a", "one")
	is("a use", first)
	if s, err := h.open().Status(t.Context(), owner); err != nil || s.Slots[0].LastUsedAt == nil {
		t.Errorf("status: %+v, %v", s.Slots, err)
	}
	h.now = h.now.Add(30 * time.Second)
	mustGet(t, h.open(), "a", "one")
	is("soon after", first)
	h.now = h.now.Add(time.Hour)
	mustGet(t, h.open(), "a", "one")
	is("later", h.now)
	last := h.now

	// Trying is no use.
	h.now = h.now.Add(time.Hour)
	if _, err := h.open().SlotTest(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	is("slot test", last)

	// Where it cannot be noted, everything else works.
	marks := filepath.Join(h.layout().State, "slots")
	files, err := os.ReadDir(marks)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	mark, elsewhere := filepath.Join(marks, files[0].Name()), filepath.Join(t.TempDir(), "elsewhere")
	if info, err := os.Lstat(mark); err != nil || info.Size() != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(elsewhere)
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, mark); err != nil {
		t.Fatal(err)
	}
	mustGet(t, h.open(), "a", "one")
	if after, err := os.Stat(elsewhere); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a symbolic link was followed: %v, %v", after, err)
	}
	if at := used(); at != nil {
		t.Errorf("of a symbolic link: %v", at)
	}
	if err := os.RemoveAll(marks); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(marks, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustGet(t, h.open(), "a", "one")
	if at := used(); at != nil {
		t.Errorf("without a place: %v", at)
	}
	if err := os.Remove(marks); err != nil {
		t.Fatal(err)
	}

	// An agent was given a key, and opens no slot.
	k := h.open()
	if err := k.HandOver(t.Context(), func(key []byte, slot string) error {
		if err := os.RemoveAll(marks); err != nil {
			return err
		}
		a := keeper.New(keeper.Options{Layout: h.layout(), Engine: bolt.Open(h.layout().Vault, bolt.Options{}), Now: func() time.Time { return h.now }})
		defer a.Close()
		return a.Adopt(t.Context(), key, slot)
	}); err != nil {
		t.Fatal(err)
	}
	if at := used(); at != nil {
		t.Errorf("the agent: %v", at)
	}
}
