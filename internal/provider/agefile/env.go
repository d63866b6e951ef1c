package agefile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tacit/internal/dotenv"
)

// envDocument is env text: its lines, and which of them make which entry. An entry that no variable can be named after has its name in a
// directive of package dotenv before it, as in what `tacit export --format env` writes.
type envDocument struct {
	lines   [][]byte // each with its end
	entries []envEntry
}

type envEntry struct {
	name     string
	variable string
	value    []byte
	err      error
	from, to int // its lines: from is the first, to the one after the last; from 0
}

func parseEnv(text []byte) (document, error) {
	d := &envDocument{lines: slices.Collect(bytes.Lines(text))}
	s := dotenv.New(bytes.NewReader(text))
	s.SkipMark()
	for {
		err := s.Next()
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if err != nil {
			return nil, errForm
		}
		e := envEntry{name: s.Name(), variable: string(s.Key), from: s.First - 1, to: min(s.Line-1, len(d.lines))}
		if e.to <= s.At-1 { // the last line has no end
			e.to = len(d.lines)
		}
		if e.value, err = s.CopyValue(); err != nil {
			e.err = errNoText
		}
		if d.index(e.name) >= 0 {
			return nil, errTwice
		}
		d.entries = append(d.entries, e)
	}
}

func (d *envDocument) each(fn func(string)) {
	for _, e := range d.entries {
		fn(e.name)
	}
}

func (d *envDocument) index(name string) int {
	return slices.IndexFunc(d.entries, func(e envEntry) bool { return e.name == name })
}

func (d *envDocument) get(name string) ([]byte, error) {
	i := d.index(name)
	if i < 0 {
		return nil, errAbsent
	}
	return d.entries[i].value, d.entries[i].err
}

// set writes an entry in the place of the one that is there, else at the end.
func (d *envDocument) set(name string, value []byte, plain bool) error {
	variable := envVariable(name)
	var text strings.Builder
	if i := d.index(name); i >= 0 {
		variable = d.entries[i].variable
	} else if slices.ContainsFunc(d.entries, func(e envEntry) bool { return e.variable == variable }) {
		return errCannotBe // whoever sources the text would get one of two
	}
	if variable != name {
		text.WriteString("# tacit:name=" + name + "\n")
	}
	switch {
	case !plain:
		text.WriteString("# tacit:base64\n" + variable + "=" + base64.StdEncoding.EncodeToString(value) + "\n")
	case !utf8.Valid(value):
		return errCannotBe
	default:
		// Between double quotes these four mean something, to us and to shells.
		text.WriteString(variable + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(string(value)) + "\"\n")
	}
	d.put(d.index(name), []byte(text.String()))
	return nil
}

func (d *envDocument) remove(name string) {
	if i := d.index(name); i >= 0 {
		d.put(i, nil)
	}
}

// put replaces the lines of an entry, or with -1 adds lines at the end. The entries are those of before: a changed document is read anew.
func (d *envDocument) put(i int, text []byte) {
	from, to := len(d.lines), len(d.lines)
	if i >= 0 {
		from, to = d.entries[i].from, d.entries[i].to
	} else if n := len(d.lines); n > 0 && !bytes.HasSuffix(d.lines[n-1], []byte("\n")) {
		text = append([]byte("\n"), text...)
	}
	d.lines = slices.Replace(d.lines, from, to, text)
}

func (d *envDocument) text() ([]byte, error) { return bytes.Join(d.lines, nil), nil }

// envVariable returns the variable of a name that is not one: as elsewhere, upper case with '_' for '-', '.' and '/'.
func envVariable(name string) string {
	if strings.ContainsAny(name, "-./") {
		return strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(strings.ToUpper(name))
	}
	return name
}
