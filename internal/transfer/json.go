package transfer

import (
	"io"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
)

// jsonReader reads {"name":"value"} and {"name":{"value":…, …}}. A secret that is in several scopes is a list of objects
// under its one name: {"name":[{"value":…}, {"value":…,"scope":"workspace/W"}]}.
type jsonReader struct {
	collector
	d       *jsonstream.Reader
	started bool
	done    bool
	name    string // of the list that is being read
	inList  bool
}

func newJSONReader(r io.Reader, c collector) *jsonReader {
	return &jsonReader{collector: c, d: jsonstream.NewReader(r, fault.Invalid)}
}

// Format implements [Reader].
func (*jsonReader) Format() string { return "json" }

// Next implements [Reader].
func (r *jsonReader) Next() (keeper.ImportEntry, error) {
	var none keeper.ImportEntry
	if r.done {
		return none, io.EOF
	}
	if !r.started {
		r.started = true
		if err := r.d.Open('{', "the document"); err != nil {
			return none, err
		}
	}
	if r.inList {
		more, err := r.d.More()
		if err != nil {
			return none, err
		}
		if more {
			return r.element()
		}
		r.inList = false
	}
	more, err := r.d.More()
	if err != nil {
		return none, err
	}
	if !more {
		r.done = true
		if err := r.d.End(); err != nil {
			return none, err
		}
		return none, io.EOF
	}
	return r.memberEntry()
}

// memberEntry reads one member of the document, or the first element of one that is a list.
func (r *jsonReader) memberEntry() (keeper.ImportEntry, error) {
	var none keeper.ImportEntry
	key, err := r.d.Key()
	if err != nil {
		return none, err
	}
	line := r.d.Line()
	if err := r.member(key, line); err != nil {
		return none, err
	}
	switch r.d.Peek() {
	case '{':
		return r.object(key, line)
	case '[':
		if err := r.d.Open('[', "a secret"); err != nil {
			return none, err
		}
		if more, err := r.d.More(); err != nil || !more {
			if err == nil {
				err = invalid(line, "%q has no value", clip(key))
			}
			return none, err
		}
		r.inList, r.name = true, key
		return r.element()
	case 'n':
		return none, invalid(line, "%q is null", clip(key)).About(clip(key)).WithFix("a value is a string")
	}
	n, err := r.scalar("a value")
	if err != nil {
		return none, err
	}
	return r.entry(key, line, n.text)
}

// element reads one object of a list, which must be about another scope than those before.
func (r *jsonReader) element() (keeper.ImportEntry, error) {
	e, err := r.object(r.name, 0)
	if err == nil && !r.seen.add(r.name+"\x00"+e.Scope) {
		return e, r.d.Errorf("duplicate scope of %q", clip(r.name)).About(clip(r.name))
	}
	return e, err
}

// object reads {"value":…, …}. line is the name's; 0: that of the object's beginning.
func (r *jsonReader) object(key string, line int) (keeper.ImportEntry, error) {
	var none keeper.ImportEntry
	if err := r.d.Open('{', "a secret"); err != nil {
		return none, err
	}
	if line == 0 {
		line = r.d.Line()
	}
	var d draft
	for {
		more, err := r.d.More()
		if err != nil {
			return none, err
		}
		if !more {
			return d.finish(&r.collector, key, line)
		}
		if err := r.field(&d); err != nil {
			return none, err
		}
	}
}

// field reads one member of an object into d.
func (r *jsonReader) field(d *draft) error {
	key, err := r.d.Field()
	if err != nil {
		return err
	}
	f, err := d.begin(key)
	if err != nil {
		return atLine(r.d.Line(), err)
	}
	n, err := r.node(key)
	if err != nil {
		return err
	}
	if err := d.set(f, key, n, r.opts.Now); err != nil {
		return atLine(r.d.Line(), err)
	}
	return nil
}

// node reads what stands for the field key.
func (r *jsonReader) node(key string) (node, error) {
	if r.d.Peek() != '[' {
		return r.scalar(key)
	}
	n := node{kind: nodeList}
	if err := r.d.Open('[', key); err != nil {
		return n, err
	}
	for {
		more, err := r.d.More()
		if err != nil || !more {
			return n, err
		}
		if len(n.items) == maxItems {
			return n, r.d.Errorf("%s has more than %d items", key, maxItems)
		}
		s, err := r.d.Text("an item of " + key)
		if err != nil {
			return n, err
		}
		n.items = append(n.items, s)
	}
}

// scalar reads a string, a number, a boolean or null.
func (r *jsonReader) scalar(what string) (n node, err error) {
	switch r.d.Peek() {
	case 'n':
		_, err = r.d.Null()
	case '0', 't', 'f':
		n.kind = nodeLiteral
		var s string
		s, err = r.d.Literal()
		n.text = []byte(s)
	default:
		n.kind = nodeText
		n.text, err = r.d.Bytes(what)
	}
	return n, err
}
