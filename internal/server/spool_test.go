package server

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"tacit/internal/fault"
)

// TestSpool gives back what was written, whatever its length, and leaves nothing behind.
func TestSpool(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, spoolBlock - 1, spoolBlock, spoolBlock + 1, spoolMemory - 1, spoolMemory, spoolMemory + 1, spoolMemory + 3*spoolBlock, spoolMemory + 3*spoolBlock + 7} {
		want := make([]byte, n)
		_, _ = rand.Read(want)
		dir := t.TempDir()
		s := &spool{dir: dir, random: rand.Reader}
		if _, err := io.CopyBuffer(onlyWriter{s}, iotest.HalfReader(bytes.NewReader(want)), make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(&spoolReader{s: s})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%d bytes: %v is left", n, left)
		}
	}
}

// onlyWriter hides whatever else a writer can do.
type onlyWriter struct{ io.Writer }

// TestI01Spool: what goes to the file is not to be read there, and must not be changed.
func TestI01Spool(t *testing.T) {
	t.Parallel()
	canary := []byte("canary-5cJ2-of-an-import;")
	s := &spool{dir: t.TempDir(), random: rand.Reader}
	defer s.Close()
	if _, err := s.Write(bytes.Repeat(canary, (spoolMemory+4*spoolBlock)/len(canary))); err != nil {
		t.Fatal(err)
	}
	stored := make([]byte, 3*spoolBlock)
	if n, err := s.file.ReadAt(stored, 0); n != len(stored) {
		t.Fatal(err)
	}
	if bytes.Contains(stored, canary[:8]) {
		t.Error("the file holds the upload in clear")
	}
	if _, err := s.file.WriteAt([]byte{stored[100] ^ 1}, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, &spoolReader{s: s}); !errors.Is(err, fault.Tampered) {
		t.Errorf("a changed file: %v", err)
	}
}

// TestSpoolWithoutAPlace fails, and says so.
func TestSpoolWithoutAPlace(t *testing.T) {
	t.Parallel()
	s := &spool{dir: filepath.Join(t.TempDir(), "none"), random: rand.Reader}
	defer s.Close()
	if _, err := s.Write(make([]byte, spoolMemory+spoolBlock)); fault.CodeOf(err) != fault.Failed {
		t.Error(err)
	}
}
