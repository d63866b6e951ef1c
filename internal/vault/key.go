package vault

import (
	"crypto/sha256"
	"encoding/binary"
)

// Kind is the first byte of an engine key: what kind of record it is.
type Kind byte

// The kinds of records.
const (
	KindHeader  Kind = 'h'
	KindAnchor  Kind = 'a'
	KindSlot    Kind = 's'
	KindEpoch   Kind = 'k'
	KindIndex   Kind = 'i'
	KindSecret  Kind = 'm'
	KindVersion Kind = 'w'
	KindValue   Kind = 'v'
	KindLog     Kind = 'l'
	KindAccess  Kind = 'p'
	KindBroker  Kind = 'b'

	// kindDataKey has no engine key of its own: a data key rides with its version's metadata.
	kindDataKey Kind = 'd'
)

// accumulated are the kinds that the anchor keeps an accumulator and a count of, in the order in which it stores them.
// New kinds are added at the end.
var accumulated = [...]Kind{KindSlot, KindEpoch, KindIndex, KindSecret, KindVersion, KindValue, KindLog, KindAccess, KindBroker}

// String returns the kind's name in bindings and messages.
func (k Kind) String() string {
	switch k {
	case KindHeader:
		return "header"
	case KindAnchor:
		return "anchor"
	case KindSlot:
		return "slot"
	case KindEpoch:
		return "epoch"
	case KindIndex:
		return "index"
	case KindSecret:
		return "secret"
	case KindVersion:
		return "version"
	case KindValue:
		return "value"
	case KindLog:
		return "log"
	case KindAccess:
		return "access"
	case KindBroker:
		return "broker"
	case kindDataKey:
		return "data key"
	}
	return "unknown"
}

func headerKey() []byte { return []byte{byte(KindHeader)} }
func anchorKey() []byte { return []byte{byte(KindAnchor)} }

func slotKey(id string) []byte { return append([]byte{byte(KindSlot)}, id...) }

func epochKey(epoch uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(KindEpoch)}, epoch)
}

func indexKey(epoch uint32, hash [sha256.Size]byte) []byte {
	k := make([]byte, 0, 1+4+sha256.Size)
	k = binary.BigEndian.AppendUint32(append(k, byte(KindIndex)), epoch)
	return append(k, hash[:]...)
}

func secretKey(id ID) []byte {
	return append(append(make([]byte, 0, 1+len(id)), byte(KindSecret)), id[:]...)
}

func versionKey(id ID, version int) []byte { return versioned(KindVersion, id, version) }
func valueKey(id ID, version int) []byte   { return versioned(KindValue, id, version) }

func versioned(k Kind, id ID, version int) []byte {
	b := append(append(make([]byte, 0, 1+len(id)+4), byte(k)), id[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(version))
}
