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
	bad := func(why string) error {
		return fault.New(fault.Invalid, "invalid name %q: %s", clip(s), why).About(clip(s)).
			WithFix("a name is a letter, then letters, digits, '-', '_', '.', '/'; at most %d characters", MaxLen)
	}
	switch {
	case s == "":
		return bad("it is empty")
	case len(s) > MaxLen:
		return bad("it is longer than 256 characters")
	case !isLetter(s[0]):
		return bad("it must begin with a letter")
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' && c != '/' {
			return bad("it holds a character that is not allowed")
		}
	}
	for seg := range strings.SplitSeq(s, "/") {
		switch seg {
		case "":
			return bad("it has an empty segment")
		case ".", "..":
			return bad("it has a segment that is only dots")
		}
	}
	return nil
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
