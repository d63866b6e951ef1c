package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"tacit/internal/paths"
)

// Trust is the project files that the user trusts (I20): for each path the content that was seen, as its SHA-256, and of each thing that
// it wanted then a short hash, so that only what is new needs reading when the file changed. No text of the file is kept.
//
// It is kept in the form of known_vaults: the fingerprint of a path is 32 bytes of the file, 32 bytes of the env files that it names,
// and 8 bytes of each thing.
type Trust struct{ known *paths.Known }

// NewTrust returns the trust that is kept in the state directory. It touches no file.
func NewTrust(state string) Trust {
	return Trust{paths.NewKnown(filepath.Join(state, "trusted_projects"))}
}

const (
	trustHead = 2 * sha256.Size
	wantSize  = 8
	maxWants  = 256 // that are remembered; one more is new each time
)

// Find is [Find], and says whether what it found is trusted.
func (t Trust) Find(dir string) (*File, error) {
	f, err := Find(dir)
	if err != nil || f == nil {
		return f, err
	}
	return f, t.lookup(f)
}

// lookup sets Trusted. The env files that the file names are opened only when the file itself is the one that was trusted.
func (t Trust) lookup(f *File) error {
	f.Trusted, f.Changed = false, false
	if f.Refused != nil {
		return nil
	}
	seen, ok, err := t.known.Lookup(f.Path)
	if err != nil || !ok || len(seen) < trustHead {
		return err
	}
	if bytes.Equal(seen[:sha256.Size], f.Hash[:]) {
		f.parse()
		files := f.envFilesHash()
		f.Trusted = bytes.Equal(seen[sha256.Size:trustHead], files[:])
	}
	f.Changed = !f.Trusted
	return nil
}

// Add makes f, as it was read, trusted.
func (t Trust) Add(ctx context.Context, f *File) error {
	if f.Refused != nil {
		return f.Refused
	}
	f.parse()
	files := f.envFilesHash()
	seen := append(f.Hash[:len(f.Hash):len(f.Hash)], files[:]...)
	wants := f.Wants()
	for i := range wants[:min(len(wants), maxWants)] {
		seen = append(seen, f.wantHash(wants[i])...)
	}
	if err := t.known.Remember(ctx, f.Path, seen); err != nil {
		return err
	}
	f.Trusted, f.Changed = true, false
	return nil
}

// Remove makes the file at path untrusted, and says whether some content of it was trusted.
func (t Trust) Remove(ctx context.Context, path string) (bool, error) {
	_, was, err := t.known.Lookup(path)
	if err != nil || !was {
		return false, err
	}
	return true, t.known.Forget(ctx, path)
}

// News returns what f wants, marking what it did not want when it was trusted last; and whether it ever was.
func (t Trust) News(f *File) (wants []Want, before bool, err error) {
	seen, before, err := t.known.Lookup(f.Path)
	if err != nil {
		return nil, false, err
	}
	before = before && len(seen) >= trustHead
	known := map[string]bool{}
	for i := trustHead; before && i+wantSize <= len(seen); i += wantSize {
		known[string(seen[i:i+wantSize])] = true
	}
	wants = f.Wants()
	for i := range wants {
		wants[i].New = f.vague || !known[string(f.wantHash(wants[i]))] // what is not seen as a whole is not known
	}
	return wants, before, nil
}

// wantHash tells a want from others, wherever it stands in the file; an env file with other content is another one.
func (f *File) wantHash(w Want) []byte {
	text := w.Kind + "\x00" + w.Text
	if w.Kind == WantFile {
		read := f.EnvFileOf(w)
		text += fmt.Sprintf("\x00%t %x", read.Err == nil, sha256.Sum256(read.Text))
	}
	sum := sha256.Sum256([]byte(text))
	return sum[:wantSize]
}
