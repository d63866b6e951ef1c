package client

import (
	"fmt"
	"io"
	"log/slog"
)

// Value is a secret in flight. Printing it in any way, as text, JSON or a log record, shows "***"; [Value.Reveal] alone gives the bytes, so
// that every place that does can be found.
//
// The bytes are held by a function, because fmt calls no method of an unexported field: it would follow slices and pointers.
type Value struct{ bytes func() []byte }

// NewValue returns a Value that takes over b: the caller must not use b afterwards.
func NewValue(b []byte) Value { return Value{func() []byte { return b }} }

// Reveal returns the bytes themselves, not a copy; nil for the zero Value.
func (v Value) Reveal() []byte {
	if v.bytes == nil {
		return nil
	}
	return v.bytes()
}

// Wipe overwrites the bytes with zeros. Best effort: the runtime may have made copies.
func (v Value) Wipe() { clear(v.Reveal()) }

const masked = "***"

func (Value) String() string                 { return masked }
func (Value) GoString() string               { return masked }
func (Value) Format(w fmt.State, _ rune)     { _, _ = io.WriteString(w, masked) }
func (Value) LogValue() slog.Value           { return slog.StringValue(masked) }
func (Value) MarshalJSON() ([]byte, error)   { return []byte(`"` + masked + `"`), nil }
func (Value) MarshalText() ([]byte, error)   { return []byte(masked), nil }
func (Value) MarshalBinary() ([]byte, error) { return []byte(masked), nil }
