package vault

import (
	"encoding/binary"
	"fmt"
	"time"

	"tacit/internal/envelope"
	"tacit/internal/flatjson"
	"tacit/internal/strictcbor"
)

// FormatVersion is the format of the whole vault, in its header. A vault with a higher one is refused.
const FormatVersion = 1

func encode(v any) ([]byte, error) { return strictcbor.Marshal(v) }

func decode(b []byte, v any) error {
	if err := strictcbor.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %v", envelope.ErrMalformed, err)
	}
	return nil
}

// Header is the one record in the clear that is needed before anything can be opened.
type Header struct {
	Format    int
	VaultID   string
	CreatedAt time.Time
}

func encodeHeader(h Header) []byte {
	w := flatjson.Begin(nil)
	w.Number("format", int64(h.Format))
	w.Text("vault_id", h.VaultID)
	w.Time("created_at", h.CreatedAt)
	return w.End()
}

// decodeHeader reads a header. Members that it does not know are skipped: a newer format may have some, and must be told from
// damage. The anchor has the hash of the whole record.
func decodeHeader(b []byte) (h Header, err error) {
	if len(b) > 4096 {
		return h, envelope.ErrMalformed
	}
	var r flatjson.Reader
	rest, err := r.Read(b, func(key []byte) error {
		switch string(key) {
		case "format":
			return flatjson.Number(&r, &h.Format)
		case "vault_id":
			return flatjson.Text(&r, &h.VaultID)
		case "created_at":
			return flatjson.Time(&r, &h.CreatedAt)
		}
		return r.Skip()
	})
	if err != nil || len(rest) > 0 || h.Format < 1 || h.VaultID == "" {
		return h, envelope.ErrMalformed
	}
	return h, nil
}

// A secret record is two boxes: the metadata, and the wrapped data key of its version. The first one's length (4 bytes, big
// endian) stands in front of it.
func joinBoxes(metadata, dataKey []byte) []byte {
	b := make([]byte, 0, 4+len(metadata)+len(dataKey))
	b = binary.BigEndian.AppendUint32(b, uint32(len(metadata)))
	return append(append(b, metadata...), dataKey...)
}

func splitBoxes(record []byte) (metadata, dataKey []byte, err error) {
	if len(record) < 4 {
		return nil, nil, envelope.ErrMalformed
	}
	n := uint64(binary.BigEndian.Uint32(record))
	if n > uint64(len(record)-4) {
		return nil, nil, envelope.ErrMalformed
	}
	return record[4 : 4+n], record[4+n:], nil
}

// revisionOf returns the header of a record: which epoch's mark it has, and at which revision it was written.
func revisionOf(kind Kind, record []byte) (envelope.Header, error) {
	switch kind {
	case KindSlot:
		s, err := envelope.DecodeSlot(record)
		if err != nil {
			return envelope.Header{}, err
		}
		return envelope.ParseHeader(s.Seal)
	case KindSecret, KindVersion:
		m, _, err := splitBoxes(record)
		if err != nil {
			return envelope.Header{}, err
		}
		return envelope.ParseHeader(m)
	}
	return envelope.ParseHeader(record)
}
