package registry

import (
	"errors"
	"strings"
)

// A Part of a template is text as it stands, or a placeholder and perhaps a field of it.
type Part struct {
	Text        string // when Placeholder is empty
	Placeholder string // {{placeholder}}
	Field       string // {{placeholder.field}}: of a value that is a JSON object; empty for the whole value
}

// ParseTemplate splits a template, "Bearer {{secret}}", into its parts. A placeholder stands between double braces without spaces;
// text holds no double brace.
func ParseTemplate(text string) ([]Part, error) {
	var parts []Part
	for text != "" {
		before, rest, found := strings.Cut(text, "{{")
		if strings.Contains(before, "}}") {
			return nil, errors.New("}} without {{")
		}
		if before != "" {
			parts = append(parts, Part{Text: before})
		}
		if !found {
			break
		}
		inner, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, errors.New("{{ without }}")
		}
		placeholder, field, dotted := strings.Cut(inner, ".")
		if !isWord(placeholder) || dotted && !isField(field) {
			return nil, errors.New("between {{ and }} stands a placeholder, or placeholder.field, without spaces")
		}
		parts = append(parts, Part{Placeholder: placeholder, Field: field})
		text = after
	}
	return parts, nil
}
