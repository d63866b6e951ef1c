package config

import (
	"bytes"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tacit/internal/fault"
	"tacit/internal/settings"
)

// Edited is a file with a value set.
type Edited struct {
	Text    []byte
	Created bool // there was no value before
	Anew    bool // all of it was written anew, so that its spacing may differ
}

// Edit returns text, that of a file at path file, with a value at a path with dots, such as vars.region. Value is text, or YAML where it
// begins with "[" or "{". Everything else in the file stays as it is, byte for byte; where only that cannot be done, the file is written anew
// with its comments and its order. A table or list is not replaced by a text.
func Edit(file string, text []byte, path, value string) (Edited, error) {
	doc, problem := parse(text)
	if problem != nil {
		problem.Place.File = file
		return Edited{}, problem.Fault()
	}
	if doc == nil {
		doc = &yaml.Node{Kind: yaml.MappingNode}
	}
	root := rootOf(doc)
	keys := strings.Split(path, ".")
	for _, k := range keys {
		if k == "" || !isPlainKey(k) {
			return Edited{}, fault.New(fault.Usage, "%q is no path: keys with dots between them, such as vars.region", clip(path))
		}
	}
	node, err := valueNode(value)
	if err != nil {
		return Edited{}, err
	}
	e := edit{text: text, keys: keys, value: node}
	if err := e.change(root); err != nil {
		return Edited{}, err
	}
	want := value0(root)
	if out := e.inText(); out != nil {
		if again, problem := document(out); problem == nil && again != nil && sameTree(value0(again), want) {
			return Edited{Text: out, Created: e.created}, nil
		}
	}
	out, err := dump(doc) // with the comments that stand before and behind all of it
	return Edited{Text: out, Created: e.created, Anew: true}, err
}

func value0(n *yaml.Node) settings.Value { return value(n, "") }

// isPlainKey reports whether a key can be written without quotes.
func isPlainKey(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/:") == "" && s[0] != '-' && s[0] != ':' && s[len(s)-1] != ':'
}

// valueNode reads the value of an edit.
func valueNode(value string) (*yaml.Node, error) {
	if !strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "{") {
		n := text(value)
		if n.Style == yaml.LiteralStyle {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n, nil
	}
	root, problem := yamlValue(value)
	if problem != nil {
		return nil, fault.New(fault.Usage, "the value begins like YAML and is none: %s", problem.Text).WithFix(`quote it in the file by hand, or give valid YAML: '["a","b"]'`)
	}
	return root, nil
}

func yamlValue(value string) (*yaml.Node, *Problem) {
	n, problem := document([]byte(value))
	return n, problem
}

// edit is one change of a file.
type edit struct {
	text  []byte
	keys  []string
	value *yaml.Node

	created bool
	old     *yaml.Node // the scalar that is replaced, as it was; or
	in      *yaml.Node // the mapping that gets a member, as it was
	rest    []string   // the keys below it
	inKey   *yaml.Node // the key of that mapping; nil: the root
}

// change makes the change in the tree below root, and remembers where.
func (e *edit) change(root *yaml.Node) error {
	n, keys := root, e.keys
	var key *yaml.Node
	for {
		next, k, used := child(n, keys)
		if next == nil {
			break
		}
		n, key, keys = next, k, keys[used:]
		if len(keys) > 0 {
			continue
		}
		if n.Kind != yaml.ScalarNode {
			return fault.New(fault.Usage, "%s is a table or a list: name a value in it", strings.Join(e.keys, "."))
		}
		before := *n
		e.old = &before
		comment := n.LineComment
		*n = *e.value
		n.LineComment = comment
		return nil
	}
	e.created = true
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" { // "vars:" with nothing in it
		*n = yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
	}
	if n.Kind != yaml.MappingNode {
		return fault.New(fault.Usage, "%s cannot be set: what is above it is no table", strings.Join(e.keys, "."))
	}
	before := *n
	before.Content = append([]*yaml.Node(nil), n.Content...)
	e.in, e.rest, e.inKey = &before, keys, key
	below := e.value
	for i := len(keys) - 1; i > 0; i-- {
		below = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text(keys[i]), below}}
	}
	n.Content = append(n.Content, text(keys[0]), below)
	return nil
}

// child returns the child of n that the first of keys name: a key may have dots in it.
func child(n *yaml.Node, keys []string) (c, key *yaml.Node, used int) {
	switch {
	case len(keys) == 0:
	case n.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(keys[0]); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], nil, 1
		}
	case n.Kind == yaml.MappingNode:
		for used := 1; used <= len(keys); used++ {
			name := strings.Join(keys[:used], ".")
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == name {
					return n.Content[i+1], n.Content[i], used
				}
			}
		}
	}
	return nil, nil, 0
}

func dump(n *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	d, err := yaml.NewDumper(&out, yaml.WithIndent(2))
	if err == nil {
		if err = d.Dump(n); err == nil {
			err = d.Close()
		}
	}
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "write YAML")
	}
	return out.Bytes(), nil
}

// sameTree compares what two files say, whatever it looks like.
func sameTree(a, b settings.Value) bool {
	if a.Null != b.Null || a.Text != b.Text || (a.Table == nil) != (b.Table == nil) || (a.List == nil) != (b.List == nil) || len(a.List) != len(b.List) {
		return false
	}
	for i := range a.List {
		if !sameTree(a.List[i], b.List[i]) {
			return false
		}
	}
	if a.Table == nil {
		return true
	}
	if len(a.Table.Members) != len(b.Table.Members) {
		return false
	}
	for i, m := range a.Table.Members {
		if o := b.Table.Members[i]; m.Key != o.Key || !sameTree(m.Value, o.Value) {
			return false
		}
	}
	return true
}
