package vault

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"
)

// ID identifies a secret for as long as it lives, through renames: 48 bits of milliseconds since 1970, big endian, and 80
// random bits, so that ids made later sort later (the layout of a ULID).
type ID [16]byte

// crockford is the encoding of printed ids: no I, L, O, U.
var crockford = sync.OnceValue(func() *base32.Encoding {
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
})

func (id ID) String() string {
	b := [len("s_") + 26]byte{'s', '_'} // one character for five bits
	crockford().Encode(b[2:], id[:])
	return string(b[:])
}

// MarshalText prints the id.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText made.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

func printID(b []byte) string { return crockford().EncodeToString(b) }

// idSource makes ids that ascend even within one millisecond.
type idSource struct {
	random io.Reader
	last   ID
}

func (s *idSource) next(now time.Time) (ID, error) {
	var id ID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(id[:6], ms[2:])
	if _, err := io.ReadFull(s.random, id[6:]); err != nil {
		return ID{}, fmt.Errorf("read randomness: %w", err)
	}
	if bytes.Compare(id[:6], s.last[:6]) <= 0 {
		// The same millisecond, or a clock that went back: count on from the last one, leaving its low 4 bytes random.
		copy(id[:12], s.last[:12])
		for i := 11; i >= 0; i-- {
			if id[i]++; id[i] != 0 {
				break
			}
		}
	}
	s.last = id
	return id, nil
}
