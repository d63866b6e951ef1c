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
	segments, err := filepath.Glob(filepath.Join(dir, "*.log")) // sorted, up to a million of them
	if err != nil {
		return err
	}
	seq, prev := uint64(0), make([]byte, 32)
	for i, path := range segments {
		f, err := os.Open(path)
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
		lines.Buffer(nil, 1<<17)
		for head := true; lines.Scan(); head = false {
			err := json.Unmarshal(lines.Bytes(), &line)
			if err == nil && i == 0 && head && line.First > 1 { // old segments were pruned, if a note says so
				seq, prev, err = pruned(dir, verifier, line.First, line.Prev)
				if err == nil && (seq > at || seq == at && line.Prev != known) {
					err = fmt.Errorf("record %d was pruned, or is not the one that was there", at)
				}
			}
			if err != nil {
				return err
			}
			if line.Prev != hex.EncodeToString(prev) {
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

// pruned returns the place after which the log begins, if the vault has signed that it may.
func pruned(dir string, verifier note.Verifier, first uint64, prev string) (uint64, []byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, "pruned.note"))
	if err != nil {
		return 0, nil, err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return 0, nil, err
	}
	var name, hash string
	var upTo uint64
	if _, err := fmt.Sscanf(signed.Text, "%s\n%d\n%s\n", &name, &upTo, &hash); err != nil || name != verifier.Name()+"/pruned" {
		return 0, nil, fmt.Errorf("not a note of what was pruned: %q", signed.Text)
	}
	if first-1 > upTo || first-1 == upTo && prev != hash {
		return 0, nil, fmt.Errorf("the log begins with record %d, and was pruned up to %d only", first, upTo)
	}
	begin, err := hex.DecodeString(prev)
	return first - 1, begin, err
}
