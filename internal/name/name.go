package name

import (
	"strings"

	"tacit/internal/fault"
)

// MaxLen is the longest name in bytes.
const MaxLen = 256

// Check returns an error of class fault.Invalid, which says what is wrong, unless s is a secret's name: ASCII, a letter, then
// letters, digits, '-', '_', '.', '/'; no "//", no '/' at the end, no segment "." or "..".
func Check(s string) error {
	why := Problem(s)
	if why == "" {
		return nil
	}
	return fault.New(fault.Invalid, "invalid name %q: %s", clip(s), why).About(clip(s)).
		WithFix("a name is a letter, then letters, digits, '-', '_', '.', '/'; at most %d characters", MaxLen)
}

// Problem says why s is not a name, without quoting it; empty if it is one. See [Check].
func Problem(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case len(s) > MaxLen:
		return "it is longer than 256 characters"
	case !isLetter(s[0]):
		return "it must begin with a letter"
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' && c != '/' {
			return "it holds a character that is not allowed"
		}
	}
	for seg := range strings.SplitSeq(s, "/") {
		switch seg {
		case "":
			return "it has an empty segment"
		case ".", "..":
			return "it has a segment that is only dots"
		}
	}
	return ""
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// clip keeps an error line short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
