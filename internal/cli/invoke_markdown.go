package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// markdown returns an answer as Markdown: JSON as lists and tables, other text as it is.
//
// What comes from outside is data: it stands between the tags that --wrap names, and cannot close them itself.
func (f *invokeFlags) markdown(body []byte) string {
	var text string
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	switch err := d.Decode(&v); {
	case err == nil && !d.More():
		m := &markdown{exclude: f.exclude, wrap: f.wrapField}
		m.value(v, 0)
		text = strings.Trim(m.String(), "\n") + "\n"
	case utf8.Valid(body):
		text = strings.TrimRight(string(body), "\n") + "\n"
	default:
		text = fmt.Sprintf("(%d bytes that are no text)\n", len(body))
	}
	return tagged(f.wrap, text)
}

// tagged puts text between tags. A closing tag in the text itself is defused.
func tagged(name, text string) string {
	if name == "" {
		return text
	}
	text = strings.ReplaceAll(text, "</"+name, "<\\/"+name)
	return "<" + name + ">\n" + text + "</" + name + ">\n"
}

type markdown struct {
	strings.Builder
	exclude []string
	wrap    string
}

func (m *markdown) value(v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		m.object(v, depth)
	case []any:
		m.list(v, depth)
	default:
		m.WriteString(strings.Repeat("  ", depth) + scalar(v) + "\n")
	}
}

func (m *markdown) object(o map[string]any, depth int) {
	for _, key := range m.keys(o) {
		v := o[key]
		m.WriteString(strings.Repeat("  ", depth) + "- **" + escapeMarkdown(key) + "**:")
		switch {
		case key == m.wrap:
			m.WriteString("\n" + tagged(key, scalarOrJSON(v)+"\n"))
		case nested(v):
			m.WriteString("\n")
			m.value(v, depth+1)
		default:
			m.WriteString(" " + scalar(v) + "\n")
		}
	}
}

// keys returns the members that are shown, sorted.
func (m *markdown) keys(o map[string]any) []string {
	keys := make([]string, 0, len(o))
	for k := range o {
		if !slices.Contains(m.exclude, k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// list prints objects of the same flat members as a table, anything else as a list.
func (m *markdown) list(all []any, depth int) {
	if columns := m.columns(all); len(columns) > 0 && depth == 0 {
		m.table(columns, all)
		return
	}
	for _, v := range all {
		if !nested(v) {
			m.WriteString(strings.Repeat("  ", depth) + "- " + scalar(v) + "\n")
			continue
		}
		m.WriteString(strings.Repeat("  ", depth) + "-\n")
		m.value(v, depth+1)
	}
}

// columns returns the members that all of a list's objects have, nil when it is no table.
func (m *markdown) columns(all []any) (columns []string) {
	for i, v := range all {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		keys := m.keys(o)
		if i > 0 && !slices.Equal(keys, columns) || slices.ContainsFunc(keys, func(k string) bool { return nested(o[k]) }) {
			return nil
		}
		columns = keys
	}
	return columns
}

func (m *markdown) table(columns []string, all []any) {
	row := func(cells []string) { m.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	head, rule := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		head[i], rule[i] = escapeMarkdown(c), "---"
	}
	row(head)
	row(rule)
	for _, v := range all {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = strings.ReplaceAll(strings.ReplaceAll(scalar(v.(map[string]any)[c]), "|", `\|`), "\n", " ")
		}
		row(cells)
	}
}

func nested(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return false
}

// scalar prints what is neither an object nor a list, and those that are empty.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	case map[string]any:
		return "{}"
	case []any:
		return "[]"
	}
	return ""
}

func scalarOrJSON(v any) string {
	if !nested(v) {
		return scalar(v)
	}
	b, err := encodeJSON(v, true)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(b), "\n")
}

func escapeMarkdown(s string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "|", `\|`, "`", "\\`", "\n", " ").Replace(s)
}
