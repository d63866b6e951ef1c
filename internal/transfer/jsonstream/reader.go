// Package jsonstream reads and writes JSON documents that hold secrets: strict, in constant memory, with lines in errors.
//
// Strict means RFC 8259 and UTF-8 to the letter: no byte is repaired or replaced on the way, since each may belong to a
// secret. Errors say where something is wrong and never quote what stands there, except the name of a field.
//
// It is a thin layer over jsontext, the tokenizer of the coming encoding/json/v2; docs/decisions says why not encoding/json.
package jsonstream

import (
	"errors"
	"io"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
)

// MaxToken bounds, in bytes, one string or number with the white space before it. A value of 64 KiB in its longest spelling,
// six bytes a byte, fits twice.
const MaxToken = 1 << 20

// Reader pulls a document apart, one token at a time. Every method returns errors of the class the Reader was made with;
// after an error the Reader is of no more use. An error of the underlying reader is returned as it is.
type Reader struct {
	class fault.Code
	in    source
	dec   *jsontext.Decoder
	line  int // of the last token that was read

	budget int64             // offset up to which may be read
	fields map[string]string // names that Field has met, by how they are written
}

// NewReader returns a Reader of r whose own errors are of the class.
func NewReader(r io.Reader, class fault.Code) *Reader {
	d := &Reader{class: class, in: source{r: r, limit: MaxToken}, line: 1, budget: math.MaxInt64, fields: map[string]string{}}
	// Duplicate names are the caller's to find: jsontext would keep every name of the outermost object in memory.
	d.dec = jsontext.NewDecoder(&d.in, jsontext.AllowDuplicateNames(true))
	return d
}

// Line returns the line, from 1, of the last token that was read.
func (d *Reader) Line() int { return d.line }

// Errorf returns an error about the last token that was read: "line 7: …".
func (d *Reader) Errorf(format string, args ...any) *fault.Error {
	return fault.New(d.class, "line %d: "+format, append([]any{d.line}, args...)...)
}

// Peek returns what comes next: '{', '}', '[', ']', '"', '0' for a number, 't', 'f', 'n', or 0 when there is nothing valid.
func (d *Reader) Peek() byte { return byte(d.dec.PeekKind()) }

// Open reads the '{' or '[' that must come next. what names the thing for the error: "a secret".
func (d *Reader) Open(kind byte, what string) error {
	if got := d.Peek(); got != kind && got != 0 {
		return d.unexpected(map[byte]string{'{': "an object", '[': "a list"}[kind] + " for " + what)
	}
	return d.skip()
}

// More reports whether the object or list that is open has another member. When it has not, More reads its end.
func (d *Reader) More() (bool, error) {
	switch d.Peek() {
	case '}', ']', 0: // 0: there is an error to report
		return false, d.skip()
	}
	return true, nil
}

// Key reads the name of the next member.
func (d *Reader) Key() (string, error) { return d.Text("a name") }

// Field is Key for objects whose members have few different names: it does not make a new string for each.
func (d *Reader) Field() (string, error) {
	if d.Peek() != '"' {
		return d.Key()
	}
	raw, err := d.dec.ReadValue()
	if err != nil {
		return "", d.failed(err)
	}
	d.advance()
	if s, ok := d.fields[string(raw)]; ok {
		return s, nil
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", d.failed(err)
	}
	s := string(b)
	if len(d.fields) < 64 && len(s) <= 64 {
		d.fields[string(raw)] = s
	}
	return s, nil
}

// Text reads a string. what names it for the error: "a tag".
func (d *Reader) Text(what string) (string, error) {
	if k := d.Peek(); k != '"' && k != 0 {
		return "", d.unexpected("a string for " + what)
	}
	t, err := d.token()
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

// Bytes reads a string into memory of its own.
func (d *Reader) Bytes(what string) ([]byte, error) {
	if k := d.Peek(); k != '"' && k != 0 {
		return nil, d.unexpected("a string for " + what)
	}
	raw, err := d.dec.ReadValue()
	if err != nil {
		return nil, d.failed(err)
	}
	d.advance()
	b, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)-2), raw)
	if err != nil {
		return nil, d.failed(err)
	}
	return b, nil
}

// Literal reads a number or a boolean as it is written.
func (d *Reader) Literal() (string, error) {
	raw, err := d.dec.ReadValue()
	if err != nil {
		return "", d.failed(err)
	}
	d.advance()
	return string(raw), nil
}

// Int reads a whole number that is not negative and below 2^31.
func (d *Reader) Int(what string) (int, error) {
	if k := d.Peek(); k != '0' && k != 0 {
		return 0, d.unexpected("a number for " + what)
	}
	s, err := d.Literal()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > (1<<31-1-int(c-'0'))/10 {
			return 0, d.Errorf("%s must be a whole number, at most %d", what, 1<<31-1)
		}
		n = n*10 + int(c-'0')
	}
	return n, nil
}

// Null reads a null, if that is what comes next.
func (d *Reader) Null() (bool, error) {
	if d.Peek() != 'n' {
		return false, nil
	}
	return true, d.skip()
}

// Object returns the text of the object that must come next, of at most MaxToken bytes.
func (d *Reader) Object(what string) ([]byte, error) {
	if got := d.Peek(); got != '{' && got != 0 {
		return nil, d.unexpected("an object in " + what)
	}
	text, err := d.dec.ReadValue()
	if err != nil {
		return nil, d.failed(err)
	}
	text = slices.Clone(text) // the decoder's own is good until the next call
	d.advance()
	return text, nil
}

// Budget bounds what is read from here to the next call of Budget: more than n bytes are an error.
func (d *Reader) Budget(n int64) { d.budget = d.dec.InputOffset() + n }

// End makes sure that nothing follows the document.
func (d *Reader) End() error {
	_, err := d.dec.ReadToken()
	switch {
	case d.in.err != nil:
		return d.failed(err)
	case errors.Is(err, io.EOF):
		return nil
	}
	d.line, _ = d.in.at(d.dec.InputOffset())
	return d.Errorf("something follows the end of the document")
}

// skip reads a token that needs no look.
func (d *Reader) skip() error {
	_, err := d.token()
	return err
}

// token reads the next token, which is valid until the one after it.
func (d *Reader) token() (jsontext.Token, error) {
	t, err := d.dec.ReadToken()
	if err != nil {
		return t, d.failed(err)
	}
	d.advance()
	return t, nil
}

// advance notes that everything up to the decoder's place has been dealt with.
func (d *Reader) advance() {
	end := d.dec.InputOffset()
	d.line, _ = d.in.at(end)
	d.in.limit = min(end+MaxToken, d.budget)
}

// unexpected is the error for a well-formed token in the wrong place; it reads the token to learn its line.
func (d *Reader) unexpected(want string) error {
	if k := d.Peek(); k == '{' || k == '[' || k == '"' {
		if err := d.skip(); err != nil {
			return err
		}
	} else if _, err := d.Literal(); err != nil {
		return err
	}
	return d.Errorf("expected %s", want)
}

// failed turns what jsontext reports into one of our errors. Its text may quote the document, so it is not kept.
func (d *Reader) failed(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(d.in.err, errTooLong):
		return d.Errorf("what follows is too long")
	case d.in.err != nil:
		return d.in.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.line, _ = d.in.at(d.in.read)
		return d.Errorf("the document ends too early")
	case errors.As(err, &syntax):
		line, column := d.in.at(max(syntax.ByteOffset, d.dec.InputOffset()))
		d.line = line
		if syntax.Err != nil && syntax.Err.Error() == "invalid UTF-8" {
			return d.Errorf("the text is not UTF-8")
		}
		return fault.New(d.class, "line %d, column %d: not valid JSON", line, column)
	}
	return d.Errorf("not valid JSON")
}
