package handoff

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/order"
	"tacit/internal/secret"
)

// A Piece is a part of a file that is rendered: text, or the place of a value.
type Piece struct {
	Text string // as it stands in the file; of a value: the reference, "${secret:db.password}"
	Of   string // what the value is, for errors: "db.password"; empty: this is text
	Line int    // where it begins, from 1
}

// A Layout says where in a file each value lands, and what it must look like there. It is made from the file alone: no value has
// any part in it (I21).
type Layout struct {
	file       string
	text       string // of all pieces; each value is one [hole]
	holes      []Piece
	at         []int  // where each hole is in the text
	spans      []span // in their order, apart from each other
	urls       bool
	everywhere bool // values that stand in no URL are encoded as parts of one too
	check      check
}

// A check says whether a file that was written, with these values, reads as what was meant.
type check func(out string, values []string) error

// hole stands for a value in a text. No file that is rendered has such a byte itself.
const hole = '\x00'

// A span is a stretch of the text that is written anew: values, and what stands between them.
type span struct {
	start, end int
	write      writer
	from, to   int  // the string, word or scalar that it is part of
	comment    bool // the values stay references: they are neither read nor written
}

// A writer returns what stands for the bits in the file. Its error, if it is one value's, is an *[unfit].
type writer func(bits []bit) (string, error)

// A bit is a part of a span: text of the file, or a value.
type bit struct {
	text  string
	value bool
	hole  int // of a value: which
}

// An unfit error says why a value, or any value, cannot stand where it lands.
type unfit struct {
	hole int
	why  string
	fix  string
}

func (e *unfit) Error() string { return e.why }

// Pieces cuts a text into pieces: t is what its source parses to. Without the source, references have their shortest form.
func Pieces(source string, t interpolate.Template) []Piece {
	all := make([]Piece, 0, len(t))
	for _, p := range t {
		piece := Piece{Line: p.Line + 1}
		switch {
		case p.Secret != nil:
			piece.Of = p.Secret.Bare()
			piece.Text = "${secret:" + piece.Of + "}"
		case p.Table != "":
			piece.Of = p.Table + "." + p.Key
			piece.Text = "${" + piece.Of + "}"
		default:
			piece.Text = p.Text
		}
		if piece.Of != "" && source != "" {
			piece.Text = source[p.Offset:p.End]
		}
		all = append(all, piece)
	}
	return all
}

// Lay finds out where the values of a file land. file is its name in errors. With urls, values within URLs are percent-encoded before they
// are escaped as kind says. An error is of class fault.Invalid and names the line of a place where no value can stand.
func Lay(file string, kind Kind, urls bool, pieces []Piece) (*Layout, error) {
	l := newLayout(file, pieces)
	l.urls, l.everywhere = urls || kind == URL, kind == URL
	if strings.Count(l.text, string(hole)) != len(l.holes) {
		return nil, fault.New(fault.Invalid, "%s is no text: it holds a NUL byte", file).About(file)
	}
	if len(l.holes) == 0 {
		return l, nil
	}
	var err error
	if l.spans, l.check, err = kind.scan(l.text); err != nil {
		return nil, l.explain(err)
	}
	return l, l.complete(kind)
}

func newLayout(file string, pieces []Piece) *Layout {
	l := &Layout{file: file}
	var text strings.Builder
	for _, p := range pieces {
		if p.Of == "" {
			text.WriteString(p.Text)
			continue
		}
		l.holes = append(l.holes, p)
		l.at = append(l.at, text.Len())
		text.WriteByte(hole)
	}
	l.text = text.String()
	return l
}

// complete makes sure that every hole is in a span: a mistake of a scanner must not become a value in the wrong form.
func (l *Layout) complete(kind Kind) error {
	covered := 0
	for _, s := range l.spans {
		covered += strings.Count(l.text[s.start:s.end], string(hole))
	}
	if covered != len(l.holes) {
		return fault.New(fault.Failed, "%s: a reference is in no place that is known as %s", l.file, kind).About(l.file).WithFix("report this; --escape says another kind")
	}
	return nil
}

// Wanted reports whether the value at the i-th place is needed. References in comments stay what they are.
func (l *Layout) Wanted(i int) bool {
	n, _ := slices.BinarySearchFunc(l.spans, l.at[i], func(s span, at int) int { return s.end - 1 - at })
	return !l.spans[n].comment
}

// Fill returns the file with the values, one for each place; those that are not wanted are ignored. An error is of class fault.Invalid and
// names the line, what the value is and why it cannot stand there; it never holds the value.
func (l *Layout) Fill(values []secret.Value) ([]byte, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v.Reveal())
	}
	return l.fill(texts)
}

func (l *Layout) fill(values []string) ([]byte, error) {
	var out bytes.Buffer
	final := make([]string, len(l.holes))
	at, next := 0, 0
	for _, s := range l.spans {
		out.WriteString(l.text[at:s.start])
		at = s.end
		bits := l.bits(s, values, next)
		next += strings.Count(l.text[s.start:s.end], string(hole))
		if s.comment {
			for _, b := range bits {
				out.WriteString(b.text)
			}
			continue
		}
		if l.urls {
			if err := l.encodeURLs(s, bits); err != nil {
				return nil, l.explain(err)
			}
		}
		for _, b := range bits {
			if b.value {
				final[b.hole] = b.text
			}
		}
		written, err := s.write(bits)
		if err != nil {
			return nil, l.explain(err)
		}
		out.WriteString(written)
	}
	out.WriteString(l.text[at:])
	if l.check != nil {
		if err := l.check(out.String(), final); err != nil {
			return nil, l.explain(err)
		}
	}
	return out.Bytes(), nil
}

// bits are the parts of a span, of which first is the number of the first hole.
func (l *Layout) bits(s span, values []string, first int) []bit {
	var all []bit
	for i, text := range strings.Split(l.text[s.start:s.end], string(hole)) {
		if i > 0 {
			n := first + i - 1
			if s.comment {
				all = append(all, bit{text: l.holes[n].Text})
			} else {
				all = append(all, bit{text: values[n], value: true, hole: n})
			}
		}
		if text != "" {
			all = append(all, bit{text: text})
		}
	}
	return all
}

// explain gives an error of a scanner or writer its line.
func (l *Layout) explain(err error) error {
	var ofValue *unfit
	if errors.As(err, &ofValue) {
		p := l.holes[ofValue.hole]
		f := fault.New(fault.Invalid, "%s:%d: %s %s", l.file, p.Line, p.Of, ofValue.why).About(p.Of)
		f.Fix = ofValue.fix
		return f
	}
	var e *unclear
	if errors.As(err, &e) {
		// From the last hole before it, since a reference may have lines of its own.
		line, from := 1, 0
		if n := strings.Count(l.text[:e.at], string(hole)); n > 0 {
			from = l.at[n-1] + 1
			line = l.holes[n-1].Line + strings.Count(l.holes[n-1].Text, "\n")
		}
		f := fault.New(fault.Invalid, "%s:%d: %s", l.file, line+strings.Count(l.text[from:e.at], "\n"), e.why).About(l.file)
		f.Fix = e.fix
		return f
	}
	return fault.Wrap(fault.Invalid, err, "%s", l.file).About(l.file)
}

const elsewise = "with these values it would read as something else than was meant, so nothing was written"

// errReadBack stops a file that would not say what it should.
func errReadBack() error {
	return fault.New(fault.Invalid, elsewise).WithFix("put references between double quotes, on the line of their key")
}

// An unclear error says that the file itself, at a place of its text, cannot be read as what it is said to be.
type unclear struct {
	at  int
	why string
	fix string
}

func (e *unclear) Error() string { return e.why }

// holeAt is the number of the hole at a place of the text.
func holeAt(text string, at int) int { return strings.Count(text[:at], string(hole)) }

// raw writes values as they are.
func raw(bits []bit) (string, error) {
	var out strings.Builder
	for _, b := range bits {
		out.WriteString(b.text)
	}
	return out.String(), nil
}

// each returns a writer that writes text as it is and values as escape returns them.
func each(escape func(value string) (string, error)) writer {
	return func(bits []bit) (string, error) {
		var out strings.Builder
		for _, b := range bits {
			if !b.value {
				out.WriteString(b.text)
				continue
			}
			s, err := escape(b.text)
			if err != nil {
				return "", of(b, err)
			}
			out.WriteString(s)
		}
		return out.String(), nil
	}
}

// of says whose an error is.
func of(b bit, err error) error { return &unfit{hole: b.hole, why: err.Error(), fix: fixOf(err)} }

// A misfit is why a value cannot be written, and what to do.
type misfit struct{ why, fix string }

func (e *misfit) Error() string { return e.why }

func fixOf(err error) string {
	var m *misfit
	if errors.As(err, &m) {
		return m.fix
	}
	return ""
}

const keepAsBase64 = "keep it as base64 text, and decode it where it is used"

func errNotUTF8(kind string) error {
	return &misfit{fmt.Sprintf("is not UTF-8, which all text in %s is", kind), keepAsBase64}
}

func errNUL(where string) error {
	return &misfit{fmt.Sprintf("holds a NUL byte, which %s cannot", where), keepAsBase64}
}

// doubleQuoted returns s as JSON, YAML and TOML all read it between double quotes, on one line: what is no visible character is an escape
// that all three know. s must be UTF-8.
func doubleQuoted(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r < 0x10000 && r != ' ' && (unicode.IsControl(r) || unicode.Is(unicode.Z, r) || unicode.Is(unicode.Cf, r) || r >= 0xfffe):
			fmt.Fprintf(&out, `\u%04x`, r) // controls, line separators, marks of direction and of byte order, and what is no character
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// inDoubleQuotes is a writer of values between double quotes that the file has.
func inDoubleQuotes(kind string) writer {
	return each(func(v string) (string, error) {
		if !utf8.ValidString(v) {
			return "", errNotUTF8(kind)
		}
		return doubleQuoted(v), nil
	})
}

// asString is a writer of everything in the span, text that text decodes included, as one string between double quotes.
func asString(kind string, text func(string) string) writer {
	return func(bits []bit) (string, error) {
		var out strings.Builder
		for _, b := range bits {
			switch {
			case b.value && !utf8.ValidString(b.text):
				return "", of(b, errNotUTF8(kind))
			case b.value:
				out.WriteString(doubleQuoted(b.text))
			default:
				out.WriteString(doubleQuoted(text(b.text)))
			}
		}
		return `"` + out.String() + `"`, nil
	}
}

func asItIs(s string) string { return s }

// A byteSet says which bytes are in it.
type byteSet string

func (s byteSet) has(c byte) bool { return strings.IndexByte(string(s), c) >= 0 }

// lineEnd is where the line ends that at is in: at its line break, or at the end of the text.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

// sortSpans puts spans into the order of the text.
func sortSpans(all []span) {
	order.By(all, func(a, b span) int { return a.start - b.start })
}
