package envelope

import (
	"fmt"
	"io"
)

// Keys of every kind print as "***", whatever the verb; encoding/json finds no field that it could print.

const mask = "***"

func printMask(w fmt.State) { _, _ = io.WriteString(w, mask) }

func (*Root) String() string                     { return mask }
func (*Root) GoString() string                   { return mask }
func (*Root) Format(w fmt.State, _ rune)         { printMask(w) }
func (*Keys) String() string                     { return mask }
func (*Keys) GoString() string                   { return mask }
func (*Keys) Format(w fmt.State, _ rune)         { printMask(w) }
func (Keyring) String() string                   { return mask }
func (Keyring) GoString() string                 { return mask }
func (Keyring) Format(w fmt.State, _ rune)       { printMask(w) }
func (DataKey) String() string                   { return mask }
func (DataKey) GoString() string                 { return mask }
func (DataKey) Format(w fmt.State, _ rune)       { printMask(w) }
func (lockedAEAD) String() string                { return mask }
func (lockedAEAD) GoString() string              { return mask }
func (lockedAEAD) Format(w fmt.State, _ rune)    { printMask(w) }
func (*lockedBuffer) String() string             { return mask }
func (*lockedBuffer) GoString() string           { return mask }
func (*lockedBuffer) Format(w fmt.State, _ rune) { printMask(w) }
