package agefile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/provider"
)

// maxFile bounds the file and its plaintext, in bytes.
const maxFile = 16 << 20

// An opened file is its plaintext, and what it takes to write it anew.
type opened struct {
	text    []byte
	format  string
	armored bool
	others  int // recipients in its header
	mode    fs.FileMode
	key     envelope.KeyFile
}

// open reads and decrypts the file. A file that is not there says nothing about any secret (I19).
func (f *file) open(ctx context.Context) (*opened, error) {
	if err := provider.Ended(ctx, f.name); err != nil {
		return nil, err
	}
	key, err := f.key(ctx)
	if err != nil {
		return nil, err
	}
	sealed, mode, err := readBounded(f.path)
	if err != nil {
		return nil, f.explain(err, "read "+f.path)
	}
	o := &opened{mode: mode, key: key}
	var in io.Reader = bytes.NewReader(sealed)
	if start := bytes.TrimLeft(sealed, " \t\r\n"); bytes.HasPrefix(start, []byte(armor.Header)) {
		o.armored = true
		if sealed, err = io.ReadAll(armor.NewReader(bytes.NewReader(start))); err != nil {
			return nil, f.damaged("its armor is damaged")
		}
		in = bytes.NewReader(sealed)
	}
	header, err := age.ExtractHeader(bytes.NewReader(sealed))
	if err != nil {
		return nil, f.damaged("it is no age file")
	}
	passphrase := false
	if o.others, passphrase = stanzas(header); passphrase {
		return nil, provider.Errorf(fault.Usage, f.name, "%s is encrypted with a passphrase", f.path).
			WithFix("encrypt it to a key: age -d FILE | age -R RECIPIENTS -o FILE")
	}
	plain, err := age.Decrypt(in, key.Identities...)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		return nil, provider.Errorf(fault.Denied, f.name, "%s is not encrypted to the key in %s", f.path, f.identity).
			WithFix("have it encrypted to yours as well: age-keygen -y %s", paths.Quote(f.identity))
	}
	if err != nil {
		return nil, f.damaged("its header was changed, or is damaged")
	}
	if o.text, err = io.ReadAll(io.LimitReader(plain, maxFile+1)); err != nil { // nothing of what came before counts
		return nil, f.damaged("it was changed or cut off")
	}
	if len(o.text) > maxFile {
		return nil, f.damaged("it is larger than 16 MiB")
	}
	o.format, err = f.formatFor(o.text)
	return o, err
}

func (f *file) formatFor(text []byte) (string, error) {
	switch start := bytes.TrimLeft(text, " \t\r\n"); {
	case f.format != "":
		return f.format, nil
	case bytes.HasPrefix(start, []byte("{")):
		return "json", nil
	}
	return "", provider.Errorf(fault.Usage, f.name, "neither %s nor the key format says what is in it", filepath.Base(f.path)).
		WithFix("add format: json, yaml or env to the provider's settings")
}

// key reads the key file.
func (f *file) key(ctx context.Context) (envelope.KeyFile, error) {
	key, err := envelope.ReadKeyFile(ctx, f.identity)
	var e *fault.Error
	switch {
	case err == nil:
		return key, nil
	case errors.As(err, &e) && e.Code == fault.Permissions:
		return key, provider.Errorf(fault.Denied, f.name, "identity: %v", err).WithFix("%s", e.Fix)
	}
	return key, provider.Errorf(fault.Usage, f.name, "identity: %v", err).WithFix("name a file that age-keygen or ssh-keygen made, without a passphrase")
}

// stanzas counts the recipients in a header (age-encryption.org/v1, "Header"), without those that are there to keep readers supple.
func stanzas(header []byte) (n int, passphrase bool) {
	lines := bufio.NewScanner(bytes.NewReader(header))
	for lines.Scan() {
		kind, ok := strings.CutPrefix(lines.Text(), "-> ")
		if !ok {
			continue
		}
		kind, _, _ = strings.Cut(kind, " ")
		if !strings.HasSuffix(kind, "-grease") {
			n++
		}
		passphrase = passphrase || kind == "scrypt"
	}
	return n, passphrase
}

func readBounded(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("it is not a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("it is larger than 16 MiB")
	}
	return b, info.Mode().Perm(), err
}

// save encrypts a new plaintext and puts it in the place of the old one, whole and durable.
func (f *file) save(ctx context.Context, o *opened, text []byte) error {
	to, err := f.recipientsFor(ctx, o)
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	var out io.Writer = &sealed
	var armored io.WriteCloser
	if o.armored {
		armored = armor.NewWriter(&sealed)
		out = armored
	}
	w, err := age.Encrypt(out, to...)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil && armored != nil {
		err = armored.Close()
	}
	if err != nil {
		return provider.Errorf(fault.Usage, f.name, "it cannot be encrypted to its recipients: age does not mix post-quantum keys with others").
			WithFix("name recipients of one kind")
	}
	if err := paths.WriteFile(f.path, sealed.Bytes()); err != nil {
		return f.explain(err, "write "+f.path)
	}
	if o.mode&^paths.FileMode != 0 { // it is ciphertext, and others had access
		if err := os.Chmod(f.path, o.mode); err != nil {
			return f.explain(err, "write "+f.path)
		}
	}
	return nil
}

// recipientsFor returns whom the file is encrypted to: those that the settings name, else the one key that it was encrypted to. A file says
// how many those are, not who: of several it cannot be told whose they are, nor which of several keys it was meant for.
func (f *file) recipientsFor(ctx context.Context, o *opened) ([]age.Recipient, error) {
	fix := "name all of them: recipients: [age1…, age1…] in the provider's settings"
	if len(f.recipients) == 0 && o.others <= 1 && len(o.key.Recipients) > 1 {
		return nil, provider.Errorf(fault.Usage, f.name, "%s holds %d keys: which of them %s is to be encrypted to is not known", f.identity, len(o.key.Recipients), f.path).
			WithFix("%s", fix)
	}
	to := o.key.Recipients
	if len(f.recipients) > 0 {
		to = nil
		for _, line := range f.recipients {
			r, err := envelope.ParseFileRecipient(ctx, line)
			if err != nil {
				return nil, provider.Errorf(fault.Usage, f.name, "recipients: %v", err).WithFix("recipients are age1…, age1pq1… and ssh-… lines")
			}
			to = append(to, r)
		}
	}
	switch {
	case o.others > len(to):
		return nil, provider.Errorf(fault.Usage, f.name, "%s is encrypted to %d recipients and %d are known: the others would lose it", f.path, o.others, len(to)).
			WithFix("%s", fix)
	case len(f.recipients) == 0 && o.others > 1:
		return nil, provider.Errorf(fault.Usage, f.name, "%s is encrypted to %d recipients, and not known to which: one would lose it", f.path, o.others).
			WithFix("%s", fix)
	}
	return to, nil
}

// damaged is a file that cannot be what was written. It is never taken for an empty one.
func (f *file) damaged(why string) error {
	return provider.Errorf(fault.Invalid, f.name, "%s: %s", f.path, why).WithFix("put a good copy in its place")
}

// explain gives an error of the system its class. None is "not found".
func (f *file) explain(err error, doing string) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	e := provider.Errorf(fault.Unavailable, f.name, "%s: %v", doing, err).WithFix("look at %s", paths.Quote(f.path))
	switch {
	case errors.Is(err, fault.Permissions), errors.Is(err, fs.ErrPermission):
		e.Code = fault.Denied
	case errors.Is(err, fs.ErrNotExist):
		return e.WithFix("make it: echo '{}' | age -r RECIPIENT -o %s", paths.Quote(f.path))
	}
	return e
}
