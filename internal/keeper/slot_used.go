package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"tacit/client"
	"tacit/internal/envelope"
	"tacit/internal/paths"
)

// When a slot was last used stands in the time of an empty file beside the log, one a slot, on this machine: a command that opens the
// vault should not change the vault, nor wait for a disk. Nothing depends on it. It is a help to find the slot that nobody needs any
// more, and whoever can write there can change it.

// usedEvery is how exactly it is kept: a use within this time of the last one changes nothing.
const usedEvery = time.Minute

// slotUsed notes that s opened the vault now. That it cannot be noted is no reason to fail.
func (k *Keeper) slotUsed(vaultID string, s envelope.Slot) {
	path, now := k.slotMark(vaultID, s.ID), k.opts.Now()
	if path == "" {
		return
	}
	if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()).Abs() < usedEvery {
		return
	}
	if paths.EnsureDir(filepath.Dir(path)) != nil {
		return
	}
	f, err := paths.Open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return
	}
	_ = f.Close()
	_ = os.Chtimes(path, now, now)
}

// slotGone forgets a slot that was removed.
func (k *Keeper) slotGone(vaultID, id string) {
	if path := k.slotMark(vaultID, id); path != "" {
		_ = os.Remove(path) // there may be none
	}
}

// slotMark returns the file of a slot; "" for an ID that is none of ours, since slots are listed before they are authenticated.
func (k *Keeper) slotMark(vaultID, id string) string {
	name := vaultID + "." + id
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.'
	}
	if id == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return ""
	}
	return filepath.Join(k.opts.Layout.State, "slots", name)
}

// shapeSlot is a slot with the time of its last use here.
func (k *Keeper) shapeSlot(vaultID string, s envelope.Slot) client.Slot {
	out := shapeSlot(s)
	path := k.slotMark(vaultID, s.ID)
	if path == "" {
		return out
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return out
	}
	if at := info.ModTime().UTC().Truncate(time.Second); !at.Before(s.CreatedAt.Truncate(time.Second)) { // else it is that of an older slot with this ID
		out.LastUsedAt = &at
	}
	return out
}
