package mask

import (
	"encoding/binary"
	"math/bits"
)

// A filter finds the places where a pattern may begin, looking at few of the bytes between them: every pattern begins with one of
// its starts, all as long as the shortest pattern but at most 8 bytes.
//
// It looks at blocks of three bytes, so far apart that one of them lies within any start, and looks up only the starts that have
// such a block in that place. This is what Wu and Manber do in "A fast algorithm for multi-pattern searching" (TR-94-17,
// University of Arizona, 1994), but always as far on: so what is read next does not wait for what was read before.
type filter struct {
	length int     // of a start; 0 if there is nothing to skip, because a pattern is too short
	blocks []uint8 // by the hash of a block, one bit a place in the starts: whether it stands there in one
	shift  int     // makes a hash an index into blocks
	starts table   // the node of a start
	mask   uint64  // the bytes of a start among 8
	letter uint32  // the bits of a block that differ between the cases of a letter, if they are not to differ
}

const blockLength = 3

func newFilter(patterns [][]byte, anyCase bool) filter {
	f := filter{length: 8, shift: 32 - 12, starts: newTable(len(patterns))}
	for _, p := range patterns {
		f.length = min(f.length, len(p))
	}
	if f.length < blockLength {
		return filter{}
	}
	if anyCase {
		f.letter = 0x202020
	}
	f.mask = ^uint64(0) >> (64 - 8*f.length)
	for 1<<(32-f.shift) < 8*f.length*len(patterns) && f.shift > 32-15 { // as long as it is half of the first cache
		f.shift--
	}
	f.blocks = make([]uint8, 1<<(32-f.shift))
	return f
}

// add adds the start of a pattern, which leads to the node.
func (f *filter) add(start []byte, n int32) {
	var padded [reach]byte
	copy(padded[:], start)
	f.starts.set(f.key(padded[:]), n)
	for place := range f.length - blockLength + 1 {
		f.blocks[hash(binary.LittleEndian.Uint32(padded[place:]), f.letter, f.shift)] |= 1 << place
	}
}

// next returns where the next start in the text is, from the given place on, and its node; or, with node 0, the first place where
// one may begin of which not all can be seen.
func (f *filter) next(text []byte, at int) (int, int32) {
	blocks, shift, letter, last := f.blocks, f.shift, f.letter, f.length-blockLength // out of the loop: the compiler would not
	for ; at+reach <= len(text); at += last + 1 {
		places := blocks[hash(binary.LittleEndian.Uint32(text[at+last:]), letter, shift)]
		for places != 0 {
			place := bits.Len8(places) - 1
			places &^= 1 << place
			start := at + last - place
			if start+reach > len(text) {
				return start, 0
			}
			if n := f.starts.get(f.key(text[start:])); n != 0 {
				return start, n
			}
		}
	}
	return at, 0
}

// reach is how much text next must see: 8 bytes, and one because blocks are read as 4 bytes.
const reach = 9

// hash returns the index in blocks of the first three bytes of four.
func hash(four, letter uint32, shift int) uint32 {
	return (four&0xffffff | letter) * 0x9e3779b1 >> (shift & 31)
}

// key returns the start that the text, of 8 bytes or more, begins with, as it is compared.
func (f *filter) key(text []byte) uint64 {
	x := binary.LittleEndian.Uint64(text) & f.mask
	if f.letter != 0 {
		x = lower(x)
	}
	return x
}

// lower makes the ASCII capitals among 8 bytes small, all at once.
func lower(x uint64) uint64 {
	const ones = 0x0101010101010101
	low := x & (0x7f * ones)
	fromA := low + (0x80-'A')*ones // has the upper bit of a byte set if the rest of it is at least A
	pastZ := low + (0x7f-'Z')*ones // is greater than Z
	return x | (fromA&^pastZ&^x&(0x80*ones))>>2
}
