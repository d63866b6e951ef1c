// Package secret holds the type that a secret value travels in: one that cannot be printed by accident.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Value is a secret in flight. fmt, encoding/json, encoding.TextMarshaler users and slog all see "***".
// The only way to the bytes is [Value.Reveal], so that every place that reveals one can be found by its name.
//
// The bytes are held by a function, because fmt calls no method of an unexported field: it would follow slices and pointers.
type Value struct{ bytes func() []byte }

const mask = "***"

// New returns a Value that takes over b: the caller must not use b afterwards.
func New(b []byte) Value { return Value{func() []byte { return b }} }

// Reveal returns the bytes themselves, not a copy; nil for the zero Value.
func (v Value) Reveal() []byte {
	if v.bytes == nil {
		return nil
	}
	return v.bytes()
}

// Len returns the length in bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Wipe overwrites the bytes with zeros. Best effort: the runtime may have made copies.
func (v Value) Wipe() { clear(v.Reveal()) }

func (Value) String() string               { return mask }
func (Value) GoString() string             { return mask }
func (Value) Format(w fmt.State, _ rune)   { _, _ = io.WriteString(w, mask) }
func (Value) LogValue() slog.Value         { return slog.StringValue(mask) }
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }
func (Value) MarshalText() ([]byte, error) { return []byte(mask), nil }
func (Value) MarshalCBOR() ([]byte, error) {
	return append([]byte{0x60 + byte(len(mask))}, mask...), nil
}
func (Value) MarshalYAML() (any, error)      { return mask, nil }
func (Value) MarshalBinary() ([]byte, error) { return []byte(mask), nil }
