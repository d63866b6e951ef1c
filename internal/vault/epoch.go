package vault

import (
	"encoding/binary"
	"fmt"

	"tacit/internal/engine"
	"tacit/internal/envelope"
)

// readEpochs completes the keyring with what is kept of epochs before the current one.
func (v *Vault) readEpochs(s engine.Snapshot) error {
	current := v.ring.Current()
	return s.Scan([]byte{byte(KindEpoch)}, nil, func(key, box []byte) error {
		if len(key) != len(epochKey(0)) {
			return damaged(KindEpoch, "", envelope.ErrMalformed)
		}
		epoch := binary.BigEndian.Uint32(key[1:])
		past, err := current.OpenPast(v.bind(KindEpoch, key), box, v.header.VaultID, epoch)
		if err != nil {
			return damaged(KindEpoch, fmt.Sprintf("epoch %d", epoch), err)
		}
		v.audits[epoch] = past.Audit
		if past.Keys != nil {
			v.ring = envelope.NewKeyring(current, past.Keys)
		}
		return nil
	})
}
