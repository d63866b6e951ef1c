package transfer

import (
	"encoding/base64"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/name"
	"tacit/internal/when"
)

// A field is one member of {"name":{…}} in JSON and YAML.
type field int

const (
	fieldValue field = iota
	fieldBase64
	fieldTags
	fieldExpires
	fieldScope
	fieldNote
	fieldOwner
	fieldAliases
	fieldRotate
	fieldExposure
	fieldSealed
	fieldService
	fieldCount
)

// fieldOf returns the field that key names.
func fieldOf(key string) (field, bool) {
	switch key {
	case "value":
		return fieldValue, true
	case "value_base64":
		return fieldBase64, true
	case "tags":
		return fieldTags, true
	case "expires_at", "expiresAt":
		return fieldExpires, true
	case "scope":
		return fieldScope, true
	case "note":
		return fieldNote, true
	case "owner":
		return fieldOwner, true
	case "aliases":
		return fieldAliases, true
	case "rotate_every":
		return fieldRotate, true
	case "exposure":
		return fieldExposure, true
	case "sealed":
		return fieldSealed, true
	case "service":
		return fieldService, true
	}
	return 0, false
}

// A node is what stands for a field, in JSON or YAML.
type node struct {
	kind  nodeKind
	text  []byte   // of a text or a literal; owned by the node
	items []string // of a list
}

type nodeKind int

const (
	nodeNull    nodeKind = iota
	nodeText             // a string
	nodeLiteral          // a number or a boolean, as it is written
	nodeList             // a list of strings
)

// A draft is an entry whose fields are being read.
type draft struct {
	have   [fieldCount]bool
	value  []byte
	binary bool // value came as base64
	entry  keeper.ImportEntry
}

// begin notes that the field named key comes. Unknown and repeated ones are errors.
func (d *draft) begin(key string) (field, error) {
	f, ok := fieldOf(key)
	if !ok {
		return 0, fault.New(fault.Invalid, "unknown field %q", clip(key)).
			WithFix("the fields are value, value_base64, tags, expires_at, scope, note, owner, aliases, rotate_every, exposure, sealed, service")
	}
	if d.have[f] {
		return 0, fault.New(fault.Invalid, "duplicate field %q", key)
	}
	d.have[f] = true
	return f, nil
}

// set gives the field its node. null is as if the field were not there.
func (d *draft) set(f field, key string, n node, now time.Time) error {
	if n.kind == nodeNull {
		d.have[f] = false
		return nil
	}
	switch f {
	case fieldTags, fieldAliases:
		if n.kind != nodeList {
			return expected(key, "a list of strings")
		}
	case fieldValue:
		if n.kind != nodeText && n.kind != nodeLiteral {
			return expected(key, "a string")
		}
	case fieldSealed:
		if n.kind != nodeLiteral {
			return expected(key, "true or false")
		}
	default:
		if n.kind != nodeText {
			return expected(key, "a string")
		}
	}
	return d.assign(f, key, n, now)
}

// assign checks and keeps a node that has the right kind.
func (d *draft) assign(f field, key string, n node, now time.Time) (err error) {
	e, text := &d.entry, string(n.text)
	switch f {
	case fieldValue:
		d.value = n.text
	case fieldBase64:
		d.binary = true
		d.value, err = decodeBase64(n.text)
	case fieldTags:
		e.Tags, err = n.items, checkAll(n.items, name.CheckTag)
	case fieldAliases:
		e.Aliases, err = n.items, checkAll(n.items, name.Check)
	case fieldScope:
		var s name.Scope
		s, err = name.ParseScope(text)
		e.Scope = string(s)
	case fieldNote:
		e.Note = &text
	case fieldOwner:
		e.OwnedBy = &text
	case fieldService:
		e.Service = text
	case fieldExpires:
		var t time.Time
		t, err = when.Time(text, now)
		e.ExpiresAt = &t
	case fieldRotate:
		var every time.Duration
		every, err = when.Duration(text)
		e.RotateEvery = &every
	case fieldSealed:
		err = d.seal(key, text, "true", "false")
	case fieldExposure:
		err = d.seal(key, text, "sealed", "readable")
	}
	return err
}

// seal keeps the exposure, which may be said by two fields as long as they agree.
func (d *draft) seal(key, text, yes, no string) error {
	if text != yes && text != no {
		return expected(key, yes+" or "+no)
	}
	sealed := text == yes
	if d.entry.Sealed != nil && *d.entry.Sealed != sealed {
		return fault.New(fault.Invalid, "exposure and sealed contradict each other")
	}
	d.entry.Sealed = &sealed
	return nil
}

// finish returns the entry that the file calls key. Exactly one of value and value_base64 must have come.
func (d *draft) finish(c *collector, key string, line int) (keeper.ImportEntry, error) {
	switch {
	case d.have[fieldValue] && d.have[fieldBase64]:
		return keeper.ImportEntry{}, invalid(line, "%q has both value and value_base64", clip(key)).About(clip(key))
	case !d.have[fieldValue] && !d.have[fieldBase64]:
		return keeper.ImportEntry{}, invalid(line, "%q has no value", clip(key)).About(clip(key))
	}
	e, err := c.entry(key, line, d.value)
	if err != nil {
		return e, err
	}
	full := d.entry
	full.Name, full.RenamedFrom, full.From, full.Value, full.Invalid = e.Name, e.RenamedFrom, e.From, e.Value, e.Invalid
	return full, nil
}

// decodeBase64 decodes standard base64 with its padding, in memory of its own.
func decodeBase64(text []byte) ([]byte, error) {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(b, text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the value is not base64")
	}
	return b[:n], nil
}

func checkAll(list []string, check func(string) error) error {
	for _, s := range list {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

func expected(key, what string) error {
	return fault.New(fault.Invalid, "%s must be %s", key, what)
}
