package agefile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth bounds how deep a YAML document nests.
const maxDepth = 32

// yamlDocument is the mapping at the top, with the comments around it.
type yamlDocument struct {
	doc yaml.Node
	top *yaml.Node
}

func parseYAML(text []byte) (document, error) {
	d := &yamlDocument{}
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, errForm
	}
	switch err := loader.Load(&d.doc); {
	case errors.Is(err, io.EOF): // nothing, or comments only
		d.doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	case err != nil:
		return nil, errForm
	}
	var more yaml.Node
	if err := loader.Load(&more); !errors.Is(err, io.EOF) {
		return nil, errForm
	}
	if len(d.doc.Content) != 1 || d.doc.Content[0].Kind != yaml.MappingNode {
		return nil, errForm
	}
	d.top = d.doc.Content[0]
	seen := map[string]bool{}
	for i := 0; i+1 < len(d.top.Content); i += 2 {
		k := d.top.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, errForm
		}
		if seen[k.Value] {
			return nil, errTwice
		}
		seen[k.Value] = true
	}
	return d, nil
}

func (d *yamlDocument) each(fn func(string)) {
	for i := 0; i+1 < len(d.top.Content); i += 2 {
		fn(d.top.Content[i].Value)
	}
}

// index returns the place of the value of key in the mapping; -1 if there is none.
func (d *yamlDocument) index(key string) int {
	for i := 0; i+1 < len(d.top.Content); i += 2 {
		if d.top.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}

func (d *yamlDocument) get(key string) ([]byte, error) {
	i := d.index(key)
	if i < 0 {
		return nil, errAbsent
	}
	n := d.top.Content[i]
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[1].Kind == yaml.ScalarNode {
		switch n.Content[0].Value {
		case "value":
			return scalar(n.Content[1])
		case "value_base64":
			return decode(n.Content[1].Value)
		}
	}
	return scalar(n)
}

// scalar returns a text. Numbers, times and the like are texts as they are written; nothing is one of no text, and so is an alias.
func scalar(n *yaml.Node) ([]byte, error) {
	switch {
	case n.Kind != yaml.ScalarNode, n.ShortTag() == "!!null":
		return nil, errNoText
	case n.ShortTag() == "!!binary":
		return decode(n.Value)
	}
	return []byte(n.Value), nil
}

func decode(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errNoText
	}
	return b, nil
}

func (d *yamlDocument) set(key string, value []byte, plain bool) error {
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(value)}
	switch {
	case !plain:
		n.Tag, n.Value = "!!binary", base64.StdEncoding.EncodeToString(value)
	case !utf8.Valid(value):
		return errCannotBe
	case bytes.IndexByte(value, '\n') >= 0:
		n.Style = yaml.LiteralStyle
	}
	if i := d.index(key); i >= 0 {
		n.LineComment, n.HeadComment, n.FootComment = d.top.Content[i].LineComment, d.top.Content[i].HeadComment, d.top.Content[i].FootComment
		*d.top.Content[i] = n
		return nil
	}
	d.top.Content = append(d.top.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, &n)
	return nil
}

func (d *yamlDocument) remove(key string) {
	if i := d.index(key); i >= 0 {
		d.top.Content = slices.Delete(d.top.Content, i-1, i+1)
	}
}

func (d *yamlDocument) text() ([]byte, error) {
	var out bytes.Buffer
	dumper, err := yaml.NewDumper(&out, yaml.WithIndent(2))
	if err == nil {
		err = dumper.Dump(&d.doc)
	}
	if err == nil {
		err = dumper.Close()
	}
	return out.Bytes(), err
}
