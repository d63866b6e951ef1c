package broker

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"tacit/internal/fault"
)

// A path has one spelling (I24): that of its decoded segments, each escaped in the one way of [appendSegment]. So what is judged, the
// segments, says all about what is sent, and a server that decodes once reads just that.
//
// Decoding stops there. What would read otherwise on a server that decodes twice, drops parameters (;x=y), takes a backslash for a
// slash or resolves dots late is refused, however harmless the rest.

// A flaw is something in a segment that is refused, but where the capability declares it.
type flaw struct {
	segment int
	slash   bool // an encoded slash and nothing worse
	what    string
}

// setPath reads the path as it came.
func (c *CanonicalRequest) setPath(raw string) error {
	switch {
	case len(raw) > maxPath:
		return fault.New(fault.Invalid, "the path is longer than %d bytes", maxPath)
	case raw == "":
		raw = "/"
	case raw[0] != '/':
		return refuse("the path does not begin with a slash: the host is that of the capability").WithFix("give the path alone, such as /v1/models")
	}
	c.raw = raw
	c.segments = c.inline[:0]
	asItCame := true
	rest, slash := raw[1:], false
	for more := rest != ""; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" && !more { // a slash at the end
			slash = len(c.segments) > 0
			break
		}
		at := len(c.segments)
		if at == maxPathSegments {
			return fault.New(fault.Invalid, "the path has more than %d segments", maxPathSegments)
		}
		decoded, err := decodeSegment(segment, at+1)
		if err != nil {
			return err
		}
		if what, onlySlash := flawOf(segment, decoded); what != "" {
			c.flaws = append(c.flaws, flaw{at, onlySlash, what})
		}
		asItCame = asItCame && isCanonicalSegment(segment)
		c.segments = append(c.segments, decoded)
	}
	if c.plain = raw; !asItCame {
		c.plain = joinSegments(c.segments, slash)
	}
	c.path = c.plain
	return nil
}

// decodeSegment decodes once. The error says which segment it is, from 1.
func decodeSegment(segment string, number int) (string, error) {
	escaped := false
	for i := range len(segment) {
		switch b := segment[i]; {
		case b <= ' ' || b == 0x7f || b == '\\' || b == '?' || b == '#':
			return "", refuse("segment %d of the path has a control character, space, backslash, ? or #", number).
				WithFix("escape a space as %%20, ? as %%3F and # as %%23; the query is given apart")
		case b == '%':
			escaped = true
		}
	}
	decoded := segment
	if escaped {
		var err error
		if decoded, err = url.PathUnescape(segment); err != nil {
			return "", refuse("segment %d of the path is not escaped as it should be", number).WithFix("escape a percent sign as %%25")
		}
	}
	// Bytes that are not UTF-8 may be an over-long form of a dot or slash (RFC 3629, section 10).
	if !utf8.ValidString(decoded) {
		return "", refuse("segment %d of the path is not UTF-8", number)
	}
	if strings.ContainsFunc(decoded, unicode.IsControl) {
		return "", refuse("segment %d of the path has a control character", number)
	}
	return decoded, nil
}

// flawOf says what is wrong with a segment; empty for nothing.
func flawOf(raw, decoded string) (what string, onlySlash bool) {
	switch {
	case decoded == "":
		return "is empty", false
	case isDots(decoded):
		return "has only dots", false
	case strings.Contains(raw, "%2e") || strings.Contains(raw, "%2E"):
		return "has an encoded dot", false
	case strings.Contains(decoded, `\`):
		return "has an encoded backslash", false
	case strings.Contains(decoded, ";"):
		return "has a semicolon, after which some servers read no further", false
	case escapedAgain(decoded):
		return "is escaped twice", false
	case strings.Contains(decoded, "/"):
		for part := range strings.SplitSeq(decoded, "/") {
			if part == "" || isDots(part) {
				return "has an empty or dot segment behind an encoded slash", false
			}
		}
		return "has an encoded slash", true
	}
	return "", false
}

// isDots reports whether s is nothing but dots and spaces: a dot segment, or what is one for servers that drop dots and spaces at the end.
func isDots(s string) bool { return strings.Trim(s, ". ") == "" }

// escapedAgain reports whether decoding s once more would change it: %2e, or %u002e as some servers know it.
func escapedAgain(s string) bool {
	for {
		_, after, found := strings.Cut(s, "%")
		switch {
		case !found:
			return false
		case len(after) >= 2 && isHex(after[0]) && isHex(after[1]), after != "" && after[0]|0x20 == 'u':
			return true
		}
		s = after
	}
}

// joinSegments returns the path of segments.
func joinSegments(segments []string, slash bool) string {
	size := 1
	for _, s := range segments {
		size += len(s) + 1
	}
	b := make([]byte, 0, size+16)
	for _, s := range segments {
		b = appendSegment(append(b, '/'), s)
	}
	if slash || len(segments) == 0 {
		b = append(b, '/')
	}
	return string(b)
}

// appendSegment escapes what is not literal, in upper case.
func appendSegment(dst []byte, decoded string) []byte {
	for i := range len(decoded) {
		if b := decoded[i]; isSegmentLiteral(b) {
			dst = append(dst, b)
		} else {
			dst = appendEscaped(dst, b)
		}
	}
	return dst
}

// isCanonicalSegment reports whether appendSegment would write s as it stands.
func isCanonicalSegment(s string) bool {
	for i := range len(s) {
		if !isSegmentLiteral(s[i]) {
			return false
		}
	}
	return true
}

// isSegmentLiteral reports whether b stands in a canonical path as it is: what RFC 3986, section 3.3, allows, but for the semicolon,
// and the plus, which some servers take for a space.
func isSegmentLiteral(b byte) bool {
	switch b {
	case '!', '$', '&', '\'', '(', ')', '*', ',', '=', ':', '@':
		return true
	}
	return isUnreserved(b)
}

// opaquePath returns the path of a capability that takes what follows its first n segments byte for byte: they are canonical, and the
// rest is as it came, but for bytes that HTTP cannot carry.
func (c *CanonicalRequest) opaquePath(n int) string {
	if n >= len(c.segments) {
		return c.plain
	}
	rest := c.raw
	for range n {
		rest = rest[1+strings.IndexByte(rest[1:], '/'):]
	}
	b := make([]byte, 0, len(c.plain)+len(rest))
	for _, s := range c.segments[:n] {
		b = appendSegment(append(b, '/'), s)
	}
	for i := range len(rest) {
		if r := rest[i]; isSegmentLiteral(r) || strings.IndexByte("/+;%", r) >= 0 {
			b = append(b, r)
		} else {
			b = appendEscaped(b, r)
		}
	}
	return string(b)
}

func appendEscaped(dst []byte, b byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[b>>4], digits[b&15])
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}
