package audit

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file writes and reads JSON without spaces; codec.go says of what.
//
// encoding/json would do what this file does, but takes 0.3 ms to learn the type Record in every new process: more than the
// rest of an append. What is written here encoding/json reads back equal, and the other way round; a fuzz test compares them.

// fields writes the members of one JSON object.
type fields struct {
	b     []byte
	begun bool
}

func (f *fields) key(k string) {
	if f.begun {
		f.b = append(f.b, ',')
	}
	f.begun = true
	f.b = append(f.b, '"')
	f.b = append(f.b, k...)
	f.b = append(f.b, '"', ':')
}

func (f *fields) text(k, v string) {
	f.key(k)
	f.b = appendText(f.b, v)
}

func (f *fields) number(k string, v int64) {
	f.key(k)
	f.b = strconv.AppendInt(f.b, v, 10)
}

func (f *fields) unsigned(k string, v uint64) {
	f.key(k)
	f.b = strconv.AppendUint(f.b, v, 10)
}

func (f *fields) textIf(k, v string) {
	if v != "" {
		f.text(k, v)
	}
}

func (f *fields) numberIf(k string, v int64) {
	if v != 0 {
		f.number(k, v)
	}
}

func (f *fields) unsignedIf(k string, v uint64) {
	if v != 0 {
		f.unsigned(k, v)
	}
}

// object writes a member that is an object itself.
func (f *fields) object(k string, members func(*fields)) {
	f.key(k)
	inner := fields{b: append(f.b, '{')}
	members(&inner)
	f.b = append(inner.b, '}')
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

var errJSON = errors.New("not a record")

// maxNesting bounds objects within objects in fields that this version does not know.
const maxNesting = 16

// decoder reads records. It hands out one string for equal ones: most records repeat the same few.
type decoder struct {
	b    []byte
	i    int
	seen map[string]string
}

// maxSeen bounds the strings that a decoder keeps.
const maxSeen = 4096

func (d *decoder) byte() byte {
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	return 0
}

func (d *decoder) eat(c byte) error {
	if d.byte() != c {
		return errJSON
	}
	d.i++
	return nil
}

// object reads an object without spaces and calls member with each key, to read the value.
func (d *decoder) object(depth int, member func(key []byte) error) error {
	if depth > maxNesting || d.eat('{') != nil {
		return errJSON
	}
	if d.byte() == '}' {
		d.i++
		return nil
	}
	for {
		key, err := d.raw()
		if err != nil || d.eat(':') != nil {
			return errJSON
		}
		if err := member(key); err != nil {
			return err
		}
		if d.byte() != ',' {
			return d.eat('}')
		}
		d.i++
	}
}

// raw reads a string and returns what stands between the quotes, escapes included.
func (d *decoder) raw() ([]byte, error) {
	if d.eat('"') != nil {
		return nil, errJSON
	}
	start := d.i
	for ; d.i < len(d.b); d.i++ {
		switch c := d.b[d.i]; {
		case c == '"':
			d.i++
			return d.b[start : d.i-1], nil
		case c == '\\':
			d.i++
		case c < 0x20:
			return nil, errJSON
		}
	}
	return nil, errJSON
}

// text reads a string.
func text[T ~string](d *decoder, to *T) error {
	raw, err := d.raw()
	if err == nil {
		*to, err = plain[T](raw)
	}
	return err
}

// word reads a string of which there are few: equal ones share their memory.
func word[T ~string](d *decoder, to *T) error {
	raw, err := d.raw()
	if err != nil {
		return err
	}
	if s, ok := d.seen[string(raw)]; ok {
		*to = T(s)
		return nil
	}
	if *to, err = plain[T](raw); err != nil {
		return err
	}
	if d.seen == nil {
		d.seen = make(map[string]string)
	}
	if len(d.seen) < maxSeen {
		d.seen[string(raw)] = string(*to)
	}
	return nil
}

// plain undoes the escapes of a string and the damage of invalid UTF-8.
func plain[T ~string](raw []byte) (T, error) {
	s := string(raw)
	if strings.IndexByte(s, '\\') >= 0 {
		var err error
		if s, err = unescape(s); err != nil {
			return "", err
		}
	}
	return T(strings.ToValidUTF8(s, string(utf8.RuneError))), nil
}

func unescape(s string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out.WriteByte(s[i])
			continue
		}
		i++ // raw saw to it that something follows
		switch s[i] {
		case '"', '\\', '/':
			out.WriteByte(s[i])
		case 'b':
			out.WriteByte('\b')
		case 'f':
			out.WriteByte('\f')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'u':
			r, ok := hex4(s[i+1:])
			if !ok {
				return "", errJSON
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if strings.HasPrefix(s[i+1:], `\u`) {
					low, ok = hex4(s[i+3:])
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			out.WriteRune(r)
		default:
			return "", errJSON
		}
	}
	return out.String(), nil
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err == nil
}

// digits reads a number's characters.
func (d *decoder) digits() string {
	start := d.i
	for c := d.byte(); c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; c = d.byte() {
		d.i++
	}
	return string(d.b[start:d.i])
}

func number[T ~int | ~int64](d *decoder, to *T) error {
	n, err := strconv.ParseInt(d.digits(), 10, 64)
	*to = T(n)
	return err
}

func (d *decoder) unsigned(to *uint64) (err error) {
	*to, err = strconv.ParseUint(d.digits(), 10, 64)
	return err
}

// skip reads a value of any kind.
func (d *decoder) skip(depth int) error {
	switch c := d.byte(); {
	case c == '"':
		_, err := d.raw()
		return err
	case c == '{':
		return d.object(depth, func([]byte) error { return d.skip(depth + 1) })
	case c == '[':
		return d.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		d.digits()
		return nil
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(string(d.b[d.i:min(d.i+len(word), len(d.b))]), word) {
			d.i += len(word)
			return nil
		}
	}
	return errJSON
}

func (d *decoder) array(depth int) error {
	d.i++
	if depth > maxNesting {
		return errJSON
	}
	if d.byte() == ']' {
		d.i++
		return nil
	}
	for {
		if err := d.skip(depth + 1); err != nil {
			return err
		}
		if d.byte() != ',' {
			return d.eat(']')
		}
		d.i++
	}
}
