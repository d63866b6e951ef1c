package backup

import (
	"errors"
	"hash/maphash"
	"io"

	"tacit/internal/fault"
	"tacit/internal/transfer/jsonstream"
)

// Reader reads a backup's document. Its errors are of class fault.Corrupted, with the line, or fault.NewerFormat.
type Reader struct {
	d      *jsonstream.Reader
	header Header
	total  int // secrets so far
	done   bool

	services Services
	policies Policies

	seed maphash.Seed
	seen map[uint64]struct{} // ids, and names and aliases with their scope, as hashes: see docs of package transfer
}

// NewReader reads the beginning of a document.
func NewReader(r io.Reader) (*Reader, error) {
	b := &Reader{d: jsonstream.NewReader(r, fault.Corrupted), seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
	if err := b.readHeader(); err != nil {
		return nil, inBackup(err)
	}
	return b, nil
}

// Header returns what the backup says about itself.
func (b *Reader) Header() Header { return b.header }

// Next returns the next secret, or io.EOF after the last, when the end of the document has been checked too.
func (b *Reader) Next() (Secret, error) {
	if b.done {
		return Secret{}, io.EOF
	}
	b.d.Budget(maxSecret + jsonstream.MaxToken)
	more, err := b.d.More()
	if err != nil {
		return Secret{}, inBackup(err)
	}
	if !more {
		if err := b.readEnd(); err != nil {
			return Secret{}, inBackup(err)
		}
		b.done = true
		return Secret{}, io.EOF
	}
	s, err := b.readSecret()
	if err != nil {
		return Secret{}, inBackup(err)
	}
	b.total++
	return s, nil
}

// inBackup says what was read. Errors of the file itself stay what they are.
func inBackup(err error) error {
	var ours *fault.Error
	if !errors.As(err, &ours) {
		return err
	}
	e := fault.Wrap(fault.Corrupted, err, "read the backup")
	if e.Code == fault.Invalid || e.Code == fault.Usage { // what is a person's mistake elsewhere is damage here
		e.Code, e.Fix = fault.Corrupted, ""
	}
	return e
}

func (b *Reader) readHeader() error {
	d := b.d
	if err := d.Open('{', "the document"); err != nil {
		return err
	}
	if err := b.key("tacit_backup"); err != nil {
		return err
	}
	format, err := d.Int("tacit_backup")
	if err != nil {
		return err
	}
	if format != Format {
		return fault.New(fault.NewerFormat, "its format is %d, and this tacit reads %d", format, Format).WithFix("install a newer tacit")
	}
	if err := b.key("exported_at"); err != nil {
		return err
	}
	if b.header.ExportedAt, err = readTime(d, "exported_at"); err != nil {
		return err
	}
	if err := b.key("vault_id"); err != nil {
		return err
	}
	if b.header.VaultID, err = d.Text("vault_id"); err != nil {
		return err
	}
	if err := b.key("secrets"); err != nil {
		return err
	}
	return d.Open('[', "secrets")
}

// readEnd reads what follows the secrets.
func (b *Reader) readEnd() error {
	d := b.d
	if err := b.readServices(); err != nil {
		return err
	}
	if err := b.readPolicies(); err != nil {
		return err
	}
	if err := b.key("total"); err != nil {
		return err
	}
	total, err := d.Int("total")
	if err != nil {
		return err
	}
	if total != b.total {
		return d.Errorf("it holds %d secrets, but its total is %d", b.total, total)
	}
	more, err := d.More()
	if err != nil {
		return err
	}
	if more {
		return d.Errorf("something follows the total")
	}
	return d.End()
}

// key reads the name of a member, which must be want: members of the document have one order.
func (b *Reader) key(want string) error {
	more, err := b.d.More()
	if err != nil {
		return err
	}
	if !more {
		return b.d.Errorf("%s is missing", want)
	}
	got, err := b.d.Key()
	if err != nil {
		return err
	}
	if got != want {
		return b.d.Errorf("expected the field %s", want)
	}
	return nil
}

// next reads the name of a member, whatever it is.
func (b *Reader) next() (string, error) {
	if more, err := b.d.More(); err != nil || !more {
		if err == nil {
			err = b.d.Errorf("the document ends too early")
		}
		return "", err
	}
	return b.d.Key()
}

// first reports whether an id, or a name in a scope, comes for the first time.
func (b *Reader) first(kind, x string) bool {
	h := maphash.String(b.seed, kind+"\x00"+x)
	_, again := b.seen[h]
	b.seen[h] = struct{}{}
	return !again
}
