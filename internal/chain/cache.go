package chain

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"tacit/internal/provider"
	"tacit/internal/secret"
)

// Cache says where, and for how long, answers of stores are kept after the run. Why it is done like this is in
// docs/decisions/0034-answers-of-stores-are-kept-in-sealed-files.md.
type Cache struct {
	Dir    string         // empty: nowhere
	TTL    time.Duration  // of providers that say none themselves; 0: nothing is kept
	MaxAge *time.Duration // nothing older is ever used, not even offline; 0: nothing at all; nil: a day
}

const (
	defaultMaxAge = 24 * time.Hour
	maxEntry      = 256 << 10 // of a file, in bytes: a value of 64 KiB with all that is around it
)

// box is the cache as who has its key sees it.
type box struct {
	dir     string
	names   []byte // key of the names of files
	values  cipher.AEAD
	pruned  bool
	maxAge  time.Duration
	present func() time.Time
}

// open returns the cache under a key that the keeper gave; nil: there is none.
func (c *Chain) open(key []byte) *box {
	if c.opts.Cache.Dir == "" || len(key) != chacha20poly1305.KeySize {
		return nil
	}
	defer clear(key)
	aead, err := chacha20poly1305.NewX(derive(key, "seal"))
	if err != nil {
		return nil
	}
	return &box{dir: c.opts.Cache.Dir, names: derive(key, "name"), values: aead, maxAge: c.hardAge(), present: c.opts.World.Now}
}

func (c *Chain) hardAge() time.Duration {
	if c.opts.Cache.MaxAge != nil {
		return *c.opts.Cache.MaxAge
	}
	return defaultMaxAge
}

func derive(key []byte, label string, more ...[]byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(label))
	for _, b := range more {
		m.Write(b)
	}
	return m.Sum(nil)
}

// An entry is what a file holds, sealed, bound to the place that it was made for.
type entry struct {
	At        time.Time `json:"at"`
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	Value     []byte    `json:"value"`
	Tags      []string  `json:"tags"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// A place is what an answer is bound to.
type place struct {
	of      []byte // the provider as it is configured
	name    string
	version string
}

func (p place) secret() []byte { return append(append([]byte{}, p.of...), p.name...) } // of one length, then of any

func (p place) bytes() []byte { return append(append(p.secret(), 0), p.version...) } // a name holds no zero

// file is where the answer of a place is. Files of one secret begin alike.
func (b *box) file(p place) string {
	return filepath.Join(b.dir, b.prefix(p)+hex.EncodeToString(derive(b.names, "version", p.bytes())[:16]))
}

func (b *box) prefix(p place) string {
	return hex.EncodeToString(derive(b.names, "secret", p.secret())[:16]) + "-"
}

// load returns what a place answered, and when. What is damaged, too old, or from the future is not there.
func (b *box) load(p place, limit time.Duration) (item provider.Item, at time.Time, ok bool) {
	sealed, err := os.ReadFile(b.file(p))
	if err != nil || len(sealed) > maxEntry || len(sealed) < chacha20poly1305.NonceSizeX {
		return item, at, false
	}
	nonce, text := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	plain, err := b.values.Open(text[:0], nonce, text, p.bytes())
	if err != nil {
		return item, at, false
	}
	defer clear(plain)
	var e entry
	if json.Unmarshal(plain, &e) != nil || len(e.Value) == 0 {
		return item, at, false
	}
	if age := b.present().Sub(e.At); age < 0 || age >= min(limit, b.maxAge) {
		clear(e.Value)
		return item, at, false
	}
	return provider.Item{
		Name: e.Name, Version: e.Version, Value: secret.New(e.Value), Tags: e.Tags, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, ExpiresAt: e.ExpiresAt,
	}, e.At, true
}

// keep writes an answer. That it cannot be is no failure of who asked.
func (b *box) keep(p place, item provider.Item, at time.Time) error {
	plain, err := json.Marshal(entry{
		At: at, Name: item.Name, Version: item.Version, Value: item.Value.Reveal(), Tags: item.Tags,
		CreatedAt: item.CreatedAt, UpdatedAt: item.UpdatedAt, ExpiresAt: item.ExpiresAt,
	})
	if err != nil {
		return err
	}
	defer clear(plain)
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	b.prune()
	f, err := os.CreateTemp(b.dir, "new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b.values.Seal(nonce, nonce, plain, p.bytes()))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), b.file(p))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// drop removes every version of a secret, which is about to be different.
func (b *box) drop(p place) {
	files, err := os.ReadDir(b.dir)
	if err != nil {
		return
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), b.prefix(p)) {
			_ = os.Remove(filepath.Join(b.dir, f.Name()))
		}
	}
}

// prune removes, once a run, what nobody may use any more.
func (b *box) prune() {
	if b.pruned {
		return
	}
	b.pruned = true
	files, err := os.ReadDir(b.dir)
	if err != nil {
		return
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && b.present().Sub(info.ModTime()) > b.maxAge {
			_ = os.Remove(filepath.Join(b.dir, f.Name()))
		}
	}
}
