package wire

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/client"
)

// errShape is an answer that is JSON, but not the one that was asked for.
var errShape = errors.New("not as expected")

// A parser reads the members of an answer by hand.
type parser struct{ dec *jsontext.Decoder }

// object reads an object and calls member with each of its keys, which must read what stands there. A key is what stands between
// the quotes: one with an escape is none that we know. It is valid until something is read.
func (p *parser) object(member func(key []byte) error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	for p.dec.PeekKind() == '"' {
		raw, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := member(raw[1 : len(raw)-1]); err != nil {
			return err
		}
	}
	return p.expect('}')
}

func (p *parser) expect(kind jsontext.Kind) error {
	t, err := p.dec.ReadToken()
	if err == nil && t.Kind() != kind {
		err = errShape
	}
	return err
}

func (p *parser) text() (string, error) {
	t, err := p.dec.ReadToken()
	if err == nil && t.Kind() != '"' {
		err = errShape
	}
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

func (p *parser) null() bool {
	if p.dec.PeekKind() != 'n' {
		return false
	}
	_, err := p.dec.ReadToken()
	return err == nil
}

func (p *parser) string(to *string) (err error) {
	*to, err = p.text()
	return err
}

func (p *parser) textOrNull(to **string) error {
	if p.null() {
		return nil
	}
	s, err := p.text()
	*to = &s
	return err
}

// value reads a string that holds a secret, into memory of its own.
func (p *parser) value(to **text) error {
	if p.null() {
		return nil
	}
	var t text
	err := t.UnmarshalJSONFrom(p.dec)
	*to = &t
	return err
}

func (p *parser) int(to *int) error {
	t, err := p.dec.ReadToken()
	if err != nil {
		return err
	}
	*to, err = strconv.Atoi(t.String())
	return err
}

func (p *parser) time(to *time.Time) error {
	s, err := p.text()
	if err != nil {
		return err
	}
	*to, err = time.Parse(time.RFC3339, s)
	return err
}

func (p *parser) timeOrNull(to **time.Time) error {
	if p.null() {
		return nil
	}
	var t time.Time
	err := p.time(&t)
	*to = &t
	return err
}

func (p *parser) texts(to *[]string) error {
	if err := p.expect('['); err != nil {
		return err
	}
	*to = []string{}
	for p.dec.PeekKind() == '"' {
		s, err := p.text()
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return p.expect(']')
}

func (p *parser) secret(s *client.Secret) error {
	return p.object(func(key []byte) error {
		switch string(key) {
		case "id":
			return p.string(&s.ID)
		case "name":
			return p.string(&s.Name)
		case "provider":
			return p.string(&s.Provider)
		case "scope":
			return p.string(&s.Scope)
		case "version":
			return p.int(&s.Version)
		case "versions":
			return p.int(&s.Versions)
		case "state":
			return p.string(&s.State)
		case "exposure":
			return p.string(&s.Exposure)
		case "pin":
			return p.textOrNull(&s.Pin)
		case "tags":
			return p.texts(&s.Tags)
		case "aliases":
			return p.texts(&s.Aliases)
		case "groups":
			return p.texts(&s.Groups)
		case "owner":
			return p.textOrNull(&s.Owner)
		case "note":
			return p.textOrNull(&s.Note)
		case "created_at":
			return p.time(&s.CreatedAt)
		case "updated_at":
			return p.time(&s.UpdatedAt)
		case "expires_at":
			return p.timeOrNull(&s.ExpiresAt)
		case "rotate_every":
			return p.textOrNull(&s.RotateEvery)
		}
		return p.dec.SkipValue()
	})
}
