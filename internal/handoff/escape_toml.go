package handoff

import "strings"

// scanTOML finds where holes land in TOML 1.0: within one of its four kinds of strings, or bare, where a string or a quoted key can stand.
func scanTOML(text string) ([]span, error) {
	t := tomlScanner{text: text, line: true}
	for t.at < len(text) {
		if err := t.step(); err != nil {
			return nil, err
		}
	}
	return t.spans, nil
}

type tomlScanner struct {
	text  string
	at    int
	spans []span

	open  []byte // the brackets that are open, within values
	value bool   // a value is next or was last; else a key
	line  bool   // nothing but white space since the line began
}

// step goes over one thing.
func (t *tomlScanner) step() error {
	c := t.text[t.at]
	first := t.line
	t.line = c == '\n' || t.line && byteSet(" \t\r").has(c)
	switch {
	case c == '#':
		end := lineEnd(t.text, t.at)
		t.spans = append(t.spans, comments(t.text, t.at, end)...)
		t.at = end
		return nil
	case c == '"' || c == '\'':
		return t.str(c)
	case c == hole:
		return t.bare()
	case c == '\n' && len(t.open) == 0:
		t.value = false
	case c == '=':
		t.value = true
	case (c == '[' || c == '{') && t.value:
		t.open = append(t.open, c)
		t.value = c == '['
	case (c == ']' || c == '}') && len(t.open) > 0:
		t.open = t.open[:len(t.open)-1]
		t.value = true
	case c == ',' && len(t.open) > 0:
		t.value = t.open[len(t.open)-1] == '['
	case c == '[' && first:
		t.value = false // of a table
	}
	t.at++
	return nil
}

// bare takes holes that stand in no string: they become one.
func (t *tomlScanner) bare() error {
	start := t.at
	end := start + len(t.text[start:]) - len(strings.TrimLeft(t.text[start:], string(hole)))
	before, after := byteSet(" \t\r\n[{=,"), byteSet(" \t\r\n]},=#")
	if !t.value {
		before, after = before+".", after+"."
	}
	if start > 0 && !before.has(t.text[start-1]) || end < len(t.text) && !after.has(t.text[end]) {
		return &unfit{holeAt(t.text, start), "stands beside other text, outside of a string", `put the whole value between double quotes: "…${secret:NAME}…"`}
	}
	t.spans = append(t.spans, span{start: start, end: end, write: asString("TOML", asItIs), from: start, to: end})
	t.at = end
	return nil
}

// str goes over a string that begins with the quote.
func (t *tomlScanner) str(quote byte) error {
	start := t.at
	mark := string(quote)
	if strings.HasPrefix(t.text[start:], strings.Repeat(mark, 3)) {
		mark = strings.Repeat(mark, 3)
	}
	var holes []int
	i := start + len(mark)
	for ; ; i++ {
		switch {
		case i >= len(t.text), t.text[i] == '\n' && len(mark) == 1:
			return &unclear{start, "a string that begins here has no end", "say what the file is with --escape"}
		case t.text[i] == '\\' && quote == '"':
			i++
			if n := strings.IndexByte(t.text[i:i+escapeLen(t.text[i:])], hole); n >= 0 {
				return errInEscape(t.text, i+n)
			}
			continue
		case t.text[i] == hole:
			holes = append(holes, i)
			continue
		case !strings.HasPrefix(t.text[i:], mark):
			continue
		}
		break
	}
	end := i + len(mark)
	for n := 0; len(mark) == 3 && n < 2 && end < len(t.text) && t.text[end] == quote; n++ {
		end++ // up to two quotes may stand right before the three that end it
	}
	t.add(start, end, mark, holes)
	t.at = end
	return nil
}

// add makes spans of the holes in a string.
func (t *tomlScanner) add(start, end int, mark string, holes []int) {
	switch {
	case len(holes) == 0:
	case mark[0] == '"':
		w := inDoubleQuotes("TOML")
		if len(mark) == 3 {
			w = inMultiLineBasic
		}
		for _, h := range holes {
			t.spans = append(t.spans, span{start: h, end: h + 1, write: w, from: start + len(mark), to: end - len(mark)})
		}
	default:
		// A string between single quotes has no escapes, so it becomes one that has.
		w := asString("TOML", asItIs)
		t.spans = append(t.spans, span{start: start, end: end, from: start + len(mark), to: end - len(mark), write: func(bits []bit) (string, error) {
			first, last := &bits[0], &bits[len(bits)-1]
			first.text = first.text[len(mark):]
			last.text = last.text[:len(last.text)-len(mark)]
			if len(mark) == 3 { // a line break right after the quotes is none of the value
				first.text = strings.TrimPrefix(strings.TrimPrefix(first.text, "\r"), "\n")
			}
			return w(bits)
		}})
	}
}

// escapeLen is how much of s, which follows a backslash, belongs to the escape.
func escapeLen(s string) int {
	n := 1
	if s != "" {
		switch s[0] {
		case 'u':
			n = 5
		case 'U':
			n = 9
		}
	}
	return min(n, len(s))
}

// inMultiLineBasic writes values within """: a backslash at the end of a line takes the white space that follows, so a value does not begin
// with any.
func inMultiLineBasic(bits []bit) (string, error) {
	plain := inDoubleQuotes("TOML")
	return each(func(v string) (string, error) {
		s, err := plain([]bit{{text: v, value: true}})
		if err != nil {
			return "", errNotUTF8("TOML")
		}
		if rest, ok := strings.CutPrefix(s, " "); ok {
			s = `\u0020` + rest
		}
		return s, nil
	})(bits)
}
