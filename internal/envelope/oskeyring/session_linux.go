package oskeyring

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"time"

	"github.com/godbus/dbus/v5"

	"tacit/internal/fault"
)

// secret is the structure (oayays) in which a key travels.
type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte // the IV
	Value       []byte
	ContentType string
}

// dhSize is the size in bytes of the group's numbers.
const dhSize = 128

// dhPrime is the Second Oakley Group (RFC 2409, section 6.2); its generator is 2. It is what the API has, and no more than a veil
// against who logs the bus: whoever can listen there can also ask the service.
const dhPrime = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"

// patience is how long a call may take: a user may have to type something.
func (k *Keyring) patience() time.Duration {
	if k.display() {
		return promptTime
	}
	return callTime
}

// session connects and agrees on a key for the conversation.
func (k *Keyring) session(ctx context.Context) (*connection, error) {
	c, err := k.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.agree(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *connection) agree() error {
	p, _ := new(big.Int).SetString(dhPrime, 16)
	scalar := make([]byte, dhSize)
	rand.Read(scalar)
	private := new(big.Int).SetBytes(scalar)
	public := new(big.Int).Exp(big.NewInt(2), private, p).FillBytes(make([]byte, dhSize))

	var answer dbus.Variant
	if err := c.call(root, iService+"OpenSession", []any{&answer, &c.path}, algorithm, dbus.MakeVariant(public)); err != nil {
		return explain(err, "open a session")
	}
	theirs, ok := answer.Value().([]byte)
	if !ok {
		return fault.New(fault.Unavailable, "keyring: open a session: malformed answer")
	}
	key, err := sessionKey(p, private, theirs)
	c.key = key
	return err
}

// sessionKey derives the AES key from both sides' numbers: HKDF-SHA256 without salt or info, 16 bytes.
func sessionKey(p, private *big.Int, theirs []byte) ([]byte, error) {
	y := new(big.Int).SetBytes(theirs)
	if one := big.NewInt(1); y.Cmp(one) <= 0 || y.Cmp(new(big.Int).Sub(p, one)) >= 0 {
		return nil, fault.New(fault.Unavailable, "keyring: open a session: malformed answer")
	}
	shared := new(big.Int).Exp(y, private, p).FillBytes(make([]byte, dhSize))
	return hkdf.Key(sha256.New, shared, nil, "", aes.BlockSize)
}

func (c *connection) seal(key []byte) (secret, error) {
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return secret{}, err
	}
	n := aes.BlockSize - len(key)%aes.BlockSize
	padded := append(bytes.Clone(key), bytes.Repeat([]byte{byte(n)}, n)...)
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return secret{c.path, iv, padded, contentsAs}, nil
}

func (c *connection) open(s secret) ([]byte, error) {
	malformed := fault.New(fault.Corrupted, "keyring: malformed key")
	if len(s.Parameters) != aes.BlockSize || len(s.Value) == 0 || len(s.Value)%aes.BlockSize != 0 {
		return nil, malformed
	}
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(s.Value))
	cipher.NewCBCDecrypter(block, s.Parameters).CryptBlocks(out, s.Value)
	n := int(out[len(out)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(out[len(out)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, malformed
	}
	return out[:len(out)-n], nil
}
