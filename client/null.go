package client

import (
	"bytes"
	"encoding/json"
	"time"
)

// The vault knows everything about its secrets; other stores do not say everything. What is not known is zero here, and null in JSON.

// MarshalJSON writes what is not known as null: the id and times of a secret of another store, a version that is no number.
func (s Secret) MarshalJSON() ([]byte, error) {
	type plain Secret
	if s.Provider == "local" {
		return encode(plain(s))
	}
	return encode(struct {
		plain
		ID        *string    `json:"id"`
		Version   *int       `json:"version"`
		Versions  *int       `json:"versions"`
		CreatedAt *time.Time `json:"created_at"`
		UpdatedAt *time.Time `json:"updated_at"`
	}{plain(s), known(s.ID), known(s.Version), known(s.Versions), known(s.CreatedAt), known(s.UpdatedAt)})
}

// MarshalJSON writes a version that is no number as null.
func (g Got) MarshalJSON() ([]byte, error) {
	type plain Got
	if g.Version != 0 {
		return encode(plain(g))
	}
	return encode(struct {
		plain
		Version *int `json:"version"`
	}{plain(g), known(g.Version)})
}

// MarshalJSON writes what is not known as null: who made a version of another store, and a version that is no number.
func (v Version) MarshalJSON() ([]byte, error) {
	type plain Version
	if v.Version != 0 && v.Via != "" && v.Principal != "" && !v.CreatedAt.IsZero() {
		return encode(plain(v))
	}
	return encode(struct {
		plain
		Version   *int       `json:"version"`
		Via       *string    `json:"via"`
		Principal *string    `json:"principal"`
		CreatedAt *time.Time `json:"created_at"`
	}{plain(v), known(v.Version), known(v.Via), known(v.Principal), known(v.CreatedAt)})
}

func known[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// encode is json.Marshal without escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
