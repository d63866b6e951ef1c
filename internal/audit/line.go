package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
)

// maxLine bounds a line, with its newline, in bytes.
const maxLine = 64 << 10

// hexDigits are the digits of every hexadecimal number in a log.
const hexDigits = "0123456789abcdef"

// header is the first line of a segment.
type header struct {
	Vault string
	Epoch uint32
	First uint64         // seq of the segment's first record
	Prev  [HashSize]byte // hash of the last record of the segment before
}

func (h header) append(b []byte) []byte {
	b = append(b, `{"tacit":"audit","format":1,"vault":"`...)
	b = append(b, h.Vault...)
	b = append(b, `","epoch":`...)
	b = strconv.AppendUint(b, uint64(h.Epoch), 10)
	b = append(b, `,"first":`...)
	b = strconv.AppendUint(b, h.First, 10)
	b = append(b, `,"prev":"`...)
	b = appendHex(b, h.Prev[:])
	return append(b, '"', '}', '\n')
}

// line is one record as it stands in a segment.
type line struct {
	Head   // seq and hash
	prev   [HashSize]byte
	hashed []byte // what the hash is over: room for seq and prev, then the ciphertext, which begins with its nonce
}

// hashedSize is the length of what stands before the ciphertext in what the hash is over.
const hashedSize = 8 + HashSize

func (l *line) ciphertext() []byte { return l.hashed[hashedSize:] }

// sum computes what the hash must be.
func (l *line) sum() [HashSize]byte {
	binary.BigEndian.PutUint64(l.hashed, l.Seq)
	copy(l.hashed[8:], l.prev[:])
	return sha256.Sum256(l.hashed)
}

// append writes the line of a record and its newline.
func (l *line) append(b []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, l.Seq, 10)
	b = append(b, `,"prev":"`...)
	b = appendHex(b, l.prev[:])
	b = append(b, `","ciphertext":"`...)
	b = base64.StdEncoding.AppendEncode(b, l.ciphertext())
	b = append(b, `","hash":"`...)
	b = appendHex(b, l.Hash[:])
	return append(b, '"', '}', '\n')
}

// parser reads lines. There is exactly one way to write a line, so that no byte can change unnoticed: other spellings that
// JSON, hex or base64 would allow are refused.
type parser struct {
	base64 *base64.Encoding
	hashed []byte // of the last line; reused
}

func newParser() *parser {
	return &parser{base64: base64.StdEncoding.Strict(), hashed: make([]byte, hashedSize, 1024)}
}

// record parses a line without its newline. The ciphertext is valid until the next call.
func (p *parser) record(b []byte) (l line, ok bool) {
	c := cursor{b: b}
	c.literal(`{"seq":`)
	l.Seq = c.number(math.MaxUint64)
	c.literal(`,"prev":"`)
	c.hash(&l.prev)
	c.literal(`","ciphertext":"`)
	encoded := c.quoted()
	c.literal(`","hash":"`)
	c.hash(&l.Hash)
	c.literal(`"}`)
	if !c.whole() || bytes.IndexByte(encoded, '\r') >= 0 { // which encoding/base64 ignores
		return line{}, false
	}
	var err error
	p.hashed, err = p.base64.AppendDecode(p.hashed[:hashedSize], encoded)
	l.hashed = p.hashed
	return l, err == nil && l.Seq > 0
}

// parseHeader parses a header's line without its newline. newer reports that it is of a later format.
func parseHeader(b []byte) (h header, newer, ok bool) {
	c := cursor{b: b}
	c.literal(`{"tacit":"audit","format":`)
	if c.number(math.MaxUint32) > 1 {
		return header{}, true, false
	}
	c.i = 0
	c.header(&h)
	return h, false, c.whole() && h.First > 0 && validVault(h.Vault)
}

// torn reports whether b, which no newline follows, is what a writer that died leaves: the beginning of a line, or something
// with NUL bytes in it, which stand where a disk lost what was not yet synced.
func torn(b []byte) bool {
	record, head := cursor{b: b}, cursor{b: b}
	record.literal(`{"seq":`)
	record.number(math.MaxUint64)
	record.literal(`,"prev":"`)
	record.hash(new([HashSize]byte))
	record.literal(`","ciphertext":"`)
	record.quoted()
	record.literal(`","hash":"`)
	record.hash(new([HashSize]byte))
	record.literal(`"}`)
	head.header(new(header))
	begins := record.short || record.whole() || head.short || head.whole()
	return begins && len(b) < maxLine || bytes.IndexByte(b, 0) >= 0
}

// validVault: an id that stands in a header as it is.
func validVault(id string) bool {
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return id != "" && len(id) <= 128
}

// cursor walks through a line. After the first thing that is not as it must be it does nothing more.
type cursor struct {
	b     []byte
	i     int
	bad   bool
	short bool // the line ended before something was wrong
}

func (c *cursor) whole() bool { return !c.bad && !c.short && c.i == len(c.b) }

func (c *cursor) header(h *header) {
	c.literal(`{"tacit":"audit","format":1,"vault":"`)
	h.Vault = string(c.quoted())
	c.literal(`","epoch":`)
	h.Epoch = uint32(c.number(math.MaxUint32))
	c.literal(`,"first":`)
	h.First = c.number(math.MaxUint64)
	c.literal(`,"prev":"`)
	c.hash(&h.Prev)
	c.literal(`"}`)
}

func (c *cursor) literal(s string) {
	if c.bad || c.short {
		return
	}
	rest := c.b[c.i:]
	n := min(len(rest), len(s))
	switch {
	case string(rest[:n]) != s[:n]:
		c.bad = true
	case n < len(s):
		c.short = true
	default:
		c.i += n
	}
}

// number reads a decimal number without leading zeros.
func (c *cursor) number(limit uint64) (n uint64) {
	start := c.i
	for !c.bad && !c.short {
		if c.i == len(c.b) {
			c.short = true
			return 0
		}
		d := c.b[c.i] - '0'
		if d > 9 {
			break
		}
		if n > limit/10 || n*10 > limit-uint64(d) || c.i > start && n == 0 {
			c.bad = true
			return 0
		}
		n = n*10 + uint64(d)
		c.i++
	}
	c.bad = c.bad || c.i == start && !c.short
	return n
}

// hash reads 64 lower-case hexadecimal digits.
func (c *cursor) hash(h *[HashSize]byte) {
	if c.bad || c.short {
		return
	}
	rest := c.b[c.i:]
	if len(rest) < 2*HashSize {
		c.short = true
		return
	}
	for i := range h {
		high, low := nibble(rest[2*i]), nibble(rest[2*i+1])
		if high|low > 15 {
			c.bad = true
			return
		}
		h[i] = high<<4 | low
	}
	c.i += 2 * HashSize
}

// quoted returns what stands before the next quote.
func (c *cursor) quoted() []byte {
	if c.bad || c.short {
		return nil
	}
	n := bytes.IndexByte(c.b[c.i:], '"')
	if n < 0 {
		c.short = true
		return nil
	}
	c.i += n
	return c.b[c.i-n : c.i]
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func appendHex(b, v []byte) []byte {
	for _, c := range v {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// headerHash is what the first record of a segment has as prev, from the header's line with its newline.
func headerHash(b []byte) [HashSize]byte { return sha256.Sum256(b[:len(b)-1]) }
