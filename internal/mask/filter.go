package mask

import (
	"encoding/binary"
	"math/bits"
)

// A filter finds the places where a pattern of either automaton may begin, looking at few of the bytes between them: every pattern
// begins with one of its starts, all as long as the shortest pattern but at most 16 bytes.
//
// It looks at blocks of four bytes (three if the starts are short), so far apart that one of them lies within any start, and looks up
// only the starts that have such a block in that place. This is what Wu and Manber do in "A fast algorithm for multi-pattern searching"
// (TR-94-17, University of Arizona, 1994), but always as far on: so what is read next does not wait for what was read before. Blocks
// are compared without regard to case, so that one look serves both automata.
type filter struct {
	length int      // of a start; 0 if there is nothing to skip, because a pattern is too short
	key    int      // how many bytes of a start are looked up: all, but at most 8
	last   int      // the last place of a block in a start
	block  uint32   // the bytes of a block among four
	places []uint16 // by the hash of a block, one bit a place in the starts: whether it stands there in one
	shift  int      // makes a hash an index into places
	nodes  [2]table // of each automaton, the node of a key
}

// A start is what patterns begin with: as many bytes as the filter looks for, as they are compared, and the node of its key.
type start struct {
	text [longestStart]byte
	node int32
}

const (
	longestStart = 16
	longestKey   = 8
)

// startLength returns the length of the starts of patterns whose shortest is so long, and how many bytes of one are its key; 0 if the
// patterns are too short for a filter.
func startLength(shortest int) (length, key int) {
	if shortest < 3 {
		return 0, 0
	}
	return min(shortest, longestStart), min(shortest, longestKey)
}

func newFilter(length, key int, starts [2][]start) filter {
	if length == 0 {
		return filter{}
	}
	f := filter{length: length, key: key, block: 0xffffffff, last: length - 4, shift: 32 - 12}
	if length < 8 {
		f.block, f.last = 0xffffff, length-3
	}
	for count := (f.last + 1) * (len(starts[0]) + len(starts[1])); 1<<(32-f.shift) < 16*count && f.shift > 32-15; { // 64 KiB
		f.shift--
	}
	f.places = make([]uint16, 1<<(32-f.shift))
	for i, of := range starts {
		f.nodes[i] = newTable(len(of))
		for _, s := range of {
			f.nodes[i].set(f.keyOf(s.text[:]), s.node)
			var padded [longestStart + 1]byte // a block is read as four bytes
			copy(padded[:], s.text[:])
			for place := range f.last + 1 {
				f.places[f.hash(binary.LittleEndian.Uint32(padded[place:]))] |= 1 << place
			}
		}
	}
	return f
}

// hash returns the index in places of the block that four bytes begin with.
func (f *filter) hash(four uint32) uint32 { return hash(four, f.block, f.shift) }

func hash(four, block uint32, shift int) uint32 {
	return (four | 0x20202020) & block * 0x9e3779b1 >> (shift & 31)
}

// keyOf returns the key of the start that the text, of 8 bytes or more, begins with.
func (f *filter) keyOf(text []byte) uint64 {
	return binary.LittleEndian.Uint64(text) & (^uint64(0) >> (64 - 8*f.key))
}

// seen returns how many places in a text of so many bytes, from its beginning, are looked at: not the last, of which a start may not be
// seen to its end.
func (f *filter) seen(length int) int {
	if f.length == 0 {
		return 0
	}
	return max(0, length-max(f.last+4, longestKey)+1)
}

// A search is what a filter finds in one text.
type search struct {
	*filter
	text  []byte
	seen  int
	done  int    // what begins before this place is found
	left  uint16 // the places that the block which was read last stands for, but for those that were looked at
	block int    // where it is
}

func (f *filter) search(text []byte) search {
	return search{filter: f, text: text, seen: f.seen(len(text))}
}

// next returns where the next start is, and of each automaton the node of it, 0 if it has none; only of those is it asked for that are
// not in a pattern there, as from says: up to where. ok is false if there is none.
func (s *search) next(from *[2]int) (at int, nodes [2]int32, ok bool) {
	first := min(from[0], from[1])
	for {
		for s.left != 0 {
			place := bits.Len16(s.left) - 1
			s.left &^= 1 << place
			at := s.block - place
			if at < first {
				continue
			}
			if at >= s.seen {
				return 0, nodes, false
			}
			key := s.keyOf(s.text[at:])
			if at >= from[0] {
				nodes[0] = s.nodes[0].get(key)
			}
			if at >= from[1] {
				nodes[1] = s.nodes[1].get(lower(key))
			}
			if nodes[0]|nodes[1] != 0 {
				return at, nodes, true
			}
		}
		if s.skip(max(first, s.done)); s.left == 0 {
			return 0, nodes, false
		}
	}
}

// skip goes on to the next block, of those that see what begins at the place or behind it, that stands in a start; left is 0 if there
// is none.
func (s *search) skip(at int) {
	places, shift, block, last, text := s.places, s.shift, s.filter.block, s.last, s.text // out of the loop: the compiler would not
	for ; at < s.seen; at += last + 1 {
		if left := places[hash(binary.LittleEndian.Uint32(text[at+last:]), block, shift)]; left != 0 {
			s.left, s.block, s.done = left, at+last, at+last+1
			return
		}
	}
	s.done = s.seen
}

// lower makes the ASCII capitals among 8 bytes small, all at once.
func lower(x uint64) uint64 {
	const ones = 0x0101010101010101
	low := x & (0x7f * ones)
	fromA := low + (0x80-'A')*ones // has the upper bit of a byte set if the rest of it is at least A
	pastZ := low + (0x7f-'Z')*ones // is greater than Z
	return x | (fromA&^pastZ&^x&(0x80*ones))>>2
}
