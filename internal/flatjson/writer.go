package flatjson

import (
	"encoding/base64"
	"strconv"
	"time"
	"unicode/utf8"
)

// Writer writes the members of one JSON object, without spaces. Keys are the program's own: they are not escaped.
type Writer struct {
	b     []byte
	begun bool
}

// Begin begins an object at the end of b.
func Begin(b []byte) *Writer { return &Writer{b: append(b, '{')} }

// End ends the object and returns what b has become.
func (w *Writer) End() []byte { return append(w.b, '}') }

func (w *Writer) key(k string) {
	if w.begun {
		w.b = append(w.b, ',')
	}
	w.begun = true
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

// Text writes a string; invalid UTF-8 becomes U+FFFD.
func (w *Writer) Text(k, v string) {
	w.key(k)
	w.b = appendText(w.b, v)
}

// Number writes a number.
func (w *Writer) Number(k string, v int64) {
	w.key(k)
	w.b = strconv.AppendInt(w.b, v, 10)
}

// Unsigned writes a number.
func (w *Writer) Unsigned(k string, v uint64) {
	w.key(k)
	w.b = strconv.AppendUint(w.b, v, 10)
}

// TextIf leaves the member out when it is empty.
func (w *Writer) TextIf(k, v string) {
	if v != "" {
		w.Text(k, v)
	}
}

// NumberIf leaves the member out when it is 0.
func (w *Writer) NumberIf(k string, v int64) {
	if v != 0 {
		w.Number(k, v)
	}
}

// UnsignedIf leaves the member out when it is 0.
func (w *Writer) UnsignedIf(k string, v uint64) {
	if v != 0 {
		w.Unsigned(k, v)
	}
}

// Bool writes a switch.
func (w *Writer) Bool(k string, v bool) {
	w.key(k)
	w.b = strconv.AppendBool(w.b, v)
}

// Bytes writes bytes in base64.
func (w *Writer) Bytes(k string, v []byte) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = base64.StdEncoding.AppendEncode(w.b, v)
	w.b = append(w.b, '"')
}

// Time writes a time as RFC 3339 with as many digits as there are.
func (w *Writer) Time(k string, v time.Time) {
	w.key(k)
	w.b = append(w.b, '"')
	w.b = v.AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

// Object writes a member that is an object itself.
func (w *Writer) Object(k string, members func(*Writer)) {
	w.key(k)
	inner := Begin(w.b)
	members(inner)
	w.b = inner.End()
}

func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // of invalid UTF-8: U+FFFD
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"
