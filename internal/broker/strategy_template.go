package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/registry"
	"tacit/internal/secret"
)

// parse reads a template of the service.
func (c *compiler) parse(text string) ([]registry.Part, error) {
	parts, err := registry.ParseTemplate(text)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "service %s: a template", c.service.ID)
	}
	return parts, nil
}

// placeholders returns those of a template, in order.
func placeholders(parts []registry.Part) []string {
	var names []string
	for _, p := range parts {
		if p.Placeholder != "" {
			names = append(names, p.Placeholder)
		}
	}
	return names
}

// minInjected is the length from which on a value is looked for in answers (I28). Shorter ones are in every other answer by chance.
const minInjected = 8

// A compiler makes one strategy: it finds the values that templates name, and notes what must not come back.
type compiler struct {
	service  *registry.Service
	values   Values
	fields   map[string]map[string]string // of secrets that are JSON objects, by placeholder
	injected [][]byte
}

// A place says why a value cannot stand somewhere, or nothing when it can.
type place func(value string) (why string)

// rendered is a template with its values in.
type rendered struct {
	text   string
	secret bool // it holds something that is not public
}

// render fills text in. Each value is held against the place that it goes to.
func (c *compiler) render(text string, where place) (rendered, error) {
	parts, err := c.parse(text)
	if err != nil {
		return rendered{}, err
	}
	var out rendered
	var b strings.Builder
	for _, p := range parts {
		if p.Placeholder == "" {
			b.WriteString(p.Text)
			continue
		}
		value, err := c.value(p.Placeholder, p.Field)
		if err != nil {
			return rendered{}, err
		}
		if why := where(value); why != "" {
			return rendered{}, c.bad(p.Placeholder, "%s", why)
		}
		out.secret = out.secret || !c.public(p.Placeholder)
		b.WriteString(value)
	}
	out.text = b.String()
	if out.secret {
		c.hide(out.text)
	}
	return out, nil
}

// value returns the value of a placeholder, or of the field of one.
func (c *compiler) value(placeholder, field string) (string, error) {
	v, ok := c.values[placeholder]
	if !ok || v.Len() == 0 {
		return "", c.bad(placeholder, "it is missing")
	}
	if field == "" {
		return string(v.Reveal()), nil
	}
	fields, err := c.object(placeholder)
	if err != nil {
		return "", err
	}
	value := fields[field]
	if value == "" {
		return "", c.bad(placeholder, "it has no field %s", field)
	}
	if !c.public(placeholder) {
		c.hide(value)
	}
	return value, nil
}

// object returns the fields of a secret that is a JSON object.
func (c *compiler) object(placeholder string) (map[string]string, error) {
	if fields, ok := c.fields[placeholder]; ok {
		return fields, nil
	}
	fields, ok := jsonFields(c.values[placeholder])
	if !ok {
		return nil, c.bad(placeholder, "it is no JSON object")
	}
	if c.fields == nil {
		c.fields = map[string]map[string]string{}
	}
	c.fields[placeholder] = fields
	return fields, nil
}

// jsonFields returns the text of the fields of a JSON object: strings as what they say, numbers and the like as they stand there.
func jsonFields(v secret.Value) (fields map[string]string, ok bool) {
	var raw map[string]json.RawMessage
	if json.Unmarshal(v.Reveal(), &raw) != nil || raw == nil {
		return nil, false
	}
	fields = make(map[string]string, len(raw))
	for name, value := range raw {
		var s string
		if bytes.HasPrefix(value, []byte(`"`)) {
			if json.Unmarshal(value, &s) != nil {
				return nil, false
			}
		} else if !bytes.Equal(value, []byte("null")) {
			s = string(value)
		}
		fields[name] = s
	}
	return fields, true
}

// public reports whether a placeholder only identifies: an account's number.
func (c *compiler) public(placeholder string) bool {
	return slices.Contains(c.service.Public, placeholder)
}

// secretName returns the name that the secret behind a placeholder has in the vault.
func (c *compiler) secretName(placeholder string) string {
	for _, s := range c.service.Secrets {
		if s.Placeholder == placeholder {
			return s.Name
		}
	}
	return placeholder
}

// bad returns the error about the secret behind a placeholder.
func (c *compiler) bad(placeholder, format string, args ...any) error {
	name := c.secretName(placeholder)
	return fault.New(fault.Invalid, "%s cannot be used for %s: %s", name, c.service.ID, fmt.Sprintf(format, args...)).
		About(name).WithFix("tacit set %s", name)
}

// hide notes that s must not come back in an answer.
func (c *compiler) hide(s string) {
	if len(s) >= minInjected && !slices.ContainsFunc(c.injected, func(b []byte) bool { return string(b) == s }) {
		c.injected = append(c.injected, []byte(s))
	}
}

// done returns what all strategies have in common: the secrets themselves and what was hidden while they were rendered, and whether
// they go on the wire.
func (c *compiler) done(reserved Reserved, onWire bool) common {
	for placeholder, v := range c.values {
		if !c.public(placeholder) {
			c.hide(string(v.Reveal()))
		}
	}
	return common{injected: slices.Clip(c.injected), reserved: reserved, onWire: onWire}
}

// present returns the fields whose values are all there. A credential may lack a secret that only some capabilities need; that the
// one at hand has what it needs was seen to before. It is an error when no secret is left to authenticate with.
func (c *compiler) present(fields []registry.Field) ([]registry.Field, error) {
	var there []registry.Field
	var missing string
	authenticates := false
	for _, f := range fields {
		parts, err := c.parse(f.Value)
		if err != nil {
			return nil, err
		}
		names := placeholders(parts)
		if i := slices.IndexFunc(names, func(n string) bool { return c.values[n].Len() == 0 }); i >= 0 {
			missing = names[i]
			continue
		}
		authenticates = authenticates || slices.ContainsFunc(names, func(n string) bool { return !c.public(n) })
		there = append(there, f)
	}
	switch {
	case authenticates:
		return there, nil
	case missing != "":
		return nil, c.bad(missing, "it is missing")
	default:
		return nil, fault.New(fault.Invalid, "service %s: nothing in it authenticates", c.service.ID)
	}
}
