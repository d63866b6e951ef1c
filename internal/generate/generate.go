// Package generate makes secret values: uniform over their alphabet and as unpredictable as the source of randomness it is given.
//
// Uniform means that every value of a kind and length is equally likely. So there is no "at least one digit" rule, which would
// only make values rarer and guesses easier, and bytes that do not divide evenly among the characters are drawn again.
package generate

import (
	"encoding/hex"
	"io"
	"strings"

	"github.com/sethvargo/go-diceware/diceware"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// The kinds of value.
const (
	Alnum   = "alnum"   // letters and digits: 5.95 bits a character
	Symbols = "symbols" // letters, digits and punctuation that means nothing between double quotes in a shell: 6.46 bits a character
	Hex     = "hex"     // lower-case hexadecimal digits: 4 bits a character
	Base64  = "base64"  // the standard alphabet of RFC 4648: 6 bits a character; whole bytes when the length divides by 4
	Words   = "words"   // words of EFF's large list (diceware), joined by '-': 12.9 bits a word
	UUID    = "uuid"    // a version 4 UUID of RFC 9562: 122 bits
)

// MaxLength is the longest value in characters, or words.
const MaxLength = 1024

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

// Kinds returns every kind, in the order in which help names them.
func Kinds() []string { return []string{Alnum, Symbols, Hex, Base64, Words, UUID} }

// DefaultLength returns the length that a kind has when none is asked for.
func DefaultLength(kind string) int {
	switch kind {
	case Words:
		return 6 // 77 bits
	case UUID:
		return 36
	}
	return 32
}

// Value returns a new value of kind (empty: alnum) and length: characters, or words for kind words; 0 is the kind's default.
// It reads random, which must be crypto/rand.Reader but in tests. The error has class fault.Usage when there is no such kind
// or length, else it is that of random.
func Value(random io.Reader, kind string, length int) (secret.Value, error) {
	if kind == "" {
		kind = Alnum
	}
	if length == 0 {
		length = DefaultLength(kind)
	}
	if length < 1 || length > MaxLength {
		return secret.Value{}, fault.New(fault.Usage, "invalid length %d", length).WithFix("a length is 1 to %d", MaxLength)
	}
	switch kind {
	case Alnum:
		return pick(random, letters+digits, length)
	case Symbols:
		return pick(random, letters+digits+"#%&()*+,-./:;<=>?@[]^_{|}~", length)
	case Hex:
		return pick(random, "0123456789abcdef", length)
	case Base64:
		return pick(random, letters+digits+"+/", length)
	case Words:
		return words(random, length)
	case UUID:
		if length != DefaultLength(UUID) {
			return secret.Value{}, fault.New(fault.Usage, "a uuid has a length of its own").WithFix("leave out --length")
		}
		return uuid(random)
	}
	return secret.Value{}, fault.New(fault.Usage, "unknown kind of value %q", kind).WithFix("kinds are %s", strings.Join(Kinds(), ", "))
}

// pick draws length characters from an alphabet of 2 to 256 single-byte characters. A byte at or above the largest multiple of
// the alphabet's size is drawn again: taking it modulo the size would favour the first characters.
func pick(random io.Reader, alphabet string, length int) (secret.Value, error) {
	n := len(alphabet)
	bound := 256 - 256%n
	out := make([]byte, 0, length)
	var buf [64]byte
	defer clear(buf[:])
	for {
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			clear(out)
			return secret.Value{}, fault.Wrap(fault.Failed, err, "read randomness")
		}
		for _, b := range buf {
			if int(b) >= bound {
				continue
			}
			if out = append(out, alphabet[int(b)%n]); len(out) == length {
				return secret.New(out), nil
			}
		}
	}
}

// words draws each word independently, so a word may come twice: [diceware.Generator.Generate] would forbid it, which is less
// than uniform.
func words(random io.Reader, count int) (secret.Value, error) {
	list := diceware.WordListEffLarge()
	dice, err := diceware.NewGenerator(&diceware.GeneratorInput{WordList: list, RandReader: random})
	if err != nil {
		return secret.Value{}, fault.Wrap(fault.Failed, err, "generate words")
	}
	var out []byte
	for i := range count {
		roll, err := dice.RollWord(list.Digits())
		if err != nil {
			clear(out)
			return secret.Value{}, fault.Wrap(fault.Failed, err, "read randomness")
		}
		if i > 0 {
			out = append(out, '-')
		}
		out = append(out, list.WordAt(roll)...)
	}
	return secret.New(out), nil
}

func uuid(random io.Reader) (secret.Value, error) {
	var b [16]byte
	defer clear(b[:])
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return secret.Value{}, fault.Wrap(fault.Failed, err, "read randomness")
	}
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // the variant of RFC 9562
	out := make([]byte, 0, 36)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, part)
	}
	return secret.New(out), nil
}
