package audit

import (
	"crypto/cipher"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"tacit/internal/fault"
)

// testKeys has a key for each epoch up to its value.
type testKeys uint32

func (k testKeys) AuditKey(epoch uint32) (cipher.AEAD, error) {
	if epoch == 0 || epoch > uint32(k) {
		return nil, fault.New(fault.WrongKey, "no audit key of epoch %d", epoch)
	}
	key := make([]byte, chacha20poly1305.KeySize)
	key[0] = byte(epoch)
	return chacha20poly1305.NewX(key)
}

const testVault = "01JVAULT0000000000000000AA"

// aTime is when the records of tests happen; a record's seq is added in minutes.
var aTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testOptions are those of a log that begins a new segment every few records.
func testOptions(t testing.TB) Options {
	t.Helper()
	return Options{
		Dir: filepath.Join(t.TempDir(), "audit"), VaultID: testVault, Keys: testKeys(1), Epoch: 1, SegmentSize: 4 << 10,
	}
}

func read(i int) *Record {
	return &Record{
		Time: aTime.Add(time.Duration(i) * time.Minute), Revision: 1, Principal: "user/ana", Door: "cli", UID: 1000, PID: 4242,
		Executable: "/usr/bin/bash", Action: "read",
		Object:   Object{Kind: "secret", ID: fmt.Sprintf("s%d", i%7), Name: fmt.Sprintf("prod/db-%d", i%7), Version: 1 + i%3, Scope: "global"},
		Provider: "local", Result: Allowed,
	}
}

// reads returns n reads, the first for the seq from.
func reads(from, n int) (out []*Record) {
	for i := range n {
		out = append(out, read(from+i))
	}
	return out
}

// add appends records and returns the head.
func add(t testing.TB, l *Log, records ...*Record) Head {
	t.Helper()
	h, err := l.Append(t.Context(), false, func(Last) ([]*Record, error) { return records, nil })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// fill makes a log of n reads, one an append.
func fill(t testing.TB, opts Options, n int) (*Log, Head) {
	t.Helper()
	l := Open(opts)
	var h Head
	for i := range n {
		h = add(t, l, read(i+1))
	}
	return l, h
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shifted are the keys of another vault.
type shifted struct{}

func (shifted) AuditKey(epoch uint32) (cipher.AEAD, error) { return testKeys(100).AuditKey(epoch + 50) }

// stride is 1 in a long run (TACIT_LONG), else n.
func stride(n int) int {
	if os.Getenv("TACIT_LONG") != "" {
		return 1
	}
	return n
}
