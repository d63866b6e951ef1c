package name

import (
	"slices"
	"strings"

	"tacit/internal/fault"
)

// MaxTag is the longest tag in bytes.
const MaxTag = 64

// CheckTag returns an error of class fault.Invalid unless s is a tag: letters, digits, '-', '_', '.', ':', '/'; case is kept and counts.
func CheckTag(s string) error {
	why := ""
	switch {
	case s == "":
		why = "it is empty"
	case len(s) > MaxTag:
		why = "it is longer than 64 characters"
	case strings.IndexFunc(s, func(r rune) bool {
		return r > 0x7f || !isLetter(byte(r)) && !isDigit(byte(r)) && !strings.ContainsRune("-_.:/", r)
	}) >= 0:
		why = "it holds a character that is not allowed"
	default:
		return nil
	}
	return fault.New(fault.Invalid, "invalid tag %q: %s", clip(s), why).About(clip(s)).
		WithFix("a tag is letters, digits, '-', '_', '.', ':', '/'; at most %d characters", MaxTag)
}

// ParseTags parses a list with commas, as flags take it: "prod,db". Blanks around a tag do not count; a tag that is there
// twice counts once; the order is kept. The empty string is no tags.
func ParseTags(s string) ([]string, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var tags []string
	for t := range strings.SplitSeq(s, ",") {
		t = strings.TrimSpace(t)
		if err := CheckTag(t); err != nil {
			return nil, err
		}
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	return tags, nil
}
