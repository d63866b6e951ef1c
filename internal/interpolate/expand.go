package interpolate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tacit/internal/name"
)

// Bounds of what variables may stand for (I08), so that a few short lines do not become gigabytes.
const (
	maxParts = 20_000
	maxText  = 4 << 20 // bytes
)

// A ReferenceError says which reference of the source has no meaning, and why. Offset counts bytes, Line the lines before it.
type ReferenceError struct {
	Offset, Line int
	Why          string
}

func (e *ReferenceError) Error() string { return e.Why }

// A Lookup says what a variable stands for: ok is false when it is not set. What comes from outside of the file is [Text].
type Lookup func(table, key string) (value Template, ok bool, err error)

// Flatten puts in what variables stand for, variables within them too, so that only text and secrets are left. Each part that stands for
// a variable says For which, and has its place in the source. A variable that is not set and has no default, variables that
// stand for each other in a circle, and too many of them are a *[ReferenceError]; an error of the lookup is returned as it is.
func (t Template) Flatten(variable Lookup) (Template, error) {
	f := flattener{lookup: variable}
	var all Template
	for _, p := range t {
		if p.Table == "" {
			all = append(all, p)
			continue
		}
		inside, err := f.variable(p)
		if err != nil {
			var why *problem
			if errors.As(err, &why) {
				return nil, &ReferenceError{p.Offset, p.Line, why.text}
			}
			return nil, err
		}
		for _, q := range inside {
			q.For, q.Offset, q.End, q.Line = p.Table+"."+p.Key, p.Offset, p.End, p.Line
			all = append(all, q)
		}
	}
	return all, nil
}

// Expand returns the text with everything put in, in one pass: what secret returns is copied and never read (I21). Errors are those of
// [Template.Flatten], and of secret as it returns them.
func (t Template) Expand(secret func(name.Reference) ([]byte, error), variable Lookup) ([]byte, error) {
	flat, err := t.Flatten(variable)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, p := range flat {
		if p.Secret == nil {
			out = append(out, p.Text...)
			continue
		}
		value, err := secret(*p.Secret)
		if err != nil {
			return nil, err
		}
		out = append(out, value...)
	}
	return out, nil
}

// problem is a ReferenceError that does not know its place yet.
type problem struct{ text string }

func (p *problem) Error() string { return p.text }

// flattener counts what one Flatten puts in.
type flattener struct {
	lookup      Lookup
	open        []string // the variables that are being put in, from the outermost: "vars.a"
	parts, text int
}

// variable returns what p, a variable, stands for: text and secrets.
func (f *flattener) variable(p Part) (Template, error) {
	id := p.Table + "." + p.Key
	if i := slices.Index(f.open, id); i >= 0 {
		return nil, f.problem("%s stands for itself: %s", id, strings.Join(append(f.open[i:], id), " → "))
	}
	if len(f.open) == maxDepth {
		return nil, f.problem("%s: more than %d variables stand in each other", f.open[0], maxDepth)
	}
	f.open = append(f.open, id)
	defer func() { f.open = f.open[:len(f.open)-1] }()

	value, ok, err := f.lookup(p.Table, p.Key)
	if err != nil {
		return nil, err
	}
	var flat Template
	if ok {
		if flat, err = f.all(value); err != nil {
			return nil, err
		}
	}
	switch {
	case p.HasDefault && isEmpty(flat):
		return f.all(p.Default)
	case !ok:
		return nil, f.problem("%s is not set, and there is no default", strings.Join(f.open, ": "))
	}
	return flat, nil
}

// all puts in what the variables of t stand for.
func (f *flattener) all(t Template) (Template, error) {
	var out Template
	for _, p := range t {
		f.parts, f.text = f.parts+1, f.text+len(p.Text)
		if f.parts > maxParts || f.text > maxText {
			return nil, f.problem("%s stands for too much text", f.open[0])
		}
		if p.Table == "" {
			out = append(out, p)
			continue
		}
		inside, err := f.variable(p)
		if err != nil {
			return nil, err
		}
		out = append(out, inside...)
	}
	return out, nil
}

func (f *flattener) problem(format string, args ...any) error {
	return &problem{fmt.Sprintf(format, args...)}
}

// isEmpty reports whether t, which is flat, stands for no text. A secret is never empty.
func isEmpty(t Template) bool {
	text, literal := t.Literal()
	return literal && text == ""
}
