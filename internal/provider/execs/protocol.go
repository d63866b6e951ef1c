package execs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// protocol is the version of what is spoken.
const protocol = 1

// Bounds of an answer.
const (
	maxAnswer  = 32 << 20 // bytes
	maxSecrets = 100_000
	maxVersion = 256 // bytes of a version's name
)

// A request is what the program reads from standard input.
type request struct {
	Version int    `json:"version"`
	Op      string `json:"op"`

	Secrets []wanted `json:"secrets,omitempty"` // of read

	Name        string  `json:"name,omitempty"` // of write and delete
	Value       *string `json:"value,omitempty"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
}

type wanted struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// An answer is what the program writes to standard output. It is one object; keys that are not here are an error.
type answer struct {
	Version int      `json:"version"`
	Error   *problem `json:"error"`   // nothing was done
	Secrets []found  `json:"secrets"` // of read, list and write
	Deleted int      `json:"deleted"` // versions that delete removed
}

type found struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	Value       *string  `json:"value"`
	ValueBase64 []byte   `json:"value_base64"`
	Tags        []string `json:"tags"`
	CreatedAt   stamp    `json:"created_at"`
	UpdatedAt   stamp    `json:"updated_at"`
	ExpiresAt   stamp    `json:"expires_at"`
	Error       *problem `json:"error"` // of read: this one cannot be had
}

type problem struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	RetryAfter int    `json:"retry_after"` // seconds, beside the code limited
}

// stamp is a time of RFC 3339; null and the empty text are none.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil || text == "" {
		return err
	}
	t, err := time.Parse(time.RFC3339, text)
	s.Time = t
	return err
}

// errors of an answer. They quote nothing of it: it may hold secrets.
var (
	errNotJSON   = errors.New("the answer is not one JSON object of the protocol")
	errTwoValues = errors.New("a secret has both value and value_base64, or neither")
	errNotUTF8   = errors.New("a value is not UTF-8 text; it belongs into value_base64")
	errAnother   = errors.New("the answer is about other secrets than those that were asked for, or in another order")
	errTooMany   = errors.New("the answer has too many secrets")
)

// parse reads an answer.
func parse(out []byte) (*answer, error) {
	if !utf8.Valid(out) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.DisallowUnknownFields()
	a := &answer{}
	if t := bytes.TrimLeft(out, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return nil, errNotJSON
	}
	if err := d.Decode(a); err != nil {
		return nil, errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	if a.Version != protocol {
		return nil, fmt.Errorf("the answer is of version %d of the protocol, not %d", a.Version, protocol)
	}
	if len(a.Secrets) > maxSecrets {
		return nil, errTooMany
	}
	for _, f := range a.Secrets {
		if len(f.Version) > maxVersion {
			return nil, errNotJSON
		}
	}
	return a, nil
}

// value returns the value of a secret that was found. A replacement character in a text stands where encoding/json met half of a
// surrogate pair: what the program meant is lost.
func (f found) value() ([]byte, error) {
	switch {
	case (f.Value == nil) == (f.ValueBase64 == nil):
		return nil, errTwoValues
	case f.Value == nil:
		return f.ValueBase64, nil
	case strings.ContainsRune(*f.Value, utf8.RuneError):
		return nil, errNotUTF8
	}
	return []byte(*f.Value), nil
}

// item returns what was found without its value.
func (f found) item() provider.Item {
	return provider.Item{
		Name: f.Name, Version: f.Version, Tags: f.Tags, CreatedAt: f.CreatedAt.Time, UpdatedAt: f.UpdatedAt.Time, ExpiresAt: f.ExpiresAt.Time,
	}
}

// put puts a value into a request: as text where it is text.
func (r *request) put(v secret.Value) {
	b := v.Reveal()
	if utf8.Valid(b) && !bytes.ContainsRune(b, utf8.RuneError) {
		text := string(b)
		r.Value = &text
		return
	}
	r.ValueBase64 = b
}

// class returns the class of a code of the protocol. What is not a code stops the chain like a store that is not there.
func class(code string) fault.Code {
	switch code {
	case "not_found", "denied", "expired", "limited", "invalid", "conflict", "exists":
		return fault.Code(code)
	case "unsupported":
		return fault.Usage
	}
	return fault.Unavailable
}
