package mask

import "encoding/binary"

// A filter skips text in which no pattern begins, without looking at every byte.
//
// Every pattern has a length of width+2 bytes or more. So of any width consecutive places that are looked at as blocks of three
// bytes, one block lies within the first width+2 bytes of a pattern that begins...
type filter struct {
	width int      // 0 if there is a pattern so short that nothing can be skipped
	bits  []uint64 // by the hash of a block: whether it stands among the first width+2 bytes of a pattern
	shift int      // the hash is what is left of the product after it
	fold  uint32   // what is set in every block, so that letters are equal in either case; 0 if they are not
}

const (
	blockLen = 3
	maxWidth = 8
)

func newFilter(patterns [][]byte, anyCase bool) filter {
	f := filter{width: maxWidth}
	if anyCase {
		f.fold = 0x202020
	}
	for _, p := range patterns {
		f.width = min(f.width, max(0, len(p)-blockLen+1))
	}
	size := 12
	for 1<<size < 32*f.width*len(patterns) && size < 18 {
		size++
	}
	f.shift = 32 - size
	f.bits = make([]uint64, 1<<size/64)
	for _, p := range patterns {
		for i := range f.width {
			h := f.hash(uint32(p[i]) | uint32(p[i+1])<<8 | uint32(p[i+2])<<16)
			f.bits[h/64] |= 1 << (h % 64)
		}
	}
	return f
}

func (f *filter) hash(block uint32) uint32 {
	return (block&0xffffff | f.fold) * 0x9e3779b1 >> f.shift
}

// skip returns the first place at or after the one given where a pattern may begin.
func (f *filter) skip(text []byte, at int) int {
	if f.width == 0 {
		return at
	}
	width, shift, fold, bits := f.width, f.shift&31, f.fold, f.bits
	last := width - 1
	for at+last+4 <= len(text) {
		h := (binary.LittleEndian.Uint32(text[at+last:])&0xffffff | fold) * 0x9e3779b1 >> shift
		if bits[h/64]>>(h%64)&1 != 0 {
			break
		}
		at += width
	}
	return at
}
