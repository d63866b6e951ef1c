package config

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tacit/internal/fault"
	"tacit/internal/interpolate"
	"tacit/internal/name"
	"tacit/internal/settings"
)

// Hidden stands for a value that is not shown.
const Hidden = "***"

// Value returns what stands at a path with dots, such as targets.hosts.production.host, as it is written. An empty path is everything.
func (c *Config) Value(path string) (settings.Value, bool) {
	root := settings.Value{Table: c.root}
	if c.root == nil {
		root.Table = &settings.Table{}
	}
	if path == "" {
		return root, true
	}
	return descend(root, strings.Split(path, "."))
}

// Expand returns v with everything put in that its texts refer to. secret says what a secret is.
func (c *Config) Expand(v settings.Value, secret func(name.Reference) ([]byte, error)) (settings.Value, error) {
	return expand(v, func(t interpolate.Template, at settings.Value) (string, error) {
		out, err := expandKnown(t, secret, c.Lookup(at.Place.File, nil), interpolate.Vars, interpolate.Env) // parameters are known when the task runs
		return string(out), At(textPlace(at), err)
	})
}

// Show returns v as it may be seen: with variables put in, [Hidden] for secrets, and the environment and what has no meaning as it is
// written.
func (c *Config) Show(v settings.Value) settings.Value {
	budget := maxShown
	return c.show(v, func(name.Reference) ([]byte, error) { return []byte(Hidden), nil }, &budget)
}

// show is Show with something else for secrets. It puts in until the budget is spent, in bytes: a hostile file could make much of little
// (I08).
func (c *Config) show(v settings.Value, secret func(name.Reference) ([]byte, error), budget *int) settings.Value {
	shown, _ := expand(v, func(t interpolate.Template, at settings.Value) (string, error) {
		if *budget < 0 {
			return at.Text, nil
		}
		out, err := expandKnown(t, secret, c.Lookup(at.Place.File, nil), interpolate.Vars)
		if err != nil {
			*budget -= failure
			return at.Text, nil
		}
		*budget -= len(out)
		return string(out), nil
	})
	return shown
}

// expandKnown puts in what variables of the known tables stand for. Others stay, with their defaults, in which it does so too.
func expandKnown(t interpolate.Template, secret func(name.Reference) ([]byte, error), lookup interpolate.Lookup, known ...string) ([]byte, error) {
	return literal(t, known).Expand(secret, func(table, key string) (interpolate.Template, bool, error) {
		value, ok, err := lookup(table, key)
		return literal(value, known), ok, err
	})
}

// literal returns t with the variables of tables that are not known as the text that they are.
func literal(t interpolate.Template, known []string) interpolate.Template {
	out := make(interpolate.Template, 0, len(t))
	for _, p := range t {
		switch {
		case p.Table != "" && !isOne(p.Table, known...):
			out = append(out, interpolate.Part{Text: "${" + p.Table + "." + p.Key})
			if p.HasDefault {
				inside := slices.Clone(p.Default)
				for i := range inside {
					inside[i].Text = strings.ReplaceAll(inside[i].Text, "}", `\}`)
				}
				out = append(append(out, interpolate.Part{Text: ":-"}), literal(inside, known)...)
			}
			p = interpolate.Part{Text: "}"}
		case p.HasDefault:
			p.Default = literal(p.Default, known)
		}
		out = append(out, p)
	}
	return out
}

// expand returns v with each text replaced. A text that is none with references is left: a description, or what somebody else means by it.
func expand(v settings.Value, replace func(t interpolate.Template, at settings.Value) (string, error)) (_ settings.Value, err error) {
	switch {
	case v.Table != nil:
		t := &settings.Table{Place: v.Table.Place, Members: make([]settings.Member, len(v.Table.Members))}
		for i, m := range v.Table.Members {
			if m.Value, err = expand(m.Value, replace); err != nil {
				return v, err
			}
			t.Members[i] = m
		}
		v.Table = t
	case v.List != nil:
		list := make([]settings.Value, len(v.List))
		for i, x := range v.List {
			if list[i], err = expand(x, replace); err != nil {
				return v, err
			}
		}
		v.List = list
	case !v.Null:
		t, syntax := parseTemplate(v.Text, v.Block)
		if syntax == nil {
			v.Text, err = replace(t, v)
		}
	}
	return v, err
}

// HideConfidential returns the tree with *** for what is written down in it where a secret should be referred to: the token of a
// provider. key is what v stands behind.
func HideConfidential(key string, v settings.Value) settings.Value { return hide(key, v) }

func hide(key string, v settings.Value) settings.Value {
	switch {
	case v.Table != nil:
		t := &settings.Table{Place: v.Table.Place}
		for _, m := range v.Table.Members {
			t.Members = append(t.Members, settings.Member{Key: m.Key, Value: hide(m.Key, m.Value)})
		}
		v.Table = t
	case v.List != nil:
		list := make([]settings.Value, len(v.List))
		for i, x := range v.List {
			list[i] = hide(key, x)
		}
		v.List = list
	case isConfidential(key) && v.Text != "" && !strings.Contains(v.Text, "${"):
		v.Text = Hidden
	}
	return v
}

// YAML writes a tree down.
func YAML(v settings.Value) ([]byte, error) {
	var out bytes.Buffer
	d, err := yaml.NewDumper(&out, yaml.WithIndent(2))
	if err == nil {
		if err = d.Dump(node(v)); err == nil {
			err = d.Close()
		}
	}
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "write YAML")
	}
	return out.Bytes(), nil
}

func node(v settings.Value) *yaml.Node {
	switch {
	case v.Table != nil:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, m := range v.Table.Members {
			n.Content = append(n.Content, text(m.Key), node(m.Value))
		}
		return n
	case v.List != nil:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, x := range v.List {
			n.Content = append(n.Content, node(x))
		}
		return n
	case v.Null:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	return text(v.Text)
}

// text returns a node for a text. Numbers and the like are written without quotes: whoever reads the file takes them as they are.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if isPlainWord(s) {
		n.Tag = ""
	}
	if strings.Contains(s, "\n") {
		n.Style = yaml.LiteralStyle
	}
	return n
}

// isPlainWord reports whether s is a number, true or false.
func isPlainWord(s string) bool {
	if s == "true" || s == "false" {
		return true
	}
	return s != "" && s != "." && strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") < 2
}

// Plain returns the tree as objects, lists and texts, for JSON.
func Plain(v settings.Value) any {
	switch {
	case v.Table != nil:
		m := make(map[string]any, len(v.Table.Members))
		for _, x := range v.Table.Members {
			m[x.Key] = Plain(x.Value)
		}
		return m
	case v.List != nil:
		l := make([]any, 0, len(v.List))
		for _, x := range v.List {
			l = append(l, Plain(x))
		}
		return l
	case v.Null:
		return nil
	}
	return v.Text
}
