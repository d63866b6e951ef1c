package hashivault

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// The field of an entry that holds a secret of tacit's.
const (
	fieldText  = "value"
	fieldBytes = "value_base64"
)

// pack returns the fields of the entry that holds value.
func pack(value secret.Value) map[string]string {
	b := value.Reveal()
	if utf8.Valid(b) {
		return map[string]string{fieldText: string(b)}
	}
	return map[string]string{fieldBytes: base64.StdEncoding.EncodeToString(b)}
}

// unpack returns what the fields of an entry hold: the value of a secret of tacit's, or the fields themselves as a JSON object.
func (v *conn) unpack(name string, fields jsontext.Value) (secret.Value, error) {
	strange := provider.Errorf(fault.Invalid, v.name, "the entry of %s is none of a key-value engine", name).About(name).WithFix("check path and kv")
	kind, members := field(fields)
	var b []byte
	switch {
	case members == nil:
		return secret.Value{}, strange
	case kind == "":
		object := fields.Clone()
		if object.Compact() != nil {
			return secret.Value{}, strange
		}
		b = object
	default:
		var s string
		if json.Unmarshal(members[kind], &s) != nil {
			return secret.Value{}, strange
		}
		b = []byte(s)
		if kind == fieldBytes {
			var err error
			if b, err = base64.StdEncoding.DecodeString(s); err != nil {
				return secret.Value{}, provider.Errorf(fault.Invalid, v.name, "%s of %s is no base64", fieldBytes, name).About(name).WithFix("write it anew")
			}
		}
	}
	if err := provider.CheckRead(v.name, name, b); err != nil {
		return secret.Value{}, err
	}
	return secret.New(b), nil
}

// field returns which field holds the secret, or "" for an entry of others; and its members, nil when it is no JSON object.
func field(fields jsontext.Value) (string, map[string]jsontext.Value) {
	var members map[string]jsontext.Value
	if fields.Kind() != '{' || json.Unmarshal(fields, &members) != nil {
		return "", nil
	}
	for _, key := range []string{fieldText, fieldBytes} {
		if len(members) == 1 && members[key].Kind() == '"' {
			return key, members
		}
	}
	return "", members
}

// replaceable returns the error for an entry whose fields a write would lose.
func (v *conn) replaceable(name string, fields jsontext.Value) error {
	kind, members := field(fields)
	if kind != "" || members != nil && len(members) == 0 {
		return nil
	}
	keys := make([]string, 0, len(members))
	for key := range members {
		if header(key) && len(key) <= 32 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return provider.Errorf(fault.Conflict, v.name, "the entry of %s has fields of its own, which would be lost: %s", name, strings.Join(keys[:min(len(keys), 8)], ", ")).
		About(name).WithFix("write it with `vault kv patch`, or choose another name")
}
