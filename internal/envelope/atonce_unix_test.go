//go:build unix

package envelope

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Who holds the vault while it looks for a key must not wait for somebody: a pipe in place of the key file is left to Open.
func TestOpenAtOnceReadsNoPipe(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	path := m.path("identity.txt")
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: path})
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if m.atOnce(s) {
		t.Error("a pipe opens the slot")
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(path, key, 0o600) }()
	root, _, err := m.Open(t.Context(), []Slot{s})
	if err != nil {
		t.Fatal(err)
	}
	root.Wipe()
	if err := <-written; err != nil {
		t.Error(err)
	}
}
