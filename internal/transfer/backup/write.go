package backup

import (
	"bufio"
	"io"
	"strconv"
	"time"

	"tacit/internal/fault"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/when"
)

// Writer writes a backup's document.
type Writer struct {
	w     *bufio.Writer
	b     jsonstream.Builder
	total int

	services Services
	policies Policies
}

// NewWriter begins a document.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	bw := &Writer{w: bufio.NewWriterSize(w, 64<<10)}
	b := &bw.b
	b.Open('{')
	b.Key("tacit_backup")
	b.Int(Format)
	b.Key("exported_at")
	b.Time(h.ExportedAt)
	b.Key("vault_id")
	b.Text(h.VaultID)
	return bw, bw.put("", ",\n\"secrets\":[\n")
}

// Secret adds a secret. It fails, and the document is of no use, if the secret could not be read back.
func (w *Writer) Secret(s Secret) error {
	if err := s.check(); err != nil {
		return err
	}
	b := &w.b
	b.Reset()
	b.Open('{')
	texts := []struct{ key, text string }{{"id", s.ID}, {"name", s.Name}, {"scope", s.Scope}, {"exposure", s.Exposure}}
	for _, f := range texts {
		b.Key(f.key)
		b.Text(f.text)
	}
	b.Key("pin")
	b.TextOrNull(s.Pin)
	for _, f := range []struct {
		key  string
		list []string
	}{{"tags", s.Tags}, {"aliases", s.Aliases}, {"groups", s.Groups}} {
		b.Key(f.key)
		b.Texts(f.list)
	}
	b.Key("owner")
	b.TextOrNull(s.Owner)
	b.Key("note")
	b.TextOrNull(s.Note)
	b.Key("created_at")
	b.Time(s.CreatedAt)
	b.Key("updated_at")
	b.Time(s.UpdatedAt)
	b.Key("rotate_every")
	b.TextOrNull(durationText(s.RotateEvery))
	b.Key("versions")
	b.Open('[')
	for _, v := range s.Versions {
		w.version(v)
	}
	b.Close(']')
	b.Close('}')
	if text, _ := b.Built(); len(text) > maxSecret {
		return fault.New(fault.Failed, "%s has more versions than a backup can hold", s.Name).About(s.Name).
			WithFix("tacit purge %s@V removes old ones", s.Name)
	}
	before := ""
	if w.total > 0 {
		before = ",\n"
	}
	w.total++
	return w.put(before, "")
}

func (w *Writer) version(v Version) {
	b := &w.b
	b.Open('{')
	b.Key("version")
	b.Int(v.Version)
	b.Key("via")
	b.Text(v.Via)
	b.Key("principal")
	b.Text(v.Principal)
	b.Key("created_at")
	b.Time(v.CreatedAt)
	b.Key("valid_until")
	b.TimeOrNull(v.ValidUntil)
	b.Key("expires_at")
	b.TimeOrNull(v.ExpiresAt)
	b.Key("from_version")
	b.IntOrNull(v.FromVersion)
	b.Value(v.Value.Reveal())
	b.Close('}')
}

// Close ends the document. It does not close what is below.
func (w *Writer) Close() error {
	if w.total > 0 {
		_ = w.w.WriteByte('\n') // an error stays with w.w
	}
	_, _ = w.w.WriteString("],\n")
	if err := w.writeServices(); err != nil {
		return err
	}
	if err := w.writePolicies(); err != nil {
		return err
	}
	err := w.put(`"policies":`, `,"total":`+strconv.Itoa(w.total)+"}\n")
	if err != nil {
		return err
	}
	return w.w.Flush()
}

// put writes what was built, between two texts.
func (w *Writer) put(before, after string) error {
	text, err := w.b.Built()
	if err != nil {
		return fault.Wrap(fault.Failed, err, "write the backup")
	}
	_, _ = w.w.WriteString(before)
	_, _ = w.w.Write(text)
	_, err = w.w.WriteString(after)
	return err
}

// durationText is nil for no duration.
func durationText(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	s := when.Format(d)
	return &s
}
