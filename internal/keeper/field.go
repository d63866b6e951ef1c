package keeper

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tacit/internal/fault"
)

// maxDepth bounds the path of a field and the nesting of a YAML value that one is picked from (I08).
const maxDepth = 32

// Field picks a field of a JSON or YAML value: keys and indexes separated by dots. A string gives its text, anything else its JSON.
func Field(n string, value []byte, path string) ([]byte, error) {
	missing := fault.New(fault.NotFound, "no field %q in %s", path, n).About(n)
	steps := strings.Split(path, ".")
	if len(steps) > maxDepth {
		return nil, missing
	}
	var doc any
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil || dec.More() {
		doc = nil
		if bytes.ContainsAny(value, "&*") || yaml.Unmarshal(value, &doc) != nil { // anchors could make it grow without bound
			return nil, fault.New(fault.Invalid, "%s is neither JSON nor YAML, so it has no field %q", n, path).About(n)
		}
	}
	for _, step := range steps {
		switch at := doc.(type) {
		case map[string]any:
			next, ok := at[step]
			if !ok {
				return nil, missing
			}
			doc = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return nil, missing
			}
			doc = at[i]
		default:
			return nil, missing
		}
	}
	if s, ok := doc.(string); ok {
		return []byte(s), nil
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, fault.New(fault.Invalid, "field %q of %s cannot be written as JSON", path, n).About(n)
	}
	return out, nil
}
