package registry

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A reader turns the nodes of a file into a service, and notes each problem with its line instead of stopping at the first.
type reader struct {
	origin   Origin
	lines    int // of the file
	problems []Problem

	// What the rest of the file is judged by, as far as it was read.
	placeholders []string // of all secrets
	used         []string // placeholders that a template or the strategy takes
	plainHTTP    bool
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{min(max(n.Line, 1), r.lines), fmt.Sprintf(format, args...)})
	}
}

// A mapping is the members of a node by their key; get returns nil for one that is not there.
type mapping struct {
	bad    bool // it is no mapping, which was said
	node   *yaml.Node
	keys   []string
	at     []*yaml.Node // of the keys
	values []*yaml.Node
}

func (m *mapping) get(key string) *yaml.Node {
	if i := slices.Index(m.keys, key); i >= 0 {
		return m.values[i]
	}
	return nil
}

// mapping reads a mapping of at most limit members, whatever their names are.
func (r *reader) mapping(n *yaml.Node, limit int) (m mapping) {
	m.node, m.bad = n, true
	switch {
	case !r.plain(n):
		return m
	case n.Kind != yaml.MappingNode:
		r.fail(n, "expected keys with values")
		return m
	case len(n.Content)/2 > limit:
		r.fail(n, "more than %d keys", limit)
		return m
	}
	m.bad = false
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge" || k.Anchor != "":
			r.fail(k, "a key must be a word")
		case slices.Contains(m.keys, k.Value):
			r.fail(k, "%q is there twice", clip(k.Value))
		default:
			m.keys, m.at, m.values = append(m.keys, k.Value), append(m.at, k), append(m.values, v)
		}
	}
	return m
}

// members reads a mapping whose keys are known.
func (r *reader) members(n *yaml.Node, known ...string) mapping {
	m := r.mapping(n, 64)
	for i, key := range m.keys {
		if !slices.Contains(known, key) {
			r.fail(m.at[i], "unknown key %q; known here: %s", clip(key), strings.Join(known, ", "))
		}
	}
	return m
}

// list returns the items of a list of at most limit; nil for a node that is not there.
func (r *reader) list(n *yaml.Node, limit int) []*yaml.Node {
	switch {
	case n == nil || !r.plain(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		r.fail(n, "expected a list")
		return nil
	case len(n.Content) > limit:
		r.fail(n, "more than %d items", limit)
		return nil
	}
	return n.Content
}

// texts reads a list of lines of text and checks each; a text that is there twice is a problem.
func (r *reader) texts(n *yaml.Node, limit int, check func(n *yaml.Node, s string)) []string {
	var all []string
	for _, item := range r.list(n, limit) {
		s, ok := r.text(item)
		if !ok {
			continue
		}
		if slices.Contains(all, s) {
			r.fail(item, "%q is there twice", clip(s))
			continue
		}
		check(item, s)
		all = append(all, s)
	}
	return all
}

// text reads one line of text that is not empty. ok is false, and the problem noted, if it is none; a node that is not there is no
// problem.
func (r *reader) text(n *yaml.Node) (s string, ok bool) {
	if n == nil || !r.scalar(n) {
		return "", false
	}
	switch {
	case n.Tag == "!!null" || n.Value == "":
		r.fail(n, "the value is empty")
	case len(n.Value) > maxText:
		r.fail(n, "longer than %d bytes", maxText)
	case !oneLine(n.Value):
		r.fail(n, "must be one line of printable text")
	default:
		return n.Value, true
	}
	return "", false
}

// needed returns the value of a key that must be there; nil, and the problem noted, if it is not.
func (r *reader) needed(m mapping, key string) *yaml.Node {
	n := m.get(key)
	if n == nil && !m.bad {
		r.fail(m.node, "%s is missing", key)
	}
	return n
}

// required reads the text of a key that must be there.
func (r *reader) required(m mapping, key string) (string, bool) {
	return r.text(r.needed(m, key))
}

// block reads text of any number of lines, at most limit bytes.
func (r *reader) block(n *yaml.Node, limit int) string {
	switch {
	case n == nil || !r.scalar(n) || n.Tag == "!!null":
		return ""
	case len(n.Value) > limit:
		r.fail(n, "longer than %d bytes", limit)
		return ""
	case !utf8.ValidString(n.Value) || strings.ContainsFunc(n.Value, func(c rune) bool {
		return c != '\n' && c != '\r' && c != '\t' && !printable(c)
	}):
		r.fail(n, "must be text")
		return ""
	}
	return n.Value
}

// flag reads true or false; a node that is not there is false.
func (r *reader) flag(n *yaml.Node) bool {
	if n == nil || !r.scalar(n) {
		return false
	}
	if n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
		r.fail(n, "must be true or false")
	}
	return n.Value == "true"
}

func (r *reader) scalar(n *yaml.Node) bool {
	if !r.plain(n) {
		return false
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "expected a line of text")
		return false
	}
	return true
}

// plain refuses what makes a short text long or gives it another type.
func (r *reader) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.fail(n, "anchors and aliases are not supported")
	case n.Style&yaml.TaggedStyle != 0:
		r.fail(n, "tags are not supported")
	default:
		return true
	}
	return false
}

func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !printable(c) })
}

// printable leaves out what steers a terminal or hides in a text: control and format characters, line separators.
func printable(c rune) bool { return c == ' ' || unicode.IsGraphic(c) && !unicode.Is(unicode.Z, c) }

// clip keeps a problem on one line.
func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
