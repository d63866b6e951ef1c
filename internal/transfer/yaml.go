package transfer

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"tacit/internal/keeper"
)

// yamlDepth bounds nesting; an entry with a list of objects with a list of tags needs five.
const yamlDepth = 16

// yamlReader reads one document that says what the JSON format says. A number or a boolean is taken as it is written, so
// that port: 5432 and pin: 0123 mean what a person sees; null is an error. Anchors, aliases and tags other than !!str are
// refused.
type yamlReader struct {
	collector
	chunks *yamlChunks
	limits yaml.Option
	base   int // line before the chunk's first
	queue  []keeper.ImportEntry
}

func newYAMLReader(r io.Reader, c collector) *yamlReader {
	return &yamlReader{
		collector: c, chunks: newYAMLChunks(r),
		limits: yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(yamlDepth))),
	}
}

// Format implements [Reader].
func (*yamlReader) Format() string { return "yaml" }

// Next implements [Reader].
func (r *yamlReader) Next() (keeper.ImportEntry, error) {
	for len(r.queue) == 0 {
		text, line, err := r.chunks.next()
		if err != nil {
			return keeper.ImportEntry{}, err
		}
		r.base = line - 1
		if err := r.parse(text); err != nil {
			return keeper.ImportEntry{}, err
		}
	}
	e := r.queue[0]
	r.queue[0] = keeper.ImportEntry{}
	r.queue = r.queue[1:]
	return e, nil
}

// parse puts the entries of a chunk into the queue.
func (r *yamlReader) parse(text []byte) error {
	r.queue = r.queue[:0]
	var doc yaml.Node
	if err := yaml.Load(text, &doc, r.limits); err != nil {
		return r.failed(err, bytes.Count(text, []byte("\n")))
	}
	root := &doc
	if root.Kind == yaml.DocumentNode {
		if len(root.Content) != 1 {
			return invalid(r.base+1, "not valid YAML")
		}
		root = root.Content[0]
	}
	if err := r.check(root); err != nil {
		return err
	}
	if root.Kind != yaml.MappingNode {
		return invalid(r.line(root), "expected a mapping of names to values")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := r.pair(root.Content[i], root.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// pair reads one name and what stands for it.
func (r *yamlReader) pair(k, v *yaml.Node) error {
	key, err := r.key(k)
	if err != nil {
		return err
	}
	line := r.line(k)
	if err := r.member(key, line); err != nil {
		return err
	}
	if err := r.check(v); err != nil {
		return err
	}
	switch v.Kind {
	case yaml.MappingNode:
		return r.object(key, line, v)
	case yaml.SequenceNode:
		return r.list(key, v)
	}
	n := scalarNode(v)
	if n.kind == nodeNull {
		return invalid(line, "%q is null", clip(key)).About(clip(key)).WithFix(`a value is a string; write "" around a word such as null`)
	}
	e, err := r.entry(key, line, n.text)
	r.queue = append(r.queue, e)
	return err
}

// list reads a secret that is in several scopes.
func (r *yamlReader) list(key string, v *yaml.Node) error {
	if len(v.Content) == 0 {
		return invalid(r.line(v), "%q has no value", clip(key))
	}
	for _, item := range v.Content {
		if err := r.check(item); err != nil {
			return err
		}
		if item.Kind != yaml.MappingNode {
			return invalid(r.line(item), "expected an object for a secret")
		}
		if err := r.object(key, r.line(item), item); err != nil {
			return err
		}
		if !r.seen.add(key + "\x00" + r.queue[len(r.queue)-1].Scope) {
			return invalid(r.line(item), "duplicate scope of %q", clip(key)).About(clip(key))
		}
	}
	return nil
}

// object reads {value: …, …}.
func (r *yamlReader) object(key string, line int, v *yaml.Node) error {
	var d draft
	for i := 0; i+1 < len(v.Content); i += 2 {
		if err := r.field(&d, v.Content[i], v.Content[i+1]); err != nil {
			return err
		}
	}
	e, err := d.finish(&r.collector, key, line)
	r.queue = append(r.queue, e)
	return err
}

func (r *yamlReader) field(d *draft, k, v *yaml.Node) error {
	key, err := r.key(k)
	if err != nil {
		return err
	}
	f, err := d.begin(key)
	if err != nil {
		return atLine(r.line(k), err)
	}
	n, err := r.node(key, v)
	if err != nil {
		return err
	}
	if err := d.set(f, key, n, r.opts.Now); err != nil {
		return atLine(r.line(v), err)
	}
	return nil
}

// node turns what stands for the field key into the form that JSON has too.
func (r *yamlReader) node(key string, v *yaml.Node) (node, error) {
	if err := r.check(v); err != nil {
		return node{}, err
	}
	switch v.Kind {
	case yaml.ScalarNode:
		return scalarNode(v), nil
	case yaml.SequenceNode:
		n := node{kind: nodeList}
		if len(v.Content) > maxItems {
			return n, invalid(r.line(v), "%s has more than %d items", key, maxItems)
		}
		for _, item := range v.Content {
			if err := r.check(item); err != nil {
				return n, err
			}
			if item.Kind != yaml.ScalarNode || scalarNode(item).kind == nodeNull {
				return n, invalid(r.line(item), "expected a string for an item of %s", key)
			}
			n.items = append(n.items, item.Value)
		}
		return n, nil
	}
	return node{}, invalid(r.line(v), "expected a string for %s", key)
}

// key returns the text of a name or a field.
func (r *yamlReader) key(k *yaml.Node) (string, error) {
	if err := r.check(k); err != nil {
		return "", err
	}
	if k.Kind != yaml.ScalarNode {
		return "", invalid(r.line(k), "expected a name")
	}
	return k.Value, nil
}

// check refuses what would make one part of the document depend on another, or on a type.
func (r *yamlReader) check(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return invalid(r.line(n), "anchors and aliases are not accepted").WithFix("put quotes around a value that begins with & or *")
	}
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str" {
		return invalid(r.line(n), "tags are not accepted").WithFix("put quotes around a value that begins with !, and write binary as value_base64")
	}
	return nil
}

func (r *yamlReader) line(n *yaml.Node) int { return r.base + max(n.Line, 1) }

// scalarNode returns a scalar as it is written.
func scalarNode(v *yaml.Node) node {
	switch {
	case v.Tag == "!!null":
		return node{}
	case v.Tag == "!!bool", v.Tag == "!!int", v.Tag == "!!float":
		return node{kind: nodeLiteral, text: []byte(v.Value)}
	}
	return node{kind: nodeText, text: []byte(v.Value)}
}

// failed turns an error of the YAML library into one of ours. Scanner and parser say what they expected and never quote the
// document; the messages of the other stages may, so they are not kept. lines is how many the chunk has.
func (r *yamlReader) failed(err error, lines int) error {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return invalid(r.base+1, "not valid YAML")
	}
	line := r.base + max(min(e.Mark.Line, lines), 1) // some errors stand after the end
	if strings.HasSuffix(e.Message, "end of stream") && e.ContextMark.Line > 0 {
		line = r.base + e.ContextMark.Line // where the quote begins
	}
	switch {
	case e.Stage == yaml.ComposerStage:
		return invalid(line, "anchors and aliases are not accepted").WithFix("put quotes around a value that begins with & or *")
	case e.Stage == yaml.ScannerStage || e.Stage == yaml.ParserStage:
		return invalid(line, "not valid YAML: %s", strings.TrimPrefix(e.Message, "yaml: "))
	}
	return invalid(line, "not valid YAML")
}
