package paths

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tacit/internal/fault"
)

// Known is the file known_vaults: the fingerprints of the vaults that were used here before, one a line, like ssh's
// known_hosts. So a vault that someone else put in the place of ours is noticed.
//
//	<absolute path> <fingerprint in hex>
//
// In a path, "%", spaces and control characters are written as % and two hex digits. Empty lines, lines that begin with #, and
// lines of another form are kept and otherwise ignored.
type Known struct{ path string }

// maxKnown bounds what is read of the file, in bytes.
const maxKnown = 1 << 20

// NewKnown returns the known vaults in the file at path. It touches no file.
func NewKnown(path string) *Known { return &Known{path} }

// Lookup returns the fingerprint remembered for the vault at the path, and whether there is one.
func (k *Known) Lookup(vault string) (fingerprint []byte, ok bool, err error) {
	key, err := knownKey(vault)
	if err != nil {
		return nil, false, err
	}
	lines, err := k.read()
	if err != nil {
		return nil, false, err
	}
	for _, line := range lines {
		if fp, ok := knownLine(line, key); ok {
			return fp, true, nil
		}
	}
	return nil, false, nil
}

// Remember notes the fingerprint of the vault at the path, in place of the one noted before.
func (k *Known) Remember(ctx context.Context, vault string, fingerprint []byte) error {
	if len(fingerprint) == 0 {
		return fault.New(fault.Invalid, "remember %s: empty fingerprint", vault)
	}
	key, err := knownKey(vault)
	if err != nil {
		return err
	}
	return k.edit(ctx, key, key+" "+hex.EncodeToString(fingerprint))
}

// Forget drops what is noted for the vault at the path.
func (k *Known) Forget(ctx context.Context, vault string) error {
	key, err := knownKey(vault)
	if err != nil {
		return err
	}
	return k.edit(ctx, key, "")
}

// edit removes the lines of key and adds line unless it is empty, under a lock, in one step.
func (k *Known) edit(ctx context.Context, key, line string) error {
	if err := EnsureDir(filepath.Dir(k.path)); err != nil {
		return err
	}
	unlock, err := Lock(ctx, k.path+".lock", false)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := k.read()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, l := range old {
		if _, ok := knownLine(l, key); !ok {
			fmt.Fprintln(&out, l)
		}
	}
	if line != "" {
		fmt.Fprintln(&out, line)
	}
	return WriteFile(k.path, out.Bytes())
}

func (k *Known) read() ([]string, error) {
	f, err := Open(k.path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKnown+1))
	if err != nil {
		return nil, Explain(err, k.path, "read %s", k.path)
	}
	if len(data) > maxKnown {
		return nil, fault.New(fault.Corrupted, "%s is larger than %d bytes", k.path, maxKnown).About(k.path)
	}
	if len(data) == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}

// knownKey is a vault's path as it stands in the file.
func knownKey(vault string) (string, error) {
	abs, err := filepath.Abs(vault)
	if err != nil {
		return "", fault.Wrap(fault.Failed, err, "find the absolute path of %s", vault)
	}
	var b strings.Builder
	for i := range len(abs) {
		if c := abs[i]; c <= ' ' || c == '%' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// knownLine returns the fingerprint in a line if it is about the key.
func knownLine(line, key string) ([]byte, bool) {
	path, fingerprint, ok := strings.Cut(line, " ")
	if !ok || path != key {
		return nil, false
	}
	b, err := hex.DecodeString(fingerprint)
	return b, err == nil && len(b) > 0
}
