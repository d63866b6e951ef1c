package handoff

import (
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// mark stands for a hole in the text that the YAML parser gets: one character of the private use area, which means nothing in YAML, so that
// lines and columns are those of the file.
type mark struct{ char string }

// scanYAML finds where holes land in YAML. The parser says what is a scalar and of which style; this finds where it ends.
//
// A scalar with values in it is written anew as one between double quotes, which can hold any text, whatever its style was: that a value is
// "no", 12 or "- a" makes it nothing else than a string. Only in a block scalar values stay lines, where lines can hold them.
func scanYAML(text string) ([]span, check, error) {
	if strings.ContainsAny(text, "\u0085\u2028\u2029") || strings.Contains(strings.ReplaceAll(text, "\r\n", "\n"), "\r") {
		return nil, nil, &unclear{0, "it has line breaks that are not those of today's YAML", "let lines end in LF"}
	}
	m, ok := freeMark(text)
	if !ok {
		return nil, nil, &unclear{0, "it uses every character of Unicode's private use area", ""}
	}
	nodes, err := parseYAML(strings.ReplaceAll(text, string(hole), m.char))
	if err != nil {
		return nil, nil, err
	}
	s := yamlScanner{text: text, mark: m, lines: lineStarts(text)}
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, m.char) {
			if err := s.scalar(n); err != nil {
				return nil, nil, err
			}
		}
	}
	sortSpans(s.spans)
	scalars := s.spans
	at := 0
	for _, sp := range append(scalars, span{start: len(text), end: len(text)}) {
		for i := at; i < sp.start; i++ {
			if text[i] != hole {
				continue
			}
			if !s.inComment(i) {
				return nil, nil, &unfit{holeAt(text, i), "stands where YAML has no value, such as a tag or an anchor", ""}
			}
			s.spans = append(s.spans, span{start: i, end: i + 1, comment: true})
		}
		at = sp.end
	}
	sortSpans(s.spans)
	return s.spans, func(out string, values []string) error { return m.compare(nodes, out, values, s.spans, text) }, nil
}

// freeMark returns a mark that the text does not have.
func freeMark(text string) (mark, bool) {
	for r := rune(0xe000); r < 0xf900; r++ {
		if !strings.ContainsRune(text, r) {
			return mark{string(r)}, true
		}
	}
	return mark{}, false
}

// parseYAML returns the nodes of all documents, in their order.
func parseYAML(text string) ([]*yaml.Node, error) {
	var all []*yaml.Node
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		all = append(all, n)
		for _, c := range n.Content {
			walk(c)
		}
	}
	loader, err := yaml.NewLoader(strings.NewReader(text), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxYAMLDepth))))
	for err == nil {
		var doc yaml.Node
		if err = loader.Load(&doc); err == nil {
			walk(&doc)
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, &unclear{0, "this cannot be read as YAML: " + firstLine(err.Error()), "say what the file is with --escape"}
	}
	return all, nil
}

// maxYAMLDepth bounds how deep a file may nest.
const maxYAMLDepth = 1000

// lineStarts returns where each line begins.
func lineStarts(text string) []int {
	starts := []int{0}
	for i := range len(text) {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

type yamlScanner struct {
	text  string
	mark  mark
	lines []int
	spans []span

	// Where the last scalar began, and the last comment: the next is often on the same line, which may be long.
	line, column, at int
	commentEnd       int
}

// scalar makes a span of a scalar that has holes.
func (s *yamlScanner) scalar(n *yaml.Node) error {
	start, ok := s.begin(n)
	if !ok {
		return s.lost(n)
	}
	var end int
	w := s.rewrite(n, "")
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		end = endOfQuoted(s.text, start, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		end = endOfQuoted(s.text, start, '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		var b block
		if b, ok = s.block(start); !ok {
			return &unclear{start, "a block scalar with values in it needs an indentation of its own, and no digit that says so", `write it between double quotes, with \n for new lines`}
		}
		end = b.end
		w = b.writer(inward(s.missing(start, b.indent), s.rewrite(n, b.comment)), n.Style&yaml.FoldedStyle != 0)
	default:
		end = s.endOfPlain(start, n.Value)
	}
	if end < 0 || strings.Count(s.text[start:end], string(hole)) != strings.Count(n.Value, s.mark.char) {
		return s.lost(n)
	}
	s.spans = append(s.spans, span{start: start, end: end, from: start, to: end, write: w})
	return nil
}

func (s *yamlScanner) lost(n *yaml.Node) error {
	at := s.lines[min(max(n.Line-1, 0), len(s.lines)-1)]
	return &unclear{at, "it is not clear where the value that begins here ends", "write it on one line, between double quotes"}
}

// begin returns where the scalar itself begins, behind its anchor and tag.
func (s *yamlScanner) begin(n *yaml.Node) (int, bool) {
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0, false
	}
	at, column := s.lines[n.Line-1], 1
	if n.Line == 1 {
		at += len(s.text) - len(strings.TrimPrefix(s.text, "\ufeff"))
	}
	if n.Line == s.line && n.Column >= s.column {
		at, column = s.at, s.column
	}
	for ; column < n.Column; column++ {
		_, size := utf8.DecodeRuneInString(s.text[at:])
		if size == 0 {
			return 0, false
		}
		at += size
	}
	s.line, s.column, s.at = n.Line, n.Column, at
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		size := strings.IndexAny(s.text[at:], " \t\r\n")
		if size < 0 {
			return 0, false
		}
		at += size
		at += len(s.text[at:]) - len(strings.TrimLeft(s.text[at:], " \t\r\n"))
	}
	if at >= len(s.text) {
		return 0, false
	}
	style := byteSet("")
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		style = `"`
	case n.Style&yaml.SingleQuotedStyle != 0:
		style = "'"
	case n.Style&yaml.LiteralStyle != 0:
		style = "|"
	case n.Style&yaml.FoldedStyle != 0:
		style = ">"
	}
	return at, style == "" || style.has(s.text[at])
}

// endOfQuoted returns where a quoted scalar ends, or -1.
func endOfQuoted(text string, start int, quote byte) int {
	for i := start + 1; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] != quote:
		case quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return -1
}

// endOfPlain follows a plain scalar, of which the parser said what it is, up to its end, or returns -1. White space may have been folded.
func (s *yamlScanner) endOfPlain(start int, value string) int {
	value = strings.ReplaceAll(value, s.mark.char, string(hole))
	const white = " \t\r\n"
	at := start
	for value != "" {
		if byteSet(white).has(value[0]) {
			value = strings.TrimLeft(value, white)
			rest := strings.TrimLeft(s.text[at:], white)
			if len(rest) == len(s.text)-at {
				return -1
			}
			at = len(s.text) - len(rest)
			continue
		}
		if at == len(s.text) || s.text[at] != value[0] {
			return -1
		}
		at, value = at+1, value[1:]
	}
	return at
}

// rewrite is a writer of a whole scalar between double quotes. The text around the values is what the parser read.
func (s *yamlScanner) rewrite(n *yaml.Node, comment string) writer {
	between := strings.Split(n.Value, s.mark.char)
	w := asString("YAML", asItIs)
	return func(bits []bit) (string, error) {
		all := []bit{{text: between[0]}}
		for _, b := range bits {
			if b.value {
				all = append(all, b, bit{text: between[(len(all)+1)/2]})
			}
		}
		out, err := w(all)
		return out + comment, err
	}
}

// inComment reports whether a place that is in no scalar with values is in a comment.
func (s *yamlScanner) inComment(at int) bool {
	if at < s.commentEnd {
		return true
	}
	line := s.text[strings.LastIndexByte(s.text[:at], '\n')+1 : at]
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || byteSet(" \t").has(line[i-1])) {
			s.commentEnd = lineEnd(s.text, at)
			return true
		}
	}
	return false
}

// compare says whether what was written reads as what was meant: the same nodes, with the values in their places. It is the proof that no
// value became anything but the text that it is; that it fails is a mistake of this program.
func (m mark) compare(meant []*yaml.Node, out string, values []string, spans []span, text string) error {
	got, err := parseYAML(out)
	if err != nil || len(got) != len(meant) {
		return errReadBack()
	}
	next := 0
	var order []string // the values that are in scalars
	for _, s := range spans {
		n := strings.Count(text[s.start:s.end], string(hole))
		if !s.comment {
			order = append(order, values[next:next+n]...)
		}
		next += n
	}
	for i, n := range meant {
		want := n.Value
		if n.Kind == yaml.ScalarNode {
			var b strings.Builder
			for j, piece := range strings.Split(n.Value, m.char) {
				if j > 0 && len(order) > 0 {
					b.WriteString(order[0])
					order = order[1:]
				}
				b.WriteString(piece)
			}
			want = b.String()
		}
		if got[i].Kind != n.Kind || got[i].Value != want || got[i].Anchor != n.Anchor || want != n.Value && got[i].ShortTag() == "!!null" {
			return errReadBack()
		}
	}
	return nil
}

// A block is a block scalar: | or >.
type block struct {
	end     int // of its last line that is not empty
	indent  string
	comment string // behind the | or >
	body    int    // where its lines begin, from its start
}

// block finds the lines of the block scalar that begins at start.
func (s *yamlScanner) block(start int) (block, bool) {
	header, _, _ := strings.Cut(s.text[start:], "\n")
	b := block{body: len(header) + 1}
	header = strings.TrimSuffix(header, "\r")
	if at := strings.Index(header, " #"); at >= 0 {
		header, b.comment = header[:at], header[at:]
	}
	if strings.ContainsFunc(header, unicode.IsDigit) || strings.ContainsAny(b.comment, string(hole)) {
		return b, false
	}
	at := start + b.body
	for line := range strings.Lines(s.text[min(at, len(s.text)):]) {
		body := strings.TrimRight(line, "\r\n")
		indent := body[:len(body)-len(strings.TrimLeft(body, " "))]
		switch {
		case body == indent: // an empty line
		case b.indent == "" && indent == "":
			return b, false
		case b.indent == "":
			b.indent = indent
			b.end = at + len(body)
		case len(indent) < len(b.indent):
			return b, b.end > 0
		default:
			b.end = at + len(body)
		}
		at += len(line)
	}
	return b, b.end > 0
}

// missing returns by how much a block that begins on a line of its own stands further out than its lines.
func (s *yamlScanner) missing(start int, indent string) string {
	before := s.text[strings.LastIndexByte(s.text[:start], '\n')+1 : start]
	if strings.Trim(before, " ") != "" || len(before) >= len(indent) {
		return ""
	}
	return indent[len(before):]
}

// inward is a writer that indents what w writes: parsers let the | of a block stand as far out as its key, but not what is between quotes.
func inward(indent string, w writer) writer {
	return func(bits []bit) (string, error) {
		out, err := w(bits)
		return indent + out, err
	}
}

// writer keeps the block where its lines can hold the values, and writes it as rewrite does where they cannot.
func (b block) writer(rewrite writer, folded bool) writer {
	return func(bits []bit) (string, error) {
		var out strings.Builder
		for _, x := range bits {
			switch {
			case !x.value:
				out.WriteString(x.text)
			case !fitsBlock(x.text) || folded && strings.Contains(x.text, "\n"):
				return rewrite(bits)
			default:
				out.WriteString(strings.ReplaceAll(x.text, "\n", "\n"+b.indent))
			}
		}
		return out.String(), nil
	}
}

// fitsBlock reports whether lines of a block scalar hold a value as it is: visible text that neither begins nor ends with white space, which
// would change how far the block is indented, or be lost at its end.
func fitsBlock(v string) bool {
	return v != "" && v == strings.TrimSpace(v) && utf8.ValidString(v) && !strings.ContainsFunc(v, func(r rune) bool {
		return r != '\n' && r != '\t' && !unicode.IsPrint(r)
	})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
