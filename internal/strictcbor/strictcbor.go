// Package strictcbor is the one dialect of CBOR (RFC 8949) of everything that is sealed: definite lengths, no tags, no key twice, no
// unknown field, and bounds on nesting and counts (I08).
package strictcbor

import (
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// modes are made when they are first needed: no command that only reads pays for them.
var modes = sync.OnceValue(func() (m struct {
	enc cbor.EncMode
	dec cbor.DecMode
},
) {
	var err error
	if m.enc, err = (cbor.EncOptions{Sort: cbor.SortNone, IndefLength: cbor.IndefLengthForbidden}).EncMode(); err != nil {
		panic(err) // options are constants
	}
	if m.dec, err = (cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 8, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 16, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}).DecMode(); err != nil {
		panic(err)
	}
	return m
})

// Marshal returns the encoding of v: a struct's fields in the order in which they are declared.
func Marshal(v any) ([]byte, error) { return modes().enc.Marshal(v) }

// Unmarshal reads what Marshal wrote. Its error may quote b.
func Unmarshal(b []byte, v any) error { return modes().dec.Unmarshal(b, v) }
