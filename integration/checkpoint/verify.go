// Package checkpoint verifies a log of tacit from the outside: with the log's files, a checkpoint that was kept elsewhere and the
// public key of the vault. It was written from docs/format.md and imports nothing of tacit; take it as a model for your own.
package checkpoint

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
)

// Verify returns nil if the log in dir has grown out of the one that the checkpoint was made of: its chain is whole, and has the
// record that the checkpoint names.
func Verify(dir, checkpoint, publicKey string) error {
	verifier, err := note.NewVerifier(publicKey)
	if err != nil {
		return err
	}
	signed, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	var name, known string
	var at uint64
	if _, err := fmt.Sscanf(signed.Text, "%s\n%d\n%s\n", &name, &at, &known); err != nil || name != verifier.Name() {
		return fmt.Errorf("not a checkpoint: %q", signed.Text)
	}
	seq, prev := uint64(0), make([]byte, 32)
	for n := 1; ; n++ {
		path := filepath.Join(dir, fmt.Sprintf("%06d.log", n))
		f, err := os.Open(path)
		if os.IsNotExist(err) {
			break
		}
		if err != nil {
			return err
		}
		defer f.Close()
		var line struct {
			Seq, First        uint64
			Vault, Prev, Hash string
			Ciphertext        []byte
		}
		lines := bufio.NewScanner(f)
		for head := true; lines.Scan(); head = false {
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Prev != hex.EncodeToString(prev) {
				return fmt.Errorf("%s: the line after record %d does not follow it", path, seq)
			}
			sum := sha256.Sum256(lines.Bytes())
			if head {
				if line.First != seq+1 || name != "tacit-audit-chain/"+line.Vault {
					return fmt.Errorf("%s: the header does not follow record %d", path, seq)
				}
				prev = sum[:]
				continue
			}
			seq++
			sum = sha256.Sum256(append(append(binary.BigEndian.AppendUint64(nil, seq), prev...), line.Ciphertext...))
			if prev = sum[:]; line.Seq != seq || line.Hash != hex.EncodeToString(prev) || seq == at && line.Hash != known {
				return fmt.Errorf("%s: record %d is not the one that was there", path, seq)
			}
		}
		if err := lines.Err(); err != nil {
			return err
		}
	}
	if seq < at {
		return fmt.Errorf("the log ends at record %d, and the checkpoint is of record %d", seq, at)
	}
	return nil
}
