package config

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// inText makes the change in the text, so that the rest stays as somebody wrote it; nil where it does not know how. It need not be sure:
// what it returns is parsed and compared with what is meant.
func (e *edit) inText() []byte {
	value, err := dump(e.value)
	if err != nil {
		return nil
	}
	inline := strings.TrimRight(string(value), "\n")
	if strings.Contains(inline, "\n") {
		return nil
	}
	switch {
	case e.old != nil:
		from := offset(e.text, e.old)
		to := endOfScalar(e.text, from, e.old)
		if from < 0 || to < 0 {
			return nil
		}
		return splice(e.text, from, to, inline)
	case e.in.Style&yaml.FlowStyle != 0:
		return e.intoFlow(inline)
	}
	return e.intoBlock(inline)
}

func splice(text []byte, from, to int, with string) []byte {
	return append(append(append([]byte(nil), text[:from]...), with...), text[to:]...)
}

// offset returns where a node begins, in bytes; -1: unknown.
func offset(text []byte, n *yaml.Node) int {
	at := lineStart(text, n.Line)
	if at < 0 || n.Column < 1 {
		return -1
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(text[at:])
		if at += size; at >= len(text) {
			return -1
		}
	}
	return at
}

// lineStart returns where a line begins, which is counted from 1; -1: there is none.
func lineStart(text []byte, line int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	return at
}

// endOfScalar returns where the scalar that begins at from ends, if it is on one line; else -1.
func endOfScalar(text []byte, from int, n *yaml.Node) int {
	if from < 0 || from >= len(text) {
		return -1
	}
	line, _, _ := strings.Cut(string(text[from:]), "\n")
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				return from + i + 1
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		rest := strings.ReplaceAll(line[1:], "''", "..")
		if i := strings.IndexByte(rest, '\''); i >= 0 {
			return from + 1 + i + 1
		}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && n.Value != "" && strings.HasPrefix(line, n.Value):
		return from + len(n.Value)
	}
	return -1
}

// intoFlow adds a member at the end of a mapping in braces whose last value is a text, or which is empty.
func (e *edit) intoFlow(inline string) []byte {
	at, before := offset(e.text, e.in)+1, ""
	if len(e.in.Content) > 0 {
		last := e.in.Content[len(e.in.Content)-1]
		if last.Kind != yaml.ScalarNode {
			return nil
		}
		at, before = endOfScalar(e.text, offset(e.text, last), last), ", "
	}
	if at < 1 {
		return nil
	}
	return splice(e.text, at, at, before+e.flow(inline))
}

// flow writes the member with the keys that are left: "db: {host: x}".
func (e *edit) flow(inline string) string {
	return strings.Join(e.rest, ": {") + ": " + inline + strings.Repeat("}", len(e.rest)-1)
}

// intoBlock adds lines after the last one of a mapping of lines.
func (e *edit) intoBlock(inline string) []byte {
	indent, from := 0, 0
	switch {
	case len(e.in.Content) > 0:
		indent, from = e.in.Content[0].Column-1, e.in.Content[0].Line
	case e.inKey != nil:
		indent, from = e.inKey.Column+1, e.inKey.Line+1
	}
	at := max(lineStart(e.text, from), 0)
	if from == 0 || e.inKey != nil && len(e.in.Content) == 0 && lineStart(e.text, from) < 0 {
		at = len(e.text)
	}
	if len(e.in.Content) > 0 {
		at = endOfBlock(e.text, at, indent)
	}
	var b strings.Builder
	if at > 0 && e.text[at-1] != '\n' {
		b.WriteByte('\n')
	}
	for i, k := range e.rest {
		b.WriteString(strings.Repeat(" ", indent+2*i) + k + ":")
		if i == len(e.rest)-1 {
			b.WriteString(" " + inline)
		}
		b.WriteByte('\n')
	}
	return splice(e.text, at, at, b.String())
}

// endOfBlock returns where the last line ends that belongs to the mapping with that indent which begins at from. Comments and empty lines
// after it belong to what follows.
func endOfBlock(text []byte, from, indent int) int {
	end := from
	for at := from; at < len(text); {
		next := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := string(text[at:next])
		bare := strings.TrimLeft(line, " ")
		if content := strings.TrimSpace(bare); content != "" && content[0] != '#' {
			if at > from && len(line)-len(bare) < indent {
				break
			}
			end = next
		}
		at = next
	}
	return end
}
