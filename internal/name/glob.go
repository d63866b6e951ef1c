package name

import (
	"strings"

	"tacit/internal/fault"
)

// A Glob is a pattern over names: '*' stands for any run of characters within a segment, "**" for any run across segments,
// '?' for one character that is not '/'. A "**" that is a segment of its own stands for any number of segments, none
// included: "a/**/z" matches "a/z", "**/z" matches "z". Everything else stands for itself.
//
// Matching takes time proportional to pattern × name at most, whatever the two are, and allocates nothing.
type Glob struct {
	pattern string
	prefix  string  // literal beginning
	middle  []token // from the first wildcard to the last; empty: the pattern is literal
	suffix  string  // literal end
	needle  string  // the longest literal text in the middle: what has it not, cannot match
}

// maxPattern bounds a pattern, and with it the state of the matcher.
const maxPattern = 2 * MaxLen

// A token is one step of a pattern: a byte that stands for itself (0 to 255), or one of the following.
type token int16

const (
	anyByte     token = 256 + iota // ?    one byte that is not '/'
	anyInside                      // *    any run without '/'
	anyAcross                      // **   any run
	endSegments                    // the '/' of "**/" as a segment of its own: with the anyAcross before it, it may match nothing
)

// ParseGlob returns the pattern that s is. It fails, with class fault.Invalid, only for one that is empty or too long.
func ParseGlob(s string) (Glob, error) {
	if s == "" || len(s) > maxPattern {
		return Glob{}, fault.New(fault.Invalid, "invalid pattern %q: it must have 1 to %d characters", clip(s), maxPattern).About(clip(s))
	}
	tokens := make([]token, 0, len(s))
	for i := 0; i < len(s); {
		stars := len(s[i:]) - len(strings.TrimLeft(s[i:], "*"))
		segment := i == 0 || s[i-1] == '/'
		switch {
		case stars == 1:
			tokens = append(tokens, anyInside)
		case stars > 1 && segment && strings.HasPrefix(s[i+stars:], "/"):
			tokens = append(tokens, anyAcross, endSegments)
			i++
		case stars > 1:
			tokens = append(tokens, anyAcross)
		case s[i] == '?':
			tokens = append(tokens, anyByte)
		default:
			tokens = append(tokens, token(s[i]))
		}
		i += max(stars, 1)
	}
	first, last := 0, len(tokens)
	for first < last && tokens[first] < anyByte {
		first++
	}
	for last > first && tokens[last-1] < anyByte {
		last--
	}
	// A literal byte is one token and one byte of s, so the literal ends of both have the same length.
	g := Glob{pattern: s, prefix: s[:first], middle: tokens[first:last], suffix: s[len(s)-(len(tokens)-last):]}
	var run []byte
	for _, t := range g.middle {
		if t >= anyByte {
			run = run[:0]
			continue
		}
		if run = append(run, byte(t)); len(run) > len(g.needle) {
			g.needle = string(run)
		}
	}
	return g, nil
}

// String returns the pattern as it was written.
func (g Glob) String() string { return g.pattern }

// Prefix returns what every match begins with, for callers that can narrow a scan.
func (g Glob) Prefix() string { return g.prefix }

// Literal reports whether the pattern has no wildcard, so that it matches only its own text.
func (g Glob) Literal() bool { return len(g.middle) == 0 }

// Match reports whether the whole of s matches.
func (g Glob) Match(s string) bool {
	if g.Literal() {
		return s == g.pattern
	}
	if len(s) < len(g.prefix)+len(g.suffix) || !strings.HasPrefix(s, g.prefix) || !strings.HasSuffix(s, g.suffix) {
		return false
	}
	s = s[len(g.prefix) : len(s)-len(g.suffix)]
	return strings.Contains(s, g.needle) && matchTokens(g.middle, s)
}

// matchTokens runs all ways to match at once: row[j] says whether the text so far matches tokens[:j]. Only row[lo] to row[hi]
// can be true, and they are few for the patterns that people write.
func matchTokens(tokens []token, s string) bool {
	var row [maxPattern + 1]bool
	row[0] = true
	lo, hi := 0, 0
	for j, t := range tokens { // what matches without any text
		if row[j+1] = t == endSegments && row[j-1] || (t == anyInside || t == anyAcross) && row[j]; row[j+1] {
			hi = j + 1
		}
	}
	for i := range len(s) {
		c := s[i]
		from, to := max(lo-1, 0), hi
		before := row[from] // row[j] as it was for the text without c
		row[from] = false
		lo, hi = -1, -1
		for j := from; j < len(tokens); j++ {
			if j > to && !row[j] && !row[j-1] {
				break // nothing gets further
			}
			was := row[j+1]
			switch t := tokens[j]; t {
			case anyByte:
				row[j+1] = before && c != '/'
			case anyInside:
				row[j+1] = row[j] || was && c != '/'
			case anyAcross:
				row[j+1] = row[j] || was
			case endSegments:
				row[j+1] = row[j-1] || before && c == '/'
			default:
				row[j+1] = before && token(c) == t
			}
			before = was
			if row[j+1] {
				hi = j + 1
				if lo < 0 {
					lo = hi
				}
			}
		}
		if lo < 0 {
			return false
		}
	}
	return row[len(tokens)]
}
