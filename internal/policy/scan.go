package policy

import (
	"strings"
	"unicode/utf8"
)

// Bounds of a policy text (I08). cedar-go's parser, checker and evaluator recurse, so a text that nests without end would end
// the process.
const (
	maxText      = 256 << 10 // bytes
	maxDepth     = 64        // nested brackets and ifs
	maxStatement = 4096      // tokens of one policy
)

// A token is one word, string, number or sign of a policy text; strings keep their quotes. Line and Column count from 1, columns
// in characters, as cedar-go counts them.
type token struct {
	text         string
	line, column int
}

// scan splits a policy text into tokens, without comments. It refuses what is beyond the bounds and knows nothing of the grammar:
// cedar-go does that. It is here for the bounds, and because cedar-go's syntax tree has no positions within a policy.
func scan(text string) ([]token, *Problem) {
	if len(text) > maxText {
		return nil, &Problem{Line: 1, Column: 1, Text: "the policy text is larger than 256 KiB"}
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, &Problem{Line: 1, Column: 1, Text: "the policy text is not UTF-8"}
	}
	var tokens []token
	line, column := 1, 1
	depth, start, ifs := 0, 0, 0
	for i := 0; i < len(text); {
		n, blank := tokenLen(text[i:])
		t := token{text[i : i+n], line, column}
		i += n
		if nl := strings.Count(t.text, "\n"); nl > 0 {
			line += nl
			column = 1 + utf8.RuneCountInString(t.text[strings.LastIndexByte(t.text, '\n')+1:])
		} else {
			column += utf8.RuneCountInString(t.text)
		}
		if blank {
			continue
		}
		tokens = append(tokens, t)
		switch t.text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case "if":
			ifs++
		case ";":
			start, depth, ifs = len(tokens), 0, 0
		}
		if depth+ifs > maxDepth || len(tokens)-start > maxStatement {
			return nil, &Problem{Line: t.line, Column: t.column, Text: "the policy is too deep or too long: write several smaller ones"}
		}
	}
	return tokens, nil
}

// tokenLen returns the length of what text begins with, and whether that is a comment or a blank.
func tokenLen(text string) (n int, blank bool) {
	isWord := func(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' }
	switch c := text[0]; {
	case strings.HasPrefix(text, "//"):
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return end, true
		}
		return len(text), true
	case c == '"':
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i + 1, false
			}
		}
		return len(text), false
	case isWord(c):
		n = 1
		for n < len(text) && isWord(text[n]) {
			n++
		}
		return n, false
	}
	for _, sign := range []string{"::", "==", "!=", "<=", ">=", "&&", "||"} {
		if strings.HasPrefix(text, sign) {
			return len(sign), false
		}
	}
	r, n := utf8.DecodeRuneInString(text)
	return n, strings.ContainsRune(" \t\r\n", r)
}
