package mask

import (
	"strings"
	"unicode/utf8"
)

// digits are the hexadecimal digits that escapes are written with.
type digits string

const (
	lowerDigits digits = "0123456789abcdef"
	upperDigits digits = "0123456789ABCDEF"
)

// A urlStyle is a way to percent-encode: what stays as it is beside letters and digits, and whether a space becomes a plus.
type urlStyle struct {
	keep string
	plus bool
}

var urlStyles = [...]urlStyle{
	{"-_.~", false},                 // RFC 3986 2.3; rawurlencode, Python's quote with safe=""
	{"-_.~", true},                  // url.QueryEscape; Python's quote_plus
	{"-_.~$&+=:@", false},           // url.PathEscape
	{"-_.~$&+=:@/;,", false},        // url.URL.EscapedPath
	{"-_.~$&+=:@/;,!'()*[]", false}, // the same, where the path came with those unescaped
	{"-_.~$&+=;,", false},           // url.UserPassword: what stands before the @ of a connection string
	{"-_.~/", false},                // Python's quote
	{"-_.!~*'()", false},            // encodeURIComponent
	{"-_.!~*'();/?:@&=+$,#", false}, // encodeURI
	{"*-._", true},                  // URLSearchParams, forms; Java's URLEncoder
	{"-_.", true},                   // PHP's urlencode
}

// escape returns the value in this style. anyCase says that there are letters among the digits of the escapes.
func (s urlStyle) escape(value []byte, d digits) (form []byte, anyCase bool) {
	form = make([]byte, 0, 3*len(value))
	for _, c := range value {
		switch {
		case isAlphanumeric(c) || strings.IndexByte(s.keep, c) >= 0:
			form = append(form, c)
		case c == ' ' && s.plus:
			form = append(form, '+')
		default:
			form = append(form, '%', d[c>>4], d[c&15])
			anyCase = anyCase || c>>4 > 9 || c&15 > 9
		}
	}
	return form, anyCase
}

// contents are the ASCII characters of a value that a style may treat in a way of its own, each once, and whether there are others.
type contents struct {
	special string
	other   bool
}

func contentsOf(value []byte) (c contents) {
	var seen [utf8.RuneSelf]bool
	for _, b := range value {
		switch {
		case b >= utf8.RuneSelf:
			c.other = true
		case !isAlphanumeric(b) && !seen[b]:
			seen[b] = true
			c.special += string(rune(b))
		}
	}
	return c
}

// effect tells styles apart that make different forms of a value with these contents.
func (s urlStyle) effect(has contents) string {
	out := make([]byte, 0, len(has.special))
	for i := range len(has.special) {
		switch c := has.special[i]; {
		case strings.IndexByte(s.keep, c) >= 0:
			out = append(out, 'k')
		case c == ' ' && s.plus:
			out = append(out, '+')
		default:
			out = append(out, '%')
		}
	}
	return string(out)
}

// effect tells styles apart that make different forms of a value with these contents.
func (s jsonStyle) effect(has contents) string {
	out := make([]byte, 0, len(has.special)+2)
	for i := range len(has.special) {
		switch c := has.special[i]; {
		case strings.IndexByte(s.hex, c) >= 0:
			out = append(out, 'u')
		case c == '/' && s.slash:
			out = append(out, '/')
		default:
			out = append(out, '.')
		}
	}
	if has.other {
		out = append(out, map[bool]byte{true: 'a'}[s.ascii], map[bool]byte{true: 's'}[s.separators])
	}
	return string(out)
}

// isPlain reports whether no style of a URL or of JSON changes the value.
func isPlain(value []byte) bool {
	for _, c := range value {
		if !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// A jsonStyle is a way to write the inside of a JSON string (RFC 8259 7). Quote, backslash and control characters are always
// escaped, in the short way where there is one.
type jsonStyle struct {
	hex        string // ASCII that is written as \u00XX
	slash      bool   // / is written as \/
	ascii      bool   // what is not ASCII is written as \uXXXX
	separators bool   // so are U+2028 and U+2029, which JavaScript took for the end of a line
}

var jsonStyles = [...]jsonStyle{
	{hex: "<>&", separators: true},  // encoding/json; Rails
	{separators: true},              // encoding/json with SetEscapeHTML(false)
	{},                              // JSON.stringify and most others
	{ascii: true},                   // Python
	{slash: true, ascii: true},      // PHP
	{slash: true, separators: true}, // PHP with JSON_UNESCAPED_UNICODE
	{slash: true},                   // and with JSON_UNESCAPED_LINE_TERMINATORS
	{hex: "<>&", ascii: true},       // the two ways to be safe inside HTML, combined with the others
	{hex: "<>&", slash: true, separators: true}, //
	{hex: "<>&", slash: true, ascii: true},      //
	{hex: "<>&='", separators: true},            // Gson
	{hex: "<>&'\"", slash: true, ascii: true},   // PHP with JSON_HEX_TAG, _AMP, _APOS and _QUOT
	{hex: "<>&'\"+`\x7f", ascii: true},          // .NET
	{hex: "<>&'\"\\/\b\f\n\r\t", ascii: true},   // whatever can be escaped, as \u
	{hex: "\b\f", separators: true},             // encoding/json before Go 1.22, with SetEscapeHTML(false)
	{hex: "<>&\b\f", separators: true},          // and without
}

// escape returns the value in this style, and how many of its bytes stand there: each that is not part of a UTF-8 character is
// written as U+FFFD. anyCase says that there are letters among the digits of the escapes.
func (s jsonStyle) escape(value []byte, d digits) (form []byte, anyCase bool, kept int) {
	form = make([]byte, 0, len(value)+len(value)/4)
	unit := func(u rune) { // of UTF-16
		form = append(form, '\\', 'u', d[u>>12&15], d[u>>8&15], d[u>>4&15], d[u&15])
		anyCase = anyCase || u>>12&15 > 9 || u>>8&15 > 9 || u>>4&15 > 9 || u&15 > 9
	}
	for len(value) > 0 {
		r, size := utf8.DecodeRune(value)
		char := value[:size]
		value = value[size:]
		if r == utf8.RuneError && size == 1 {
			if s.ascii || s.separators { // encoding/json writes the escape
				unit(r)
			} else {
				form = utf8.AppendRune(form, r)
			}
			continue
		}
		kept += size
		switch {
		case r < utf8.RuneSelf && strings.IndexByte(s.hex, byte(r)) >= 0:
			unit(r)
		case r == '"' || r == '\\' || r == '/' && s.slash:
			form = append(form, '\\', byte(r))
		case r < ' ':
			if i := strings.IndexByte("\b\f\n\r\t", byte(r)); i >= 0 {
				form = append(form, '\\', "bfnrt"[i])
			} else {
				unit(r)
			}
		case r < utf8.RuneSelf, !s.ascii && (!s.separators || r != '\u2028' && r != '\u2029'):
			form = append(form, char...)
		case r > 0xffff:
			r -= 0x10000
			unit(0xd800 | r>>10)
			unit(0xdc00 | r&0x3ff)
		default:
			unit(r)
		}
	}
	return form, anyCase, kept
}
