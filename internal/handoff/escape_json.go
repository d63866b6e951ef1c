package handoff

import "strings"

// scanJSON finds where holes land in JSON: within a string, or where a value or a key can stand, which becomes a string. Comments, which
// some readers allow, are known.
func scanJSON(text string) ([]span, error) {
	var all []span
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "//"), strings.HasPrefix(text[i:], "/*"):
			end := endOfComment(text, i)
			all = append(all, comments(text, i, end)...)
			i = end
		case text[i] == '"':
			found, end, err := scanJSONString(text, i)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			i = end
		case text[i] == '\'':
			return nil, &unclear{i, "this is not JSON: a single quote outside of a string", "say what the file is with --escape"}
		case text[i] == hole:
			end := i + len(text[i:]) - len(strings.TrimLeft(text[i:], string(hole)))
			if i > 0 && !byteSet(" \t\r\n[{:,/").has(text[i-1]) || end < len(text) && !byteSet(" \t\r\n]},:/").has(text[end]) {
				return nil, &unfit{holeAt(text, i), "stands beside other text, outside of a string", `put the whole value between double quotes: "…${secret:NAME}…"`}
			}
			all = append(all, span{start: i, end: end, write: asString("JSON", asItIs), from: i, to: end})
			i = end
		default:
			i++
		}
	}
	return all, nil
}

// scanJSONString returns the holes of the string that begins at start, and where it ends.
func scanJSONString(text string, start int) ([]span, int, error) {
	var all []span
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
			escape := text[i:min(i+1, len(text))]
			if escape == "u" {
				escape = text[i:min(i+5, len(text))]
			}
			if at := strings.IndexByte(escape, hole); at >= 0 {
				return nil, 0, errInEscape(text, i+at)
			}
		case hole:
			all = append(all, span{start: i, end: i + 1, write: inDoubleQuotes("JSON"), from: start + 1})
		case '\n':
			return nil, 0, &unclear{start, "a string that begins here has no end on its line", "say what the file is with --escape"}
		case '"':
			for j := range all {
				all[j].to = i
			}
			return all, i + 1, nil
		}
	}
	return nil, 0, &unclear{start, "a string that begins here has no end", "say what the file is with --escape"}
}

func errInEscape(text string, at int) error {
	return &unfit{holeAt(text, at), "stands in the middle of an escape", `a backslash before a reference is written four times, \\\\${…}, where the file needs two`}
}

// endOfComment returns where a comment that begins with // or /* ends.
func endOfComment(text string, start int) int {
	end, skip := "\n", 0
	if text[start+1] == '*' {
		end, skip = "*/", 2
	}
	if i := strings.Index(text[start+2:], end); i >= 0 {
		return start + 2 + i + skip
	}
	return len(text)
}

// comments makes the holes between two places stay what they are.
func comments(text string, start, end int) []span {
	var all []span
	for i := start; i < end; i++ {
		if text[i] == hole {
			all = append(all, span{start: i, end: i + 1, comment: true})
		}
	}
	return all
}
