package interpolate

import (
	"slices"
	"strings"

	"tacit/internal/name"
)

// The tables that a variable can be in.
const (
	Env    = "env"    // the environment of tacit
	Vars   = "vars"   // the table of the project file; the key is a path with dots
	Params = "params" // the parameters of a task
)

// maxDepth bounds how deep defaults nest, and how many variables stand in each other.
const maxDepth = 16

// A Part is a piece of a text: literal text, a secret (Secret is set), or a variable (Table is set).
type Part struct {
	Text string // literal text, without the escapes

	Secret *name.Reference

	Table, Key string   // "env" and "PGHOST"; "vars" and "a.b"
	Default    Template // of a variable
	HasDefault bool     // which may be empty

	For string // in a flattened template: the variable that this stands for, "vars.a.b"

	Offset, End int // in the source, in bytes
	Line        int // lines of the source before Offset
}

// A Template is a text with references. Only [Parse] and [Text] make one from text.
type Template []Part

// Text returns the template of s as it is: nothing in it is a reference.
func Text(s string) Template {
	if s == "" {
		return nil
	}
	return Template{{Text: s, End: len(s)}}
}

// A SyntaxError says where in the source something is no reference, and why. Offset counts bytes, Line the lines before it.
type SyntaxError struct {
	Offset, Line int
	Why          string
}

func (e *SyntaxError) Error() string { return e.Why }

// Parse reads a text. Its error is a *[SyntaxError].
func Parse(text string) (Template, error) {
	p := parser{src: text}
	return p.template(0)
}

// Literal returns the text of a template without references, and whether t is one.
func (t Template) Literal() (string, bool) {
	var b strings.Builder
	for _, p := range t {
		if p.Secret != nil || p.Table != "" {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// Secrets returns the secrets that t names, each once, those of defaults included.
func (t Template) Secrets() []name.Reference {
	var all []name.Reference
	t.each(func(p Part) {
		if p.Secret != nil && !slices.Contains(all, *p.Secret) {
			all = append(all, *p.Secret)
		}
	})
	return all
}

// each calls fn with every part, and with those of defaults.
func (t Template) each(fn func(Part)) {
	for _, p := range t {
		fn(p)
		p.Default.each(fn)
	}
}

// Source returns a text that parses to t, which was flattened.
func (t Template) Source() string {
	var b, text strings.Builder
	for _, p := range t {
		text.WriteString(p.Text) // those of several parts together: a "$" and a "{" are no reference
		if p.Secret == nil {
			continue
		}
		literal := text.String()
		b.WriteString(Escape(literal))
		b.WriteString(literal[len(strings.TrimRight(literal, `\`)):]) // those before a reference count twice
		b.WriteString("${secret:" + p.Secret.Bare() + "}")
		text.Reset()
	}
	b.WriteString(Escape(text.String()))
	return b.String()
}

// Escape returns a source that stands for text: what parses to it and holds no reference.
func Escape(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(before[len(strings.TrimRight(before, `\`)):]) // those before ${ count twice
		b.WriteString(`\${`)
		text = after
	}
}

// parser is at a place of the source.
type parser struct {
	src string
	pos int

	lines, counted int // how many lines there are up to where they were counted
}

func (p *parser) wrong(at int, why string) error { return &SyntaxError{at, p.line(at), why} }

// line counts the lines before a place. It is asked for places in their order, so that all of it is one pass.
func (p *parser) line(at int) int {
	if at < p.counted {
		p.lines, p.counted = 0, 0
	}
	p.lines += strings.Count(p.src[p.counted:at], "\n")
	p.counted = at
	return p.lines
}

// template reads up to the end of the source or, in a default (depth > 0), up to the "}" that ends it.
func (p *parser) template(depth int) (Template, error) {
	var all Template
	var text strings.Builder
	start := p.pos
	flush := func() {
		if text.Len() > 0 {
			all = append(all, Part{Text: text.String(), Offset: start, End: p.pos, Line: p.line(start)})
		}
		text.Reset()
	}
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		after := strings.TrimLeft(rest, `\`)
		slashes := len(rest) - len(after)
		mark := special(after, depth > 0)
		switch {
		case slashes > 0 && mark == "":
			text.WriteString(rest[:slashes])
			p.pos += slashes
		case slashes > 0:
			text.WriteString(rest[:slashes/2])
			p.pos += slashes
			if slashes%2 == 1 {
				text.WriteString(mark)
				p.pos += len(mark)
			}
		case mark == "}":
			flush()
			return all, nil
		case mark == "${":
			flush()
			part, err := p.reference(depth)
			if err != nil {
				return nil, err
			}
			all = append(all, part)
			start = p.pos
		default:
			text.WriteByte(rest[0])
			p.pos++
		}
	}
	flush()
	return all, nil
}

// special returns what s begins with that is not text: "${", in a default also "}", or nothing.
func special(s string, inDefault bool) string {
	switch {
	case strings.HasPrefix(s, "${"):
		return "${"
	case inDefault && strings.HasPrefix(s, "}"):
		return "}"
	}
	return ""
}

const forms = `a reference is ${secret:NAME}, ${env.NAME}, ${vars.NAME} or ${params.NAME}; the characters themselves are written \${`

// reference reads one reference, from its "${" to its "}".
func (p *parser) reference(depth int) (Part, error) {
	start := p.pos
	unclosed := p.wrong(start, "a reference that begins here has no closing brace")
	body := p.src[start+2:]
	if strings.HasPrefix(body, "secret:") {
		end := strings.IndexByte(body, '}')
		if end < 0 {
			return Part{}, unclosed
		}
		p.pos = start + 2 + end + 1
		ref, err := name.ParseInterpolation(p.src[start:p.pos])
		if err != nil {
			return Part{}, p.wrong(start, err.Error())
		}
		return Part{Secret: &ref, Offset: start, End: p.pos, Line: p.line(start)}, nil
	}
	table, rest, _ := strings.Cut(body, ".")
	if table != Env && table != Vars && table != Params {
		return Part{}, p.wrong(start, forms)
	}
	key := rest[:len(rest)-len(strings.TrimLeft(rest, keyBytes))]
	if !isKey(table, key) {
		return Part{}, p.wrong(start, forms)
	}
	part := Part{Table: table, Key: key, Offset: start, Line: p.line(start)}
	p.pos = start + 2 + len(table) + 1 + len(key)
	if strings.HasPrefix(p.src[p.pos:], ":-") {
		if depth == maxDepth {
			return Part{}, p.wrong(start, "defaults are nested too deeply")
		}
		p.pos += 2
		var err error
		if part.Default, err = p.template(depth + 1); err != nil {
			return Part{}, err
		}
		part.HasDefault = true
	}
	switch {
	case p.pos == len(p.src):
		return Part{}, unclosed
	case p.src[p.pos] != '}':
		return Part{}, p.wrong(start, forms)
	}
	p.pos++
	part.End = p.pos
	return part, nil
}

const keyBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

// isKey reports whether key, of bytes of keyBytes, can name something in the table: a path of vars, the name of a variable of the
// environment or of a parameter.
func isKey(table, key string) bool {
	if len(key) > 256 {
		return false
	}
	if table == Vars {
		return !slices.Contains(strings.Split(key, "."), "")
	}
	return key != "" && !strings.Contains(key, ".") && (table == Params || !strings.Contains(key, "-"))
}
