package keeper_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// adopter is a keeper as the agent has it: it opens no slot.
func (h *home) adopter() *keeper.Keeper {
	h.t.Helper()
	l := h.layout()
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit agent run"}), Random: rand.Reader, Version: "test",
		Now: func() time.Time { return h.now },
	})
	h.t.Cleanup(func() { _ = k.Close() })
	return k
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	set(t, h.open(), "a", "one")
	agent := h.adopter()
	if _, err := get(agent, "a"); !errors.Is(err, fault.Locked) {
		t.Errorf("locked: %v", err)
	}
	if s, err := agent.Status(t.Context(), owner); err != nil || !s.Vault.Locked {
		t.Errorf("status while locked: %+v, %v", s.Vault, err)
	}
	var key []byte
	var slot string
	if err := h.open().HandOver(t.Context(), func(k []byte, s string) error {
		key, slot = bytes.Clone(k), s
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wrong := slices.Clone(key)
	wrong[0] ^= 1
	if err := agent.Adopt(t.Context(), wrong, slot); err == nil {
		t.Error("it took another key")
	}
	if err := agent.Adopt(t.Context(), key, "9"); !errors.Is(err, fault.Conflict) {
		t.Errorf("a slot that is not there: %v", err)
	}
	if _, err := get(agent, "a"); !errors.Is(err, fault.Locked) {
		t.Errorf("after keys that do not open it: %v", err)
	}
	if err := agent.Adopt(t.Context(), key, slot); err != nil {
		t.Fatal(err)
	}
	mustGet(t, agent, "a", "one")

	// What another process writes is seen at once, and the other way round.
	set(t, h.open(), "a", "two")
	mustGet(t, agent, "a", "two")
	set(t, agent, "b", "three")
	mustGet(t, h.open(), "b", "three")

	// A root key that was changed elsewhere locks it.
	if _, err := h.open().RotateRoot(t.Context(), owner, keeper.RotateRootRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := get(agent, "a"); !errors.Is(err, fault.Locked) {
		t.Errorf("after a root rotation: %v", err)
	}
}

// TestI31AdoptedKeeper: what the agent has opens no presence operation, even to code that calls it directly.
func TestI31AdoptedKeeper(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	agent := h.adopter()
	if err := h.open().HandOver(t.Context(), func(k []byte, s string) error { return agent.Adopt(t.Context(), k, s) }); err != nil {
		t.Fatal(err)
	}
	if err := agent.HandOver(t.Context(), func([]byte, string) error { return nil }); err == nil {
		t.Error("it handed the root key over")
	}
	if _, err := agent.Unseal(t.Context(), owner, keeper.Ref{Name: "a"}); !errors.Is(err, fault.Denied) {
		t.Errorf("unseal: %v", err)
	}
	if _, err := agent.Backup(t.Context(), owner, keeper.BackupRequest{}, io.Discard); !errors.Is(err, fault.Denied) {
		t.Errorf("backup: %v", err)
	}
	if _, err := agent.Export(t.Context(), owner, keeper.ExportRequest{Values: true}, nil); !errors.Is(err, fault.Denied) {
		t.Errorf("export: %v", err)
	}
	if _, err := agent.Restore(t.Context(), owner, keeper.RestoreRequest{Backup: strings.NewReader("x")}); !errors.Is(err, fault.Denied) {
		t.Errorf("restore: %v", err)
	}
	if _, err := agent.SlotAdd(t.Context(), owner, keeper.NewSlot{Kind: "recovery"}); err == nil {
		t.Error("it added a slot")
	}
	if _, err := agent.RotateRoot(t.Context(), owner, keeper.RotateRootRequest{}); err == nil {
		t.Error("it changed the root key")
	}
}
