package flatjson

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrSyntax is the error of text that is not JSON, or not as this package writes it.
var ErrSyntax = errors.New("not the JSON that is expected here")

// maxNesting bounds objects within objects in fields that this version does not know.
const maxNesting = 16

// Reader reads objects. The zero Reader is ready for [Reader.Read].
type Reader struct {
	b     []byte
	i     int
	depth int
	seen  map[string]string
}

// Read reads one object at the beginning of b and calls member with each of its keys, which must read the value. It returns what
// stands behind the object.
func (r *Reader) Read(b []byte, member func(key []byte) error) (rest []byte, err error) {
	r.b, r.i, r.depth = b, 0, 0
	if err := r.Object(member); err != nil {
		return nil, err
	}
	return r.b[r.i:], nil
}

// maxSeen bounds the strings that a Reader keeps.
const maxSeen = 4096

func (r *Reader) byte() byte {
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

func (r *Reader) eat(c byte) error {
	if r.byte() != c {
		return ErrSyntax
	}
	r.i++
	return nil
}

// Object reads a value that is an object, as Read does.
func (r *Reader) Object(member func(key []byte) error) error {
	if r.depth > maxNesting || r.eat('{') != nil {
		return ErrSyntax
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.byte() == '}' {
		r.i++
		return nil
	}
	for {
		key, err := r.raw()
		if err != nil || r.eat(':') != nil {
			return ErrSyntax
		}
		if err := member(key); err != nil {
			return err
		}
		if r.byte() != ',' {
			return r.eat('}')
		}
		r.i++
	}
}

// raw reads a string and returns what stands between the quotes, escapes included.
func (r *Reader) raw() ([]byte, error) {
	if r.eat('"') != nil {
		return nil, ErrSyntax
	}
	start := r.i
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return r.b[start : r.i-1], nil
		case c == '\\':
			r.i++
		case c < 0x20:
			return nil, ErrSyntax
		}
	}
	return nil, ErrSyntax
}

// Text reads a string.
func Text[T ~string](r *Reader, to *T) error {
	raw, err := r.raw()
	if err == nil {
		*to, err = plain[T](raw)
	}
	return err
}

// Word reads a string of which there are few: equal ones share their memory.
func Word[T ~string](r *Reader, to *T) error {
	raw, err := r.raw()
	if err != nil {
		return err
	}
	if s, ok := r.seen[string(raw)]; ok {
		*to = T(s)
		return nil
	}
	if *to, err = plain[T](raw); err != nil {
		return err
	}
	if r.seen == nil {
		r.seen = make(map[string]string)
	}
	if len(r.seen) < maxSeen {
		r.seen[string(raw)] = string(*to)
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
				return "", ErrSyntax
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
			return "", ErrSyntax
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
func (r *Reader) digits() string {
	start := r.i
	for c := r.byte(); c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; c = r.byte() {
		r.i++
	}
	return string(r.b[start:r.i])
}

func Number[T ~int | ~int64](r *Reader, to *T) error {
	n, err := strconv.ParseInt(r.digits(), 10, 64)
	*to = T(n)
	return err
}

// Unsigned reads a number.
func Unsigned[T ~uint32 | ~uint64](r *Reader, to *T) error {
	n, err := strconv.ParseUint(r.digits(), 10, 64)
	*to = T(n)
	if err == nil && uint64(*to) != n {
		return ErrSyntax
	}
	return err
}

// Bool reads a switch.
func Bool(r *Reader, to *bool) error {
	*to = r.byte() == 't'
	for _, c := range []byte(strconv.FormatBool(*to)) {
		if err := r.eat(c); err != nil {
			return err
		}
	}
	return nil
}

// Bytes reads bytes in base64.
func Bytes(r *Reader, to *[]byte) error {
	raw, err := r.raw()
	if err == nil {
		*to, err = base64.StdEncoding.Strict().AppendDecode(nil, raw)
	}
	return err
}

// Time reads an RFC 3339 time.
func Time(r *Reader, to *time.Time) error {
	raw, err := r.raw()
	if err == nil {
		err = to.UnmarshalText(raw)
	}
	return err
}

// Skip reads a value of any kind.
func (r *Reader) Skip() error {
	switch c := r.byte(); {
	case c == '"':
		_, err := r.raw()
		return err
	case c == '{':
		return r.Object(func([]byte) error { return r.Skip() })
	case c == '[':
		return r.array()
	case c == '-' || c >= '0' && c <= '9':
		r.digits()
		return nil
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(string(r.b[r.i:min(r.i+len(word), len(r.b))]), word) {
			r.i += len(word)
			return nil
		}
	}
	return ErrSyntax
}

func (r *Reader) array() error {
	r.i++
	if r.depth > maxNesting {
		return ErrSyntax
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.byte() == ']' {
		r.i++
		return nil
	}
	for {
		if err := r.Skip(); err != nil {
			return err
		}
		if r.byte() != ',' {
			return r.eat(']')
		}
		r.i++
	}
}
