package broker

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"tacit/internal/mask"
)

// maxMemberDepth bounds the objects and arrays around a value. A parser that goes deeper is hard to find.
const maxMemberDepth = 1000

// hiddenMember stands for the value of a member that is hidden, whatever it was.
const hiddenMember = `"` + mask.Replacement + `"`

// members hides members of the objects in a sequence of JSON texts (RFC 8259; one text is a sequence, and so are JSON lines and RFC
// 7464). It reads as parsers do, so that names are compared as they will be understood, escapes and all; it remembers the nesting and
// the name that it is in, and no value.
type members struct {
	names   []string
	longest int // of the names, in bytes

	state state
	open  []byte // '{' and '[' around what comes next
	count int

	// Of the string that is being read.
	escape    int  // 0: in none; 1: behind a backslash; 2 to 5: that many digits of \u are still to come, less one
	unit      rune // the digits so far
	surrogate rune // the first half of a pair, when the second has to follow
	name      []byte

	hide  bool // the value of the member that was just named
	inner bool // within a value that is hidden
	until int  // the nesting at which it ends
}

// A state is what is expected next.
type state uint8

const (
	wantValue  state = iota // a value, or the end of the whole
	wantItem                // behind [: a value, or ]
	wantMember              // behind {: a name, or }
	wantName                // behind a comma in an object
	inName
	wantColon
	inString
	inScalar // a number, true, false or null: whatever parsers take for one
	wantMore // behind a value: a comma or the end of what it is in
)

func newMembers(names []string) *members {
	m := &members{names: names}
	for _, n := range names {
		m.longest = max(m.longest, len(n))
	}
	return m
}

func (m *members) hidden() int { return m.count }

func (m *members) end() error {
	if len(m.open) > 0 || m.state != wantValue && m.state != inScalar {
		return errNoJSON
	}
	return nil
}

func (m *members) append(dst, text []byte) ([]byte, error) {
	shown := 0 // text before it was appended, or is hidden
	for i, c := range text {
		was := m.inner
		if m.state == inScalar && !scalar(c) {
			m.close() // the byte belongs to what comes behind
			if was && !m.inner {
				was, shown = false, i
			}
		}
		begins := m.hide && !m.inner && m.state == wantValue && !space(c)
		if begins {
			dst = append(append(dst, text[shown:i]...), hiddenMember...)
			m.hide, m.inner, m.until = false, true, len(m.open)
			m.count++
		}
		if err := m.step(c); err != nil {
			if !was && !begins {
				dst = append(dst, text[shown:i]...)
			}
			return dst, err
		}
		if (was || begins) && !m.inner {
			shown = i + 1
		}
	}
	if !m.inner {
		dst = append(dst, text[shown:]...)
	}
	return dst, nil
}

// step goes on by one byte.
func (m *members) step(c byte) error {
	switch m.state {
	case inName, inString:
		return m.inText(c)
	case inScalar:
		return nil // append has seen where it ends
	}
	if space(c) {
		return nil
	}
	switch m.state {
	case wantValue, wantItem:
		return m.value(c)
	case wantMember, wantName:
		switch {
		case c == '"':
			m.state, m.name = inName, m.name[:0]
		case c == '}' && m.state == wantMember:
			m.pop()
		default:
			return errNoJSON
		}
		return nil
	case wantColon:
		if c != ':' {
			return errNoJSON
		}
		m.state, m.hide = wantValue, !m.inner && slices.Contains(m.names, string(m.name))
		return nil
	}
	// wantMore: there is something around it, or close would have begun the next text.
	switch around := m.open[len(m.open)-1]; {
	case c == ',' && around == '{':
		m.state = wantName
	case c == ',':
		m.state = wantValue
	case c == '}' && around == '{', c == ']' && around == '[':
		m.pop()
	default:
		return errNoJSON
	}
	return nil
}

// value begins a value.
func (m *members) value(c byte) error {
	switch {
	case c == '"':
		m.state = inString
	case c == '{', c == '[':
		if len(m.open) == maxMemberDepth {
			return errDeepJSON
		}
		m.open = append(m.open, c)
		if m.state = wantItem; c == '{' {
			m.state = wantMember
		}
	case c == ']' && m.state == wantItem:
		m.pop()
	case scalar(c):
		m.state = inScalar
	default:
		return errNoJSON
	}
	return nil
}

// pop ends an object or array.
func (m *members) pop() {
	m.open = m.open[:len(m.open)-1]
	m.close()
}

// close ends a value.
func (m *members) close() {
	if m.inner && len(m.open) == m.until {
		m.inner = false
	}
	if m.state = wantMore; len(m.open) == 0 {
		m.state = wantValue // the next text
	}
}

// inText goes on in a string.
func (m *members) inText(c byte) error {
	switch {
	case c < ' ':
		return errNoJSON
	case m.escape == 1:
		return m.escaped(c)
	case m.escape > 1:
		return m.digit(c)
	case c == '\\':
		m.escape = 1
		return nil
	case c != '"':
		m.unpaired()
		m.keep(c)
		return nil
	}
	m.unpaired()
	if m.state == inName {
		m.state = wantColon
	} else {
		m.close()
	}
	return nil
}

// escaped is the byte behind a backslash.
func (m *members) escaped(c byte) error {
	if c == 'u' {
		m.escape, m.unit = 5, 0
		return nil
	}
	m.escape = 0
	m.unpaired()
	switch c {
	case '"', '\\', '/':
		m.keep(c)
	case 'b':
		m.keep('\b')
	case 'f':
		m.keep('\f')
	case 'n':
		m.keep('\n')
	case 'r':
		m.keep('\r')
	case 't':
		m.keep('\t')
	default:
		return errNoJSON
	}
	return nil
}

// digit is one of the four behind \u.
func (m *members) digit(c byte) error {
	var d byte
	switch {
	case '0' <= c && c <= '9':
		d = c - '0'
	case 'a' <= c && c <= 'f':
		d = c - 'a' + 10
	case 'A' <= c && c <= 'F':
		d = c - 'A' + 10
	default:
		return errNoJSON
	}
	m.unit = m.unit<<4 | rune(d)
	if m.escape--; m.escape > 1 {
		return nil
	}
	m.escape = 0
	if m.surrogate != 0 {
		if r := utf16.DecodeRune(m.surrogate, m.unit); r != utf8.RuneError {
			m.surrogate = 0
			m.keep(utf8.AppendRune(nil, r)...)
			return nil
		}
		m.unpaired()
	}
	if 0xd800 <= m.unit && m.unit < 0xdc00 {
		m.surrogate = m.unit
		return nil
	}
	m.keep(utf8.AppendRune(nil, m.unit)...) // a second half alone becomes U+FFFD, as in encoding/json
	return nil
}

// unpaired is called when the second half of a pair did not follow the first.
func (m *members) unpaired() {
	if m.surrogate != 0 {
		m.surrogate = 0
		m.keep(utf8.AppendRune(nil, utf8.RuneError)...)
	}
}

// keep appends to the name; but to one that is longer than all that are looked for only until it is.
func (m *members) keep(b ...byte) {
	if m.state == inName && len(m.name) <= m.longest {
		m.name = append(m.name, b...)
	}
}

// space reports whether c is nothing between two tokens: white space, and the record separator of RFC 7464.
func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0x1e }

// scalar reports whether c may be part of a number or a word.
func scalar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '+' || c == '.' || c == '_'
}
