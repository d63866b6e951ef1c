package wire

import (
	"encoding/base64"
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// A text is a JSON string that holds a secret: it is read into memory of its own and never becomes a Go string, so that it can
// be wiped.
type text []byte

var errNotText = errors.New("not a string")

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if raw.Kind() != '"' {
		return errNotText
	}
	b, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)-2), raw)
	*t = b
	return err
}

// MarshalJSONTo implements json.MarshalerTo.
func (t text) MarshalJSONTo(e *jsontext.Encoder) error {
	b, err := jsontext.AppendQuote(make([]byte, 0, len(t)+2), t)
	if err != nil {
		return err
	}
	defer clear(b)
	return e.WriteValue(b)
}

// texts returns v as it stands in an object: as "value", or as "value_base64" when it is not UTF-8. An empty value is nothing.
func texts(v secret.Value) (plain, encoded *text) {
	b := v.Reveal()
	switch {
	case len(b) == 0:
		return nil, nil
	case utf8.Valid(b):
		t := text(b)
		return &t, nil
	}
	t := text(base64.StdEncoding.AppendEncode(nil, b))
	return nil, &t
}

// secretOf returns the value that was read as one of the two.
func secretOf(plain, encoded *text) (secret.Value, error) {
	switch {
	case plain != nil && encoded != nil:
		return secret.Value{}, fault.New(fault.Usage, "request: value and value_base64 exclude each other")
	case encoded != nil:
		return fromBase64(*encoded)
	case plain != nil:
		return secret.New(*plain), nil
	}
	return secret.Value{}, nil
}

// fromBase64 decodes encoded, and wipes it.
func fromBase64(encoded []byte) (secret.Value, error) {
	defer clear(encoded)
	b := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Strict().Decode(b, encoded)
	if err != nil {
		clear(b)
		return secret.Value{}, fault.New(fault.Usage, "request: value_base64 is not base64")
	}
	return secret.New(b[:n]), nil
}
