package jsonstream

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Builder builds JSON text in one line. It puts the commas; that members have keys and ends match is up to the caller.
// The zero Builder is ready.
type Builder struct {
	buf   []byte
	comma bool // the next item needs one before it
	err   error
}

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() { b.buf, b.comma, b.err = b.buf[:0], false, nil }

// Grow makes room for n bytes more, so that what was built is not left behind in smaller pieces of memory.
func (b *Builder) Grow(n int) { b.buf = slices.Grow(b.buf, n) }

// Built returns the text, valid until the next change, or the first error: a text that is not UTF-8.
func (b *Builder) Built() ([]byte, error) { return b.buf, b.err }

// Open begins an object or a list: '{' or '['.
func (b *Builder) Open(kind byte) {
	b.item()
	b.buf = append(b.buf, kind)
	b.comma = false
}

// Close ends an object or a list: '}' or ']'.
func (b *Builder) Close(kind byte) {
	b.buf = append(b.buf, kind)
	b.comma = true
}

// Key begins a member. The key must be one that needs no escaping, such as a field or a secret's name.
func (b *Builder) Key(k string) {
	b.item()
	b.buf = append(b.buf, '"')
	b.buf = append(b.buf, k...)
	b.buf = append(b.buf, '"', ':')
	b.comma = false
}

// Text adds a string.
func (b *Builder) Text(s string) {
	b.item()
	b.quote([]byte(s))
}

// TextOrNull adds a string or, for nil, null.
func (b *Builder) TextOrNull(s *string) {
	if s == nil {
		b.Null()
		return
	}
	b.Text(*s)
}

// Value adds the member "value" or, for bytes that are not UTF-8, "value_base64".
func (b *Builder) Value(v []byte) {
	if utf8.Valid(v) {
		b.Key("value")
		b.quote(v)
	} else {
		b.Key("value_base64")
		b.buf = append(b.buf, '"')
		b.buf = base64.StdEncoding.AppendEncode(b.buf, v)
		b.buf = append(b.buf, '"')
	}
	b.comma = true
}

// Plain adds the string v, which must be UTF-8.
func (b *Builder) Plain(v []byte) {
	b.item()
	b.quote(v)
}

// Object adds an object that is JSON text already.
func (b *Builder) Object(text []byte) {
	b.item()
	b.buf = append(b.buf, text...)
}

// Int adds a number.
func (b *Builder) Int(n int) {
	b.item()
	b.buf = strconv.AppendInt(b.buf, int64(n), 10)
}

// IntOrNull adds a number or, for nil, null.
func (b *Builder) IntOrNull(n *int) {
	if n == nil {
		b.Null()
		return
	}
	b.Int(*n)
}

// Bool adds true or false.
func (b *Builder) Bool(v bool) {
	b.item()
	b.buf = strconv.AppendBool(b.buf, v)
}

// Null adds null.
func (b *Builder) Null() {
	b.item()
	b.buf = append(b.buf, "null"...)
}

// Texts adds a list of strings, [] for none.
func (b *Builder) Texts(list []string) {
	b.Open('[')
	for _, s := range list {
		b.Text(s)
	}
	b.Close(']')
}

// Time adds a time as RFC 3339 in UTC, to the nanosecond.
func (b *Builder) Time(t time.Time) {
	b.item()
	b.buf = append(b.buf, '"')
	b.buf = t.UTC().AppendFormat(b.buf, time.RFC3339Nano)
	b.buf = append(b.buf, '"')
}

// TimeOrNull adds a time or, for nil, null.
func (b *Builder) TimeOrNull(t *time.Time) {
	if t == nil {
		b.Null()
		return
	}
	b.Time(*t)
}

func (b *Builder) item() {
	if b.comma {
		b.buf = append(b.buf, ',')
	}
	b.comma = true
}

func (b *Builder) quote(s []byte) {
	var err error
	if b.buf, err = jsontext.AppendQuote(b.buf, s); err != nil && b.err == nil {
		b.err = err
	}
}
