//go:build unix

package paths

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tacit/internal/fault"
)

func TestKnown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "state", "known_vaults")
	k := NewKnown(file)
	vaults := []string{
		filepath.Join(dir, "vault.db"), filepath.Join(dir, "with space", "100% mine.db"), filepath.Join(dir, "new\nline\tand\x7f"),
		filepath.Join(dir, "vault.db2"), filepath.Join(dir, "ünïcode"),
	}
	for i, v := range vaults {
		if _, ok, err := k.Lookup(v); ok || err != nil {
			t.Errorf("%q before: %v, %v", v, ok, err)
		}
		if err := k.Remember(t.Context(), v, []byte{byte(i), 0xff}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Remember(t.Context(), vaults[0], []byte{9}); err != nil {
		t.Fatal(err)
	}
	for i, v := range vaults {
		want := []byte{byte(i), 0xff}
		if i == 0 {
			want = []byte{9}
		}
		if got, ok, err := k.Lookup(v); !ok || err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %x, %v, %v, want %x", v, got, ok, err, want)
		}
	}
	if err := k.Forget(t.Context(), vaults[1]); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := k.Lookup(vaults[1]); ok {
		t.Error("forgotten and still known")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\n")); n != len(vaults)-1 {
		t.Errorf("%d lines:\n%s", n, b)
	}
	if err := CheckFile(file); err != nil {
		t.Error(err)
	}
	if err := k.Remember(t.Context(), vaults[0], nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("empty fingerprint: %v", err)
	}
}

func TestKnownKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	file := filepath.Join(mkdir(t, 0o700), "known_vaults")
	vault := filepath.Join(t.TempDir(), "vault.db")
	odd := "# a comment\n\n" + vault + "\n" + vault + " zz\n" + vault + "x 01\nsome future line with many fields\nno newline at the end"
	if err := os.WriteFile(file, []byte(odd), 0o600); err != nil {
		t.Fatal(err)
	}
	k := NewKnown(file)
	if _, ok, err := k.Lookup(vault); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if err := k.Remember(t.Context(), vault, []byte{1}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil || string(b) != odd+"\n"+vault+" 01\n" {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestKnownTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "state", "known_vaults")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if err := NewKnown(file).Remember(t.Context(), filepath.Join(dir, fmt.Sprint(i)), []byte{byte(i + 1)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(file)
	if err != nil || strings.Count(string(b), "\n") != 16 {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestKnownTooLarge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "known_vaults")
	if err := os.WriteFile(file, make([]byte, maxKnown+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := NewKnown(file).Lookup("/x"); !errors.Is(err, fault.Corrupted) {
		t.Errorf("%v", err)
	}
}

func FuzzKnownLine(f *testing.F) {
	f.Add("/home/ana/vault.db", []byte{1, 2})
	f.Add("/with space/100%/\n", []byte{0})
	f.Fuzz(func(t *testing.T, path string, fingerprint []byte) {
		key, err := knownKey("/" + path)
		if err != nil || len(fingerprint) == 0 {
			return
		}
		if strings.ContainsAny(key, " \n") {
			t.Fatalf("key %q breaks the line", key)
		}
		got, ok := knownLine(fmt.Sprintf("%s %x", key, fingerprint), key)
		if !ok || !bytes.Equal(got, fingerprint) {
			t.Fatalf("%x, %v", got, ok)
		}
	})
}
