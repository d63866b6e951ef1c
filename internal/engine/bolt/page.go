package bolt

import (
	"bytes"
	"sort"
)

// page is a branch or leaf page whose inside was checked: every key and value that it hands out lies in b.
type page struct {
	header
	b []byte // with the header; as long as its elements, keys and values
}

type header struct {
	id       uint64
	flags    uint16
	count    uint16
	overflow uint32
}

// decodeHeader reads the first 16 bytes of a page.
func decodeHeader(b []byte) header {
	return header{id: order.Uint64(b), flags: order.Uint16(b[8:]), count: order.Uint16(b[10:]), overflow: order.Uint32(b[12:])}
}

func (p page) leaf() bool { return p.flags == leafPage }

func (p page) len() int { return int(p.count) }

// at returns the element, its size of key and its size of value.
func (p page) at(i int) (element []byte, ksize, vsize uint64) {
	e := p.b[headerSize+i*elementSize:][:elementSize]
	if p.leaf() {
		return e, uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
	}
	return e, uint64(order.Uint32(e[4:])), 0
}

// start returns where the key of element i begins in b.
func (p page) start(i int) uint64 {
	e, pos := p.b[headerSize+i*elementSize:][:elementSize], 0
	if p.leaf() {
		pos = 4
	}
	return uint64(headerSize+i*elementSize) + uint64(order.Uint32(e[pos:]))
}

func (p page) key(i int) []byte {
	_, k, _ := p.at(i)
	s := p.start(i)
	return p.b[s : s+k : s+k]
}

// value returns the value of element i of a leaf; it is not nil.
func (p page) value(i int) []byte {
	_, k, v := p.at(i)
	s := p.start(i) + k
	return p.b[s : s+v : s+v]
}

func (p page) elementFlags(i int) uint32 {
	e, _, _ := p.at(i)
	return order.Uint32(e)
}

// child returns the page that element i of a branch points to.
func (p page) child(i int) uint64 {
	e, _, _ := p.at(i)
	return order.Uint64(e[8:])
}

// search returns the first element whose key is not below key, and whether it is key.
func (p page) search(key []byte) (int, bool) {
	return sort.Find(p.len(), func(i int) int { return bytes.Compare(key, p.key(i)) })
}

// follow returns the element of a branch under which key is, as bbolt decides it.
func (p page) follow(key []byte) int {
	i, exact := p.search(key)
	if !exact && i > 0 {
		i--
	}
	return i
}

// used computes from the sizes in the elements how many bytes the page fills. b needs to hold the elements only.
// bbolt splits a node that does not fit a page until it has four elements or fewer, so elements never leave the first page.
func used(h header, b []byte) (uint64, error) {
	if h.flags != branchPage && h.flags != leafPage {
		return 0, damagef("page %d: neither branch nor leaf (flags %#x)", h.id, h.flags)
	}
	n := uint64(headerSize) + elementSize*uint64(h.count)
	if n > uint64(len(b)) || n > pageSize {
		return 0, damagef("page %d: %d elements do not fit", h.id, h.count)
	}
	p := page{h, b}
	for i := range p.len() {
		_, k, v := p.at(i)
		if k == 0 || k > maxKey {
			return 0, damagef("page %d: key %d has %d bytes", h.id, i, k)
		}
		n += k + v
	}
	return n, nil
}

// newPage checks the inside of a page whose bytes are b, of which used said that it fills them: keys and values without gaps,
// keys ascending.
func newPage(h header, b []byte) (page, error) {
	p := page{h, b}
	next := uint64(headerSize) + elementSize*uint64(h.count)
	for i := range p.len() {
		if p.start(i) != next {
			return page{}, damagef("page %d: element %d is misplaced", h.id, i)
		}
		_, k, v := p.at(i)
		next += k + v
		if i > 0 && bytes.Compare(p.key(i-1), p.key(i)) >= 0 {
			return page{}, damagef("page %d: key %d is out of order", h.id, i)
		}
	}
	return p, nil
}
