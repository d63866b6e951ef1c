package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"tacit/internal/fault"
)

// bodyFields sets fields of the body: members of a JSON object, or of a form. The body is read as a whole (see maxBuffered).
type bodyFields struct {
	common
	names []string
	json  []byte // `"name":"value","other":"value"`
	form  []byte // escaped: "name=value&other=value"
}

func newBodyFields(c *compiler) (*bodyFields, error) {
	fields, err := c.present(c.service.Auth.Fields)
	if err != nil {
		return nil, err
	}
	b := &bodyFields{}
	var members, pairs []string
	for _, f := range fields {
		r, err := c.render(f.Value, inText)
		if err != nil {
			return nil, err
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, fault.New(fault.Invalid, "service %s: %q is no name of a field", c.service.ID, f.Name)
		}
		value, err := json.Marshal(r.text)
		if err != nil { // a string that is UTF-8: it cannot be
			return nil, fault.New(fault.Failed, "service %s: encode the field %s", c.service.ID, f.Name)
		}
		members = append(members, string(name)+":"+string(value))
		pairs = append(pairs, url.QueryEscape(f.Name)+"="+url.QueryEscape(r.text))
		b.names = append(b.names, f.Name)
		if r.secret {
			c.hide(string(value[1 : len(value)-1]))
			c.hide(url.QueryEscape(r.text))
		}
	}
	b.json, b.form = []byte(strings.Join(members, ",")), []byte(strings.Join(pairs, "&"))
	b.common = c.done(Reserved{Fields: b.names}, true)
	return b, nil
}

// Apply refuses what it does not understand: a body that it could not read might hold the field already.
func (b *bodyFields) Apply(_ context.Context, out *Outgoing) ([][]byte, error) {
	if out.Method == http.MethodGet || out.Method == http.MethodHead {
		return nil, fault.New(fault.Invalid, "this service authenticates in the body, which %s does not have", out.Method)
	}
	body, err := buffer(out)
	if err != nil {
		return nil, err
	}
	if out.Header.Get("Content-Encoding") != "" {
		return nil, fault.New(fault.Invalid, "this service authenticates in the body, which must not be compressed")
	}
	if len(body) == 0 {
		setBody(out, bytes.Join([][]byte{[]byte("{"), b.json, []byte("}")}, nil))
		out.Header.Set("Content-Type", "application/json")
		return nil, nil
	}
	kind, _, err := mime.ParseMediaType(out.Header.Get("Content-Type"))
	if err != nil {
		kind = "" // a malformed one may have a type in it, which others read differently
	}
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		body, err = b.inJSON(body)
	case kind == "application/x-www-form-urlencoded":
		body, err = b.inForm(body)
	default:
		err = fault.New(fault.Invalid, "this service authenticates in the body, which must be application/json or application/x-www-form-urlencoded")
	}
	if err != nil {
		return nil, err
	}
	setBody(out, body)
	return nil, nil
}

// inJSON returns the object with our members first.
func (b *bodyFields) inJSON(body []byte) ([]byte, error) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if !json.Valid(body) || trimmed[0] != '{' {
		return nil, fault.New(fault.Invalid, "this service authenticates in the body, which must be a JSON object")
	}
	names, err := memberNames(body)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := b.ours(name); err != nil {
			return nil, err
		}
	}
	comma := ","
	if len(names) == 0 {
		comma = ""
	}
	return bytes.Join([][]byte{[]byte("{"), b.json, []byte(comma), trimmed[1:]}, nil), nil
}

// memberNames returns the names of the members of a JSON object, unescaped; those of objects within it do not count.
func memberNames(object []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	_, err := d.Token() // {
	var names []string
	for err == nil && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		if s, ok := name.(string); ok {
			names = append(names, s)
		}
		var skipped json.RawMessage
		err = d.Decode(&skipped)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "this service authenticates in the body, which must be a JSON object")
	}
	return names, nil
}

// inForm returns the form with our fields first.
func (b *bodyFields) inForm(body []byte) ([]byte, error) {
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		escaped, value, _ := strings.Cut(string(pair), "=")
		name, err := url.QueryUnescape(escaped)
		_, valueErr := url.QueryUnescape(value)
		if err != nil || valueErr != nil || bytes.IndexByte(pair, ';') >= 0 { // some servers take ; for &
			return nil, fault.New(fault.Invalid, "this service authenticates in the body, which must be a well-formed form")
		}
		if err := b.ours(strings.TrimSpace(name)); err != nil {
			return nil, err
		}
	}
	return bytes.Join([][]byte{b.form, body}, []byte("&")), nil
}

// ours refuses a field of the caller's that has one of our names (I25). Case does not count, since not every server lets it; nor
// what some servers take for part of an array: secret[] is secret.
func (b *bodyFields) ours(name string) error {
	base, _, _ := strings.Cut(name, "[")
	for _, n := range b.names {
		if strings.EqualFold(base, n) {
			return fault.New(fault.Denied, "the field %s of the body belongs to the broker: leave it out", n)
		}
	}
	return nil
}
