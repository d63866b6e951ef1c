// Package httpgrammar is the part of the grammar of HTTP that who reads a message, who writes one and who says what may stand in one must
// agree about (RFC 9110, section 5). What one of them lets through and another takes for the end of a line is a request that nobody judged (I25).
package httpgrammar

import "strings"

// IsToken reports whether s is a token: a method, or the name of a field (section 5.6.2).
func IsToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if !IsTokenByte(s[i]) {
			return false
		}
	}
	return len(s) > 0
}

// IsTokenByte reports whether c may be in a token.
func IsTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// IsControl reports whether c cannot be in the value of a field (section 5.5): a tab can.
func IsControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// HasControl reports whether s cannot be the value of a field.
func HasControl[T string | []byte](s T) bool {
	for i := range len(s) {
		if IsControl(s[i]) {
			return true
		}
	}
	return false
}

// ListHas reports whether a list of tokens, over any number of fields, has token, in letters of either case (section 5.6.1).
func ListHas(values []string, token string) bool {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(one, " \t"), token) {
				return true
			}
		}
	}
	return false
}
