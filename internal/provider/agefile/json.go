package agefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// jsonDocument is an object whose members keep their order and, where they are no texts, their bytes.
type jsonDocument struct{ members []jsonMember }

type jsonMember struct {
	key string
	raw json.RawMessage
}

func parseJSON(text []byte) (document, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errForm
	}
	doc := &jsonDocument{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errForm
		}
		m := jsonMember{key: key}
		if err := d.Decode(&m.raw); err != nil {
			return nil, errForm
		}
		if seen[key] {
			return nil, errTwice
		}
		seen[key] = true
		doc.members = append(doc.members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errForm
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errForm
	}
	return doc, nil
}

func (d *jsonDocument) each(fn func(string)) {
	for _, m := range d.members {
		fn(m.key)
	}
}

func (d *jsonDocument) index(key string) int {
	return slices.IndexFunc(d.members, func(m jsonMember) bool { return m.key == key })
}

func (d *jsonDocument) get(key string) ([]byte, error) {
	i := d.index(key)
	if i < 0 {
		return nil, errAbsent
	}
	raw := d.members[i].raw
	switch raw[0] {
	case '"':
		return jsonText(raw)
	case '{':
		var of struct {
			Value       json.RawMessage `json:"value"`
			ValueBase64 []byte          `json:"value_base64"`
		}
		s := json.NewDecoder(bytes.NewReader(raw))
		s.DisallowUnknownFields()
		if err := s.Decode(&of); err != nil || (of.Value == nil) == (of.ValueBase64 == nil) {
			return nil, errNoText
		}
		if of.Value == nil {
			return of.ValueBase64, nil
		}
		return jsonText(of.Value)
	case 'n', '[':
		return nil, errNoText
	}
	return bytes.Clone(raw), nil // a number, true or false, as it is written
}

// jsonText returns a string. Half of a surrogate pair becomes a replacement character in encoding/json: what was meant is lost.
func jsonText(raw []byte) ([]byte, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, errNoText
	}
	if strings.ContainsRune(s, utf8.RuneError) && bytes.Contains(bytes.ToLower(raw), []byte(`\ud`)) {
		return nil, errNoText
	}
	return []byte(s), nil
}

func (d *jsonDocument) set(key string, value []byte, plain bool) error {
	var entry any = string(value)
	switch {
	case !plain:
		entry = map[string][]byte{"value_base64": value}
	case !utf8.Valid(value):
		return errCannotBe
	}
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetEscapeHTML(false)
	if err := e.Encode(entry); err != nil {
		return errCannotBe
	}
	m := jsonMember{key, bytes.TrimSpace(raw.Bytes())}
	if i := d.index(key); i >= 0 {
		d.members[i] = m
	} else {
		d.members = append(d.members, m)
	}
	return nil
}

func (d *jsonDocument) remove(key string) {
	if i := d.index(key); i >= 0 {
		d.members = slices.Delete(d.members, i, i+1)
	}
}

func (d *jsonDocument) text() ([]byte, error) {
	var flat, out bytes.Buffer
	flat.WriteByte('{')
	for i, m := range d.members {
		if i > 0 {
			flat.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		flat.Write(key)
		flat.WriteByte(':')
		flat.Write(m.raw)
	}
	flat.WriteByte('}')
	if err := json.Indent(&out, flat.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
