package wire

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
)

// WrittenBody is client.Written.
type WrittenBody struct {
	client.Changed
	Value       *text `json:"value"`
	ValueBase64 *text `json:"value_base64"`
}

// FromWritten returns the shape of w. It holds the value of w itself, not a copy.
func FromWritten(w keeper.Written) WrittenBody {
	plain, encoded := texts(w.Value)
	return WrittenBody{w.Changed, plain, encoded}
}

// To returns the answer that b is.
func (b *WrittenBody) To() (keeper.Written, error) {
	v, err := secretOf(b.Value, b.ValueBase64)
	return keeper.Written{Changed: b.Changed, Value: v}, err
}

// FromShown returns the shape of s.
func FromShown(s keeper.Shown) client.Shown { return client.Shown{Secret: s.Secret, Masked: s.Masked} }

// ToShown returns the answer that s is.
func ToShown(s client.Shown) keeper.Shown { return keeper.Shown{Secret: s.Secret, Masked: s.Masked} }

// The answer to get is written and read by hand: reading one secret is what programs do in their first milliseconds, and to
// look at the shapes by reflection takes longer than all the rest of it.

// AppendRead writes r as client.Read.
func AppendRead(b *jsonstream.Builder, r *keeper.Read) {
	b.Grow(1<<10 + r.Value.Len())
	b.Open('{')
	b.Key("secret")
	appendSecret(b, &r.Secret)
	b.Key("version")
	b.Int(r.Version)
	b.Key("field")
	b.TextOrNull(optional(r.Field))
	v := r.Value.Reveal()
	if !utf8.Valid(v) {
		b.Key("value")
		b.Null()
		b.Value(v) // as value_base64
	} else {
		b.Value(v)
		b.Key("value_base64")
		b.Null()
	}
	b.Close('}')
}

func appendSecret(b *jsonstream.Builder, s *client.Secret) {
	b.Open('{')
	b.Key("id")
	b.Text(s.ID)
	b.Key("name")
	b.Text(s.Name)
	b.Key("provider")
	b.Text(s.Provider)
	b.Key("scope")
	b.Text(s.Scope)
	b.Key("version")
	b.Int(s.Version)
	b.Key("versions")
	b.Int(s.Versions)
	b.Key("state")
	b.Text(s.State)
	b.Key("exposure")
	b.Text(s.Exposure)
	b.Key("pin")
	b.TextOrNull(s.Pin)
	b.Key("tags")
	b.Texts(s.Tags)
	b.Key("aliases")
	b.Texts(s.Aliases)
	b.Key("groups")
	b.Texts(s.Groups)
	b.Key("owner")
	b.TextOrNull(s.Owner)
	b.Key("note")
	b.TextOrNull(s.Note)
	b.Key("created_at")
	b.Time(s.CreatedAt)
	b.Key("updated_at")
	b.Time(s.UpdatedAt)
	b.Key("expires_at")
	b.TimeOrNull(s.ExpiresAt)
	b.Key("rotate_every")
	b.TextOrNull(s.RotateEvery)
	b.Close('}')
}

// AppendGet writes r as client.GetRequest. Text that is not UTF-8 is an error of the builder.
func AppendGet(b *jsonstream.Builder, r *keeper.GetRequest) {
	b.Grow(256)
	b.Open('{')
	b.Key("name")
	b.Text(r.Name)
	if r.Version != 0 {
		b.Key("version")
		b.Int(r.Version)
	}
	member := func(key, s string) {
		if s != "" {
			b.Key(key)
			b.Text(s)
		}
	}
	member("scope", r.Scope)
	member("provider", r.Provider)
	member("field", r.Field)
	if r.IncludeExpired {
		b.Key("include_expired")
		b.Bool(true)
	}
	member("purpose", r.Door)
	b.Close('}')
}

// ParseRead reads client.Read.
func ParseRead(doc []byte) (r keeper.Read, err error) {
	// A *bytes.Buffer is read in place, not copied. The server is trusted not to say a thing twice.
	p := parser{jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true))}
	if r, err = p.read(); err != nil {
		return keeper.Read{}, fault.New(fault.Failed, "the answer to get is not as expected")
	}
	return r, nil
}

// read reads client.Read.
func (p *parser) read() (r keeper.Read, err error) {
	var plain, encoded *text
	err = p.object(func(key []byte) error {
		switch string(key) {
		case "secret":
			return p.secret(&r.Secret)
		case "version":
			return p.int(&r.Version)
		case "field":
			var field *string
			err := p.textOrNull(&field)
			r.Field = orEmpty(field)
			return err
		case "value":
			return p.value(&plain)
		case "value_base64":
			return p.value(&encoded)
		}
		return p.dec.SkipValue()
	})
	if err != nil {
		return keeper.Read{}, err
	}
	r.Value, err = secretOf(plain, encoded)
	return r, err
}
