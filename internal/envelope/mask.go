package envelope

import (
	"fmt"
	"io"
)

// Keys of every kind, and an Opener, which remembers passphrases, print as "***", whatever the verb; encoding/json finds no field
// that it could print. A type that holds one in a field that is not exported needs its own: fmt cannot call methods there.

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

func (identity) String() string             { return mask }
func (identity) GoString() string           { return mask }
func (identity) Format(w fmt.State, _ rune) { printMask(w) }
func (Opener) String() string               { return mask }
func (Opener) GoString() string             { return mask }
func (Opener) Format(w fmt.State, _ rune)   { printMask(w) }
