// Package secret holds the type that a secret value travels in: one that cannot be printed by accident.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Value is a secret in flight. fmt, encoding/json, encoding.TextMarshaler users and slog all see "***".
// The only way to the bytes is [Value.Reveal], so that every place that reveals one can be found by its name.
type Value struct{ b []byte }

const mask = "***"

// New returns a Value that takes over b: the caller must not use b afterwards.
func New(b []byte) Value { return Value{b} }

// Reveal returns the bytes themselves, not a copy.
func (v Value) Reveal() []byte { return v.b }

// Len returns the length in bytes.
func (v Value) Len() int { return len(v.b) }

// Wipe overwrites the bytes with zeros. Best effort: the runtime may have made copies.
func (v Value) Wipe() { clear(v.b) }

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
