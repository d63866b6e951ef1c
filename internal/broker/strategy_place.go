package broker

import (
	"strings"
	"unicode/utf8"

	"tacit/internal/httpgrammar"
)

// inHeader is the place of a value in a header (RFC 9110, section 5.5). A line break would begin another header.
func inHeader(value string) string {
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "it holds a line break, which cannot stand in a header"
	case httpgrammar.HasControl(value):
		return "it holds a control character, which cannot stand in a header"
	case strings.Trim(value, " \t") != value:
		return "it begins or ends with a space, which does not last in a header"
	}
	return ""
}

// anywhere is the place of what is escaped where it goes, or goes nowhere.
func anywhere(string) string { return "" }

// inPath is the place of whole or partial segments of a path: characters that need no escaping (RFC 3986, section 3.3), so that
// there is one way to read it.
func inPath(value string) string {
	for i := range len(value) {
		c := value[i]
		if c == '/' || isUnreserved(c) || strings.IndexByte("!$&'()*+,;=:@", c) >= 0 {
			continue
		}
		return "it holds a character that cannot stand in a path"
	}
	return ""
}

// inUsername is the place before the colon of basic authentication (RFC 7617, section 2).
func inUsername(value string) string {
	if strings.Contains(value, ":") {
		return "it holds a colon, which ends a user name"
	}
	return inPassword(value)
}

func inPassword(value string) string {
	if httpgrammar.HasControl(value) {
		return "it holds a line break or control character, which cannot stand in a password"
	}
	return ""
}

// inText is the place of a field of a body.
func inText(value string) string {
	if !utf8.ValidString(value) {
		return "it is not UTF-8, which a field of a body must be"
	}
	return ""
}

// isUnreserved reports whether c never needs escaping in an address (RFC 3986, section 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
