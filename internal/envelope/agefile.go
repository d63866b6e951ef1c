package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"filippo.io/age"

	"tacit/internal/fault"
)

// errNoMatch is the answer of an identity or passphrase that is not the one an age file is encrypted to: try the next.
var errNoMatch = errors.New("not encrypted to this key")

const (
	workFactor    = 18 // of new passphrase slots and backups: about 0.7 s and 256 MiB
	maxWorkFactor = 22 // of those that are opened (I08)
)

// encryptRoot returns the age file of the root key.
func encryptRoot(root *Root, to age.Recipient) ([]byte, error) {
	var file bytes.Buffer
	err := root.use(func(key []byte) error {
		w, err := age.Encrypt(&file, to)
		if err != nil {
			return err
		}
		guarded(func() {
			if _, err = w.Write(key); err == nil {
				err = w.Close()
			}
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if file.Len() > maxAgeSize {
		return nil, fmt.Errorf("an age file of %d bytes is too large for a slot", file.Len())
	}
	return file.Bytes(), nil
}

// decryptRoot opens the slot's age file. The error is errNoMatch, or has class fault.Corrupted or fault.Tampered, or is what
// the identity (a plugin, an encrypted ssh key) failed with.
func (s Slot) decryptRoot(id age.Identity) (root *Root, err error) {
	if len(s.Age) > maxAgeSize {
		return nil, fault.New(fault.Corrupted, "an age file of %d bytes", len(s.Age))
	}
	r, err := decrypt(bytes.NewReader(s.Age), id)
	if err != nil {
		return nil, err
	}
	var key [KeySize + 1]byte
	defer clear(key[:])
	guarded(func() { _, err = io.ReadFull(r, key[:]) })
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil, fault.New(fault.Tampered, "it does not hold a root key")
	case !errors.Is(err, io.ErrUnexpectedEOF) || fault.CodeOf(err) != fault.Failed:
		return nil, err
	}
	// ReadFull found the end before the last byte: there must be one key before it.
	return RootFrom(key[:KeySize])
}

// decrypt is age.Decrypt with one identity and errors of the classes of decryptRoot, also from the reader that it returns.
func decrypt(src io.Reader, id age.Identity) (r io.Reader, err error) {
	w := &watched{Identity: id}
	guarded(func() { r, err = age.Decrypt(src, w) })
	var none *age.NoIdentityMatchError
	switch {
	case err == nil:
		return classified{r}, nil
	case errors.As(err, &none):
		return nil, errNoMatch
	case w.err != nil:
		return nil, w.err
	case w.opened && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return nil, fault.Wrap(fault.Tampered, err, "its header was changed")
	}
	return nil, fault.Wrap(fault.Corrupted, err, "no age file, or a damaged one")
}

// watched remembers whether an identity opened the file key, since age's errors do not tell what failed.
type watched struct {
	age.Identity
	opened bool
	err    error
}

func (w *watched) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	key, err := w.Identity.Unwrap(stanzas)
	switch {
	case err == nil:
		w.opened = true
	case !errors.Is(err, age.ErrIncorrectIdentity):
		w.err = err
	}
	return key, err
}

// classified gives the errors of an age payload their class.
type classified struct{ r io.Reader }

func (c classified) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, fault.Wrap(fault.Corrupted, err, "the age file is cut off")
	}
	return n, fault.Wrap(fault.Tampered, err, "the age file was changed or damaged")
}

// scryptIdentity is a passphrase, with bounds on the work that a file may ask for.
type scryptIdentity struct{ phrase []byte }

func (i scryptIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" || len(stanzas[0].Args) != 2 {
		return nil, fault.New(fault.Corrupted, "it is not encrypted to a passphrase")
	}
	if n, err := strconv.Atoi(stanzas[0].Args[1]); err != nil || n < 1 || n > maxWorkFactor {
		return nil, fault.New(fault.Corrupted, "it asks for a scrypt work factor of %.10q; at most %d is bearable", stanzas[0].Args[1], maxWorkFactor)
	}
	id, err := age.NewScryptIdentity(string(i.phrase))
	if err != nil {
		return nil, age.ErrIncorrectIdentity // an empty passphrase
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	key, err := id.Unwrap(stanzas)
	if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, fault.Wrap(fault.Corrupted, err, "damaged header")
	}
	return key, err
}

func (o *Opener) scryptRecipient(phrase []byte) (age.Recipient, error) {
	r, err := age.NewScryptRecipient(string(phrase))
	if err != nil {
		return nil, err
	}
	if o.WorkFactor > 0 {
		r.SetWorkFactor(o.WorkFactor)
	} else {
		r.SetWorkFactor(workFactor)
	}
	return r, nil
}
