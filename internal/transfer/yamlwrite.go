package transfer

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tacit/client"
	"tacit/internal/keeper"
)

// yamlValues writes what yamlReader reads. Every string is in double quotes, so that no value becomes a number, a boolean
// or a block whose white space somebody's editor changes.
type yamlValues struct {
	w     *bufio.Writer
	count int
}

func (y *yamlValues) member(scopes []revealed) error {
	y.count++
	key := yamlKey(scopes[0].secret.Name)
	if r := scopes[0]; len(scopes) == 1 && r.plain() && utf8.Valid(r.value) {
		_, err := fmt.Fprintf(y.w, "%s: %s\n", key, yamlQuote(string(r.value)))
		return err
	}
	_, err := y.w.WriteString(key + ":\n")
	for _, r := range scopes {
		indent := "  "
		if len(scopes) > 1 {
			indent = "  - "
		}
		for _, line := range yamlFields(r) {
			_, err = y.w.WriteString(indent + line + "\n")
			indent = strings.Repeat(" ", len(indent))
		}
	}
	return err
}

func (y *yamlValues) end() error {
	if y.count == 0 {
		_, _ = y.w.WriteString("{}\n")
	}
	return y.w.Flush()
}

// yamlFields returns the lines of one secret, without indentation.
func yamlFields(r revealed) []string {
	s := r.secret
	lines := []string{"value: " + yamlQuote(string(r.value))}
	if !utf8.Valid(r.value) {
		lines[0] = "value_base64: " + yamlQuote(base64.StdEncoding.EncodeToString(r.value))
	}
	add := func(key, text string) { lines = append(lines, key+": "+text) }
	if s.Scope != "global" {
		add("scope", yamlQuote(s.Scope))
	}
	if len(s.Tags) > 0 {
		add("tags", yamlList(s.Tags))
	}
	if len(s.Aliases) > 0 {
		add("aliases", yamlList(s.Aliases))
	}
	if s.ExpiresAt != nil {
		add("expires_at", yamlQuote(s.ExpiresAt.UTC().Format(time.RFC3339Nano)))
	}
	if s.RotateEvery != nil {
		add("rotate_every", yamlQuote(*s.RotateEvery))
	}
	if s.Note != nil {
		add("note", yamlQuote(*s.Note))
	}
	if s.Owner != nil {
		add("owner", yamlQuote(*s.Owner))
	}
	return lines
}

// yamlQuote returns s, which is UTF-8, as a double-quoted scalar. Go's escapes are a subset of YAML's (YAML 1.2, section
// 5.7) and mean the same there; what Go leaves as it is, YAML takes as it is.
func yamlQuote(s string) string { return strconv.Quote(s) }

func yamlList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = yamlQuote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// yamlKey returns a name as a key: in quotes where other readers would take it for a boolean or null.
func yamlKey(name string) string {
	switch strings.ToLower(name) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return yamlQuote(name)
	}
	return name
}

// yamlMeta writes the document that jsonMeta writes.
type yamlMeta struct {
	w     *bufio.Writer
	count int
}

func newYAMLMeta(w *bufio.Writer, o WriteOptions) *yamlMeta {
	_, _ = fmt.Fprintf(w, "format: 1\nexported_at: %s\nsecrets:", yamlQuote(o.Now.UTC().Format(time.RFC3339))) // an error stays with w
	return &yamlMeta{w: w}
}

// Write implements [Writer].
func (y *yamlMeta) Write(x keeper.Exported) error {
	indent := "\n  - "
	if y.count > 0 {
		indent = "  - "
	}
	y.count++
	fields, err := metaFields(withLists(x.Secret))
	if err != nil {
		return err
	}
	for _, f := range fields {
		_, err = fmt.Fprintf(y.w, "%s%s: %s\n", indent, f.key, f.yaml)
		indent = "    "
	}
	return err
}

// Close implements [Writer].
func (y *yamlMeta) Close() error {
	if y.count == 0 {
		_, _ = y.w.WriteString(" []\n")
	}
	_, _ = fmt.Fprintf(y.w, "total: %d\n", y.count)
	return y.w.Flush()
}

type metaField struct{ key, yaml string }

// metaFields returns what is known about a secret, in the order and under the names of its JSON form, which is the only
// place that lists them.
func metaFields(s client.Secret) ([]metaField, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var fields []metaField
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	_, _ = dec.Token() // {
	for dec.More() {
		key, _ := dec.Token()
		var v any
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		f := metaField{key: fmt.Sprint(key)}
		switch v := v.(type) {
		case nil:
			f.yaml = "null"
		case string:
			f.yaml = yamlQuote(v)
		case []any:
			items := make([]string, len(v))
			for i, x := range v {
				items[i] = fmt.Sprint(x)
			}
			f.yaml = yamlList(items)
		default: // a number or a boolean
			f.yaml = fmt.Sprint(v)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// withLists makes absent lists empty ones, as every JSON shape of tacit has them.
func withLists(s client.Secret) client.Secret {
	for _, list := range []*[]string{&s.Tags, &s.Aliases, &s.Groups} {
		if *list == nil {
			*list = []string{}
		}
	}
	return s
}
