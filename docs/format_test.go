package docs_test

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/fxamacker/cbor/v2"
	"go.etcd.io/bbolt"
	"golang.org/x/crypto/chacha20poly1305"
)

// TestFormatIsEnough reads a vault that tacit wrote with nothing but what format.md says. No package of tacit is imported here: if
// this test fails, the page is wrong or the format was changed without it.
func TestFormatIsEnough(t *testing.T) {
	home := t.TempDir()
	install(t, build(t), home)
	script := `
		export TACIT_DIR=$HOME/t
		tacit init --key-file $TACIT_DIR/identity.txt
		printf one | tacit set db.password --tag prod,db --note 'a note' --alias pg
		printf two | tacit set db.password
		printf for-shop | tacit set db.password --scope workspace/shop
		printf sealed-value | tacit set key --sealed --service openai
		tacit rotate-root
		printf three | tacit set db.password
		tacit audit checkpoint -o $HOME/checkpoint
		tacit get pg >/dev/null`
	if out, err := follow(home, false, script); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	v := openVault(t, filepath.Join(home, "t"))
	v.checkSlots(t)

	for _, want := range []struct {
		scope, name string
		version     uint32
		value       string
	}{
		{"global", "db.password", 3, "three"},
		{"global", "pg", 3, "three"},
		{"global", "db.password", 1, "one"},
		{"global", "db.password", 2, "two"},
		{"workspace/shop", "db.password", 1, "for-shop"},
		{"global", "key", 1, "sealed-value"},
	} {
		if got := v.value(t, want.scope, want.name, want.version); got != want.value {
			t.Errorf("%s in %s, version %d: %q, want %q", want.name, want.scope, want.version, got, want.value)
		}
	}
	v.checkAccumulators(t)
	v.checkLog(t)
	v.checkCheckpoint(t, filepath.Join(home, "checkpoint"))
}

// A reader is format.md in code.
type reader struct {
	dir     string
	records map[string][]byte
	vaultID string
	root    []byte
	slots   []slot
	anchor  anchor
	hashes  map[uint64]string // of the log's records, in hex
}

type slot struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Label       string    `json:"label,omitempty"`
	PostQuantum bool      `json:"post_quantum,omitempty"`
	Recipient   string    `json:"recipient,omitempty"`
	Path        string    `json:"path,omitempty"`
	Env         string    `json:"env,omitempty"`
	Plugin      string    `json:"plugin,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	Epoch       uint32    `json:"epoch"`
	Age         []byte    `json:"age"`
	Seal        []byte    `json:"seal"`
	Sum         []byte    `json:"sum"`
}

type anchor struct {
	Revision uint64            `cbor:"1,keyasint"`
	AuditSeq uint64            `cbor:"2,keyasint"`
	Audit    []byte            `cbor:"3,keyasint"`
	Sums     []accumulator     `cbor:"4,keyasint"`
	Header   []byte            `cbor:"6,keyasint"`
	Scopes   map[string]uint64 `cbor:"7,keyasint"`
	Epoch    uint32            `cbor:"8,keyasint"`
	Leaving  uint32            `cbor:"9,keyasint"`
}

type accumulator struct {
	_     struct{} `cbor:",toarray"`
	Count uint64
	XOR   []byte
}

// metadata holds what this reader needs of it.
type metadata struct {
	Name    string   `cbor:"1,keyasint"`
	Scope   string   `cbor:"2,keyasint"`
	Sealed  bool     `cbor:"3,keyasint"`
	Pin     string   `cbor:"4,keyasint"`
	Tags    []string `cbor:"5,keyasint"`
	Aliases []string `cbor:"6,keyasint"`
	Note    string   `cbor:"9,keyasint"`
	Version uint32   `cbor:"14,keyasint"`
}

// "The engine" and "Slots".
func openVault(t *testing.T, dir string) *reader {
	t.Helper()
	v := &reader{dir: dir, records: map[string][]byte{}}
	db, err := bbolt.Open(filepath.Join(dir, "vault.db"), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("tacit")).ForEach(func(key, value []byte) error {
			v.records[string(key)] = bytes.Clone(value)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Format  int    `json:"format"`
		VaultID string `json:"vault_id"`
	}
	if err := json.Unmarshal(v.records["h"], &header); err != nil || header.Format != 1 {
		t.Fatalf("header %s: %v", v.records["h"], err)
	}
	v.vaultID = header.VaultID

	file, err := os.ReadFile(filepath.Join(dir, "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range v.keys('s') {
		var s slot
		if err := json.Unmarshal(v.records[key], &s); err != nil || s.ID != key[1:] {
			t.Fatalf("slot %q: %v", key, err)
		}
		v.slots = append(v.slots, s)
		plain, err := age.Decrypt(bytes.NewReader(s.Age), identities...)
		if err != nil {
			t.Fatalf("slot %s: %v", s.ID, err)
		}
		if v.root, err = io.ReadAll(plain); err != nil || len(v.root) != 32 {
			t.Fatalf("slot %s: the root key has %d bytes: %v", s.ID, len(v.root), err)
		}
	}
	p := v.open(t, v.subkey("wrap"), v.records["a"], "anchor", "a")
	if err := cbor.Unmarshal(p, &v.anchor); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(v.records["h"]); !bytes.Equal(sum[:], v.anchor.Header) || v.anchor.Epoch != 2 || v.anchor.Leaving != 0 {
		t.Errorf("anchor: %+v", v.anchor)
	}
	return v
}

// keys lists the engine keys of a kind.
func (v *reader) keys(kind byte) []string {
	var all []string
	for key := range v.records {
		if key[0] == kind {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

// "Keys".
func (v *reader) subkey(label string) []byte {
	k, err := hkdf.Key(sha256.New, v.root, []byte(v.vaultID), "tacit/1 "+label, 32)
	if err != nil {
		panic(err)
	}
	return k
}

func field(b string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(b)))) + b }

func fields(all ...string) (s string) {
	for _, f := range all {
		s += field(f)
	}
	return s
}

// "Boxes".
func (v *reader) open(t *testing.T, key, box []byte, kind, engineKey string, more ...string) []byte {
	t.Helper()
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	if len(box) < 13+24+16 || box[0] != 1 {
		t.Fatalf("%s: no box: %x", kind, box)
	}
	ad := fields("tacit/1", v.vaultID, kind, engineKey) + fields(more...) + string(box[:13])
	p, err := aead.Open(nil, box[13:37], box[37:], []byte(ad))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	n := int(binary.BigEndian.Uint32(p))
	if len(p) != padded(4+n) || len(bytes.Trim(p[4+n:], "\x00")) != 0 {
		t.Errorf("%s: %d bytes are padded to %d", kind, n, len(p))
	}
	return p[4 : 4+n]
}

// padded is the Padmé length, found the slow way: the next length whose last E − S bits are zero.
func padded(n int) int {
	e := len(strconv.FormatInt(int64(n), 2)) - 1
	s := len(strconv.FormatInt(int64(e), 2))
	for n%(1<<max(e-s, 0)) != 0 {
		n++
	}
	return n
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// "Slots": seal and sum.
func (v *reader) checkSlots(t *testing.T) {
	t.Helper()
	for _, s := range v.slots {
		flag := "\x00"
		if s.PostQuantum {
			flag = "\x01"
		}
		digest := sha256.Sum256([]byte(fields(s.ID, s.Kind, s.Label, flag, s.Recipient, s.Path, s.Env, s.Plugin,
			s.CreatedAt.UTC().Format(time.RFC3339Nano), string(binary.BigEndian.AppendUint32(nil, s.Epoch)), string(s.Age))))
		if got := v.open(t, v.subkey("wrap"), s.Seal, "slot", s.ID); !bytes.Equal(got, digest[:]) {
			t.Errorf("slot %s: the seal is of something else", s.ID)
		}
		stored := v.records["s"+s.ID]
		bare := bytes.Replace(stored, []byte(base64.StdEncoding.EncodeToString(s.Sum)), nil, 1)
		if sum := sha256.Sum256(bare); !bytes.Equal(sum[:], s.Sum) {
			t.Errorf("slot %s: the sum does not match", s.ID)
		}
	}
	if len(v.slots) == 0 {
		t.Error("no slots")
	}
}

// "Finding a name" and "Secrets".
func (v *reader) value(t *testing.T, scope, name string, version uint32) string {
	t.Helper()
	key := "i" + string(binary.BigEndian.AppendUint32(nil, v.anchor.Epoch)) + string(mac(v.subkey("index"), fields(scope, name)))
	box, ok := v.records[key]
	if !ok {
		t.Errorf("%s is not in %s", name, scope)
		return ""
	}
	id := string(v.open(t, v.subkey("wrap"), box, "index", key))
	m, dataKey := v.metadata(t, "m"+id, "secret")
	if m.Scope != scope || m.Name != name && !slices.Contains(m.Aliases, name) {
		t.Errorf("%s in %s leads to %s in %s", name, scope, m.Name, m.Scope)
	}
	number := string(binary.BigEndian.AppendUint32(nil, version))
	if m.Version != version {
		m, dataKey = v.metadata(t, "w"+id+number, "version")
	}
	if m.Version != version {
		t.Errorf("%s: version %d, want %d", name, m.Version, version)
	}
	exposure := "readable"
	if m.Sealed {
		exposure = "sealed"
	}
	printed := "s_" + base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).EncodeToString([]byte(id))
	place, more := "v"+id+number, []string{printed, fmt.Sprint(version), m.Scope, exposure, m.Pin}
	k := v.open(t, v.subkey("wrap"), dataKey, "data key", place, more...)
	return string(v.open(t, k, v.records[place], "value", place, more...))
}

func (v *reader) metadata(t *testing.T, key, kind string) (m metadata, dataKey []byte) {
	t.Helper()
	record := v.records[key]
	if len(record) < 4 {
		t.Fatalf("no record of kind %s", kind)
	}
	n := 4 + binary.BigEndian.Uint32(record)
	if err := cbor.Unmarshal(v.open(t, v.subkey("wrap"), record[4:n], kind, key), &m); err != nil {
		t.Fatal(err)
	}
	return m, record[n:]
}

// "The anchor".
func (v *reader) checkAccumulators(t *testing.T) {
	t.Helper()
	for i, kind := range "skimwvlp" {
		var count uint64
		xor := make([]byte, 32)
		for _, key := range v.keys(byte(kind)) {
			box := v.records[key]
			switch kind {
			case 's':
				for _, s := range v.slots {
					if s.ID == key[1:] {
						box = s.Seal
					}
				}
			case 'm', 'w':
				box = box[4:]
			}
			count++
			for j, b := range mac(v.subkey("mark"), string(box[5:13])+key) {
				xor[j] ^= b
			}
		}
		if want := v.anchor.Sums[i]; count != want.Count || !bytes.Equal(xor, want.XOR) {
			t.Errorf("kind %c: %d records, %x; the anchor says %d, %x", kind, count, xor, want.Count, want.XOR)
		}
	}
}

// "The audit log" and "Epochs".
func (v *reader) checkLog(t *testing.T) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(v.dir, "audit", "*.log"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	prev, seq := make([]byte, 32), uint64(0)
	v.hashes = map[uint64]string{}
	var actions []string
	for _, name := range segments {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		var header struct {
			Vault string
			Epoch uint32
			First uint64
			Prev  string
		}
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &header) != nil || header.Vault != v.vaultID || header.First != seq+1 || header.Prev != hex.EncodeToString(prev) {
			t.Fatalf("%s: header %s", name, lines.Text())
		}
		sum := sha256.Sum256(lines.Bytes())
		prev = sum[:]
		key := v.auditKey(t, header.Epoch)
		for lines.Scan() {
			var line struct {
				Seq        uint64
				Prev, Hash string
				Ciphertext []byte
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			seq++
			number := string(binary.BigEndian.AppendUint64(nil, seq))
			hash := sha256.Sum256([]byte(number + string(prev) + string(line.Ciphertext)))
			if line.Seq != seq || line.Prev != hex.EncodeToString(prev) || line.Hash != hex.EncodeToString(hash[:]) {
				t.Fatalf("record %d does not follow: %s", seq, lines.Text())
			}
			p, err := key.Open(nil, line.Ciphertext[:24], line.Ciphertext[24:], []byte(fields("tacit/1", v.vaultID, "audit", number, string(prev))))
			if err != nil || len(p)%64 != 0 {
				t.Fatalf("record %d: %d bytes, %v", seq, len(p), err)
			}
			var record struct{ Stage, Action string }
			if err := json.Unmarshal(p, &record); err != nil {
				t.Fatal(err)
			}
			actions = append(actions, record.Stage+" "+record.Action)
			prev, v.hashes[seq] = hash[:], line.Hash
			if seq == v.anchor.AuditSeq && !bytes.Equal(prev, v.anchor.Audit) {
				t.Errorf("record %d is not the one that the anchor remembers", seq)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if seq < v.anchor.AuditSeq || !strings.HasPrefix(actions[0], "intent ") || !strings.HasPrefix(actions[1], "outcome ") {
		t.Errorf("the anchor remembers record %d; the log has %q", v.anchor.AuditSeq, actions)
	}
}

// "About the log" and "Checkpoints", with no library but the standard one.
func (v *reader) checkCheckpoint(t *testing.T, file string) {
	t.Helper()
	note, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, signature, ok := strings.Cut(string(note), "\n\n")
	text += "\n"
	lines := strings.Split(text, "\n")
	name := "tacit-audit-chain/" + v.vaultID
	if !ok || len(lines) != 4 || lines[0] != name {
		t.Fatalf("no checkpoint: %q", note)
	}
	seq, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || lines[2] != v.hashes[seq] || lines[2] == "" {
		t.Errorf("the checkpoint is of another log: %q", lines)
	}
	seed := v.open(t, v.subkey("wrap"), v.records["lkey"], "log", "lkey")
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	encoded, ok := strings.CutPrefix(signature, "— "+name+" ")
	sig, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, "\n"))
	if !ok || err != nil || len(sig) != 4+ed25519.SignatureSize {
		t.Fatalf("no signature: %q, %v", signature, err)
	}
	hash := sha256.Sum256([]byte(name + "\n\x01" + string(public)))
	if !bytes.Equal(sig[:4], hash[:4]) || !ed25519.Verify(public, []byte(text), sig[4:]) {
		t.Error("the signature does not verify")
	}
	var last struct {
		At int64 `cbor:"1,keyasint"`
	}
	if err := cbor.Unmarshal(v.open(t, v.subkey("wrap"), v.records["lcheckpoint"], "log", "lcheckpoint"), &last); err != nil || time.Since(time.UnixMilli(last.At)) > time.Hour {
		t.Errorf("the last checkpoint was made at %d: %v", last.At, err)
	}
}

func (v *reader) auditKey(t *testing.T, epoch uint32) cipher.AEAD {
	t.Helper()
	key := v.subkey("audit")
	if epoch != v.anchor.Epoch {
		place := "k" + string(binary.BigEndian.AppendUint32(nil, epoch))
		if key = v.open(t, v.subkey("wrap"), v.records[place], "epoch", place); len(key) != 32 {
			t.Fatalf("epoch %d: %d bytes are kept", epoch, len(key))
		}
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}
