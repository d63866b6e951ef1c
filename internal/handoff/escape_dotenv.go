package handoff

import (
	"strings"
	"unicode/utf8"
)

// DotenvQuote returns v as the value of a line of an env file, so that tacit's own reader, Docker Compose and a POSIX shell all read exactly
// v. Single quotes are preferred: nothing within them means anything to these. Where they cannot be used, Compose keeps the backslash
// that a shell wants before a backquote. (Readers that look for escapes and ${…} between single quotes too, such as python-dotenv, read
// another value where there are any.)
func DotenvQuote(v string) string {
	const plain byteSet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+," // no '=': zsh expands =cmd
	switch {
	case v != "" && strings.Trim(v, string(plain)) == "":
		return v
	case !strings.Contains(v, "'") && !strings.HasSuffix(v, `\`): // Compose and its kin take \' for a quote within
		return "'" + v + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(v) + `"`
}

// scanDotenv finds where holes land in an env file. A value that has no quotes or single quotes is written anew as [DotenvQuote] does; one
// between double quotes stays as it is around what is put in, since it may have variables of its own.
func scanDotenv(text string) ([]span, error) {
	var all []span
	for at := 0; at < len(text); {
		found, end, err := scanDotenvLine(text, at)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		at = end
	}
	return all, nil
}

// scanDotenvLine goes over a line, or the lines of a quoted value, and returns where the next one begins.
func scanDotenvLine(text string, start int) ([]span, int, error) {
	eol := lineEnd(text, start)
	next := min(eol+1, len(text))
	line := text[start:eol]
	if trimmed := strings.TrimLeft(line, " \t"); strings.HasPrefix(trimmed, "#") {
		return comments(text, start, eol), next, nil
	}
	name, value, found := strings.Cut(line, "=")
	if at := strings.IndexByte(name, hole); at >= 0 {
		return nil, 0, &unfit{holeAt(text, start+at), "stands where an env file has the name of a variable", "write it behind NAME="}
	}
	if !found {
		return nil, next, nil
	}
	at := eol - len(strings.TrimLeft(value, " \t"))
	if at == eol {
		return nil, next, nil
	}
	if quote := text[at]; quote == '\'' || quote == '"' {
		end := endOfDotenvQuoted(text, at, quote)
		if end < 0 {
			return nil, 0, &unclear{at, "a quote that begins here has no end", "close it, or say what the file is with --escape"}
		}
		return scanDotenvQuoted(text, at, end, quote)
	}
	return scanDotenvBare(text, at, eol, next)
}

// endOfDotenvQuoted returns where a quoted value ends, or -1. Compose takes \' within single quotes for a quote, shells do not: a value with
// it is not clear.
func endOfDotenvQuoted(text string, start int, quote byte) int {
	for i := start + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote && text[i-1] == '\\' && quote == '\'':
			return -1
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

func scanDotenvQuoted(text string, start, end int, quote byte) ([]span, int, error) {
	eol := lineEnd(text, end)
	next := min(eol+1, len(text))
	rest := strings.TrimLeft(text[end:eol], " \t\r")
	if rest != "" && rest[0] != '#' {
		if at := strings.IndexByte(text[start:eol], hole); at >= 0 {
			return nil, 0, &unfit{holeAt(text, start+at), "stands in a value of which only a part is between quotes", "put one pair of quotes around the whole value"}
		}
	}
	all := comments(text, end, eol)
	holes := strings.Count(text[start:end], string(hole))
	if holes == 0 {
		return all, next, nil
	}
	if quote == '\'' {
		return append([]span{{start: start, end: end, from: start, to: end, write: func(bits []bit) (string, error) {
			first, last := &bits[0], &bits[len(bits)-1]
			first.text = first.text[1:]
			last.text = last.text[:len(last.text)-1]
			return asDotenv(bits)
		}}}, all...), next, nil
	}
	var inside []span
	substitution := false
	for i := start; i < end; i++ {
		switch c := text[i]; {
		case c == '\\' && text[i+1] == hole:
			return nil, 0, errInEscape(text, i+1)
		case c == '\\':
			i++
		case c == '`' || strings.HasPrefix(text[i:], "$("):
			at := start + strings.IndexByte(text[start:], hole)
			return nil, 0, &unfit{holeAt(text, at), "stands in a value that a shell would run a part of", "put single quotes around the whole value"}
		case strings.HasPrefix(text[i:], "${"):
			substitution = true
		case c == '}':
			substitution = false
		case c == hole && (substitution || text[i-1] == '$'):
			return nil, 0, &unfit{holeAt(text, i), "stands within a substitution", "put the reference outside of it"}
		case c == hole:
			inside = append(inside, span{start: i, end: i + 1, from: start + 1, to: end - 1, write: each(inDotenvDouble)})
		}
	}
	return append(inside, all...), next, nil
}

// scanDotenvBare takes a value without quotes: with values in it, it is quoted as a whole.
func scanDotenvBare(text string, start, eol, next int) ([]span, int, error) {
	end := eol
	for i := start; i < eol; i++ {
		if text[i] == '#' && i > start && byteSet(" \t").has(text[i-1]) {
			end = i
			break
		}
	}
	all := comments(text, end, eol)
	value := strings.TrimRight(text[start:end], " \t\r")
	if strings.IndexByte(value, hole) < 0 {
		return all, next, nil
	}
	if i := strings.IndexAny(value, "\\$'\"` \t;&|<>()#"); i >= 0 {
		return nil, 0, &unfit{
			holeAt(text, start+strings.IndexByte(value, hole)), "stands in a value without quotes that has characters which not every reader takes for themselves",
			"put quotes around the whole value",
		}
	}
	return append([]span{{start: start, end: start + len(value), from: start, to: start + len(value), write: asDotenv}}, all...), next, nil
}

// asDotenv writes everything in the span as one value.
func asDotenv(bits []bit) (string, error) {
	var whole strings.Builder
	for _, b := range bits {
		if b.value {
			if err := fitsDotenv(b.text); err != nil {
				return "", of(b, err)
			}
		}
		whole.WriteString(b.text)
	}
	return DotenvQuote(whole.String()), nil
}

// inDotenvDouble writes a value within double quotes.
func inDotenvDouble(v string) (string, error) {
	if err := fitsDotenv(v); err != nil {
		return "", err
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(v), nil
}

func fitsDotenv(v string) error {
	switch {
	case strings.Contains(v, "\x00"):
		return errNUL("an env file")
	case !utf8.ValidString(v):
		return errNotUTF8("env files")
	case strings.Contains(v, "\r"):
		return &misfit{"holds a carriage return, which readers of env files change", keepAsBase64}
	}
	return nil
}
