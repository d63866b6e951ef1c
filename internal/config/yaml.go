package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"tacit/internal/settings"
)

// Bounds of a file (I08).
const (
	maxSize  = 1 << 20 // bytes
	maxDepth = 16

	maxProfiles = 64
	maxShown    = 4 << 20 // bytes that all texts of a file together become when their references are put in, before they are left as written
	failure     = 1 << 12 // what a text counts for that cannot be put together
)

// A Problem is one thing that is wrong with a file, and where.
type Problem struct {
	Place settings.Place
	Code  string // of those below
	Text  string
	Fix   string // the way out; empty: mend the line
}

// The codes of problems, as `config check --json` has them.
const (
	CodeSyntax     = "syntax"      // not YAML, or not of our kind
	CodeUnknownKey = "unknown_key" // a key that has no meaning
	CodeInvalid    = "invalid"     // a value that the key cannot have
	CodeReference  = "reference"   // a ${…} that has no meaning
	CodeMissing    = "missing"     // a secret, a variable or a file that is not there
	CodeArgument   = "argument"    // a secret that a program would get as an argument
	CodeUntrusted  = "untrusted"   // a file that is not used as it is
)

// Error is how ReadUser words it: with the line, without the file.
func (p *Problem) Error() string { return fmt.Sprintf("line %d: %s", max(p.Place.Line, 1), p.Text) }

// document parses the text of a file into the mapping at its root; nil when it says nothing.
func document(text []byte) (*yaml.Node, *Problem) {
	doc, problem := parse(text)
	if doc == nil || problem != nil {
		return nil, problem
	}
	return rootOf(doc), nil
}

// rootOf returns what a document says.
func rootOf(doc *yaml.Node) *yaml.Node {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		return doc.Content[0]
	}
	return doc
}

// parse parses the text of a file; nil when it says nothing. It refuses what makes a short text long: depth, and nodes that stand for others.
func parse(text []byte) (*yaml.Node, *Problem) {
	if len(text) > maxSize {
		return nil, &Problem{Code: CodeSyntax, Text: "the file is larger than 1 MiB"}
	}
	if onlyComments(text) { // which is no document for the parser
		return nil, nil
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth)))); err != nil {
		return nil, notYAML(text, err)
	}
	if err := plain(rootOf(&doc)); err != nil {
		return nil, err
	}
	return &doc, nil
}

// notYAML says why text is not YAML, and where.
func notYAML(text []byte, err error) *Problem {
	p := &Problem{Code: CodeSyntax, Text: "the file is not one YAML document"}
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return p
	}
	p.Place.Line = min(max(e.Mark.Line, 1), bytes.Count(text, []byte("\n"))+1) // some errors stand after the end
	p.Place.Column = max(e.Mark.Column, 0) + 1
	switch e.Stage {
	case yaml.ScannerStage, yaml.ParserStage:
		p.Text = "not valid YAML"
	case yaml.ComposerStage:
		p.Text = "anchors and aliases are not supported"
	default:
		p.Text = "not valid YAML, or nested too deeply"
	}
	return p
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// plain refuses nodes that stand for others, keys that are no words and keys that are there twice.
func plain(n *yaml.Node) *Problem {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return at(n, "anchors and aliases are not supported")
	}
	if n.Kind == yaml.MappingNode {
		seen := make(map[string]bool, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			switch {
			case k.Kind == yaml.AliasNode || k.Anchor != "":
				return at(k, "anchors and aliases are not supported")
			case k.Kind != yaml.ScalarNode || k.Tag == "!!merge":
				return at(k, "a key must be a word")
			case seen[k.Value]:
				return at(k, "%q is there twice", clip(k.Value))
			}
			seen[k.Value] = true
		}
	}
	for _, c := range n.Content {
		if err := plain(c); err != nil {
			return err
		}
	}
	return nil
}

// value returns a node, which is plain, as what providers and the rest of tacit know.
func value(n *yaml.Node, file string) settings.Value {
	v := settings.Value{Place: settings.Place{File: file, Line: n.Line, Column: n.Column}}
	switch n.Kind {
	case yaml.MappingNode:
		v.Table = &settings.Table{Place: v.Place}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, member := n.Content[i], value(n.Content[i+1], file)
			if member.Null || member.Table != nil || member.List != nil { // an error about them is one about their key
				member.Place.Line, member.Place.Column = k.Line, k.Column
			}
			v.Table.Members = append(v.Table.Members, settings.Member{Key: k.Value, Value: member, Place: settings.Place{File: file, Line: k.Line, Column: k.Column}})
		}
	case yaml.SequenceNode:
		v.List = make([]settings.Value, 0, len(n.Content))
		for _, c := range n.Content {
			v.List = append(v.List, value(c, file))
		}
	case yaml.ScalarNode:
		v.Null = n.Tag == "!!null"
		if !v.Null {
			v.Text = n.Value
		}
		v.Block = n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	}
	return v
}

// members calls each with the members of a mapping.
func members(n *yaml.Node, each func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "expected keys with values")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := each(n.Content[i].Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func unknown(n *yaml.Node, key string) error {
	p := at(n, "unknown key %q", clip(key))
	p.Code = CodeUnknownKey
	return p
}

func at(n *yaml.Node, format string, args ...any) *Problem {
	return &Problem{Place: settings.Place{Line: n.Line, Column: n.Column}, Code: CodeInvalid, Text: fmt.Sprintf(format, args...)}
}

// clip keeps an error line short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}

func isOne(key string, of ...string) bool { return slices.Contains(of, key) }
