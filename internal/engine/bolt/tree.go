package bolt

import (
	"bytes"
	"errors"
	"os"

	"tacit/internal/engine"
)

// maxDepth bounds the tree: 32 levels of two children are more pages than a file can have.
const maxDepth = 32

// usualDepth is enough for a vault of a hundred million records.
const usualDepth = 8

// tree reads one state of a database and trusts nothing in it. It implements [engine.Snapshot].
//
// A page is loaded with the bracket that its parent gives: its first key is the parent's key for it and its last key is below
// the parent's next one. Brackets of different children do not touch and no page is empty, so no page is met twice in one walk
// and every walk ends, whatever the bytes say.
type tree struct {
	file     *os.File
	meta     meta
	root     uint64 // page of the bucket's root; 0 when the bucket lies inline
	inline   page
	pages    *pages
	classify func(error) error
}

var _ engine.Snapshot = (*tree)(nil)

// step is a page on the way from the root and the element that was taken.
type step struct {
	page  page
	index int
	above []byte // every key of page is below it; nil: no bound
}

// newTree checks the frame of the database in f and finds the bucket.
func newTree(f *os.File) (*tree, error) {
	m, err := readMeta(f)
	if err != nil {
		return nil, err
	}
	t := &tree{file: f, meta: m, pages: &pages{byID: map[uint64]page{}, leaves: map[uint64]bool{}}, classify: func(err error) error { return err }}
	top, err := t.read(m.root)
	if err != nil {
		return nil, err
	}
	if !top.leaf() || top.len() != 1 || string(top.key(0)) != bucketName || top.elementFlags(0) != bucketElement || len(top.value(0)) < bucketSize {
		return nil, damagef("page %d: the bucket is not there", top.id)
	}
	bucket := top.value(0)
	if t.root = order.Uint64(bucket); t.root != 0 {
		return t, nil
	}
	b := bucket[bucketSize:]
	if len(b) < headerSize {
		return nil, damagef("page %d: the inline page is cut", top.id)
	}
	h := decodeHeader(b)
	n, err := used(h, b)
	if err != nil {
		return nil, err
	}
	if h.flags != leafPage || h.overflow != 0 || n != uint64(len(b)) {
		return nil, damagef("page %d: the inline page is wrong", top.id)
	}
	if t.inline, err = newPage(h, b); err != nil {
		return nil, err
	}
	return t, records(t.inline)
}

// Get implements [engine.Snapshot]. It reads one page a level.
func (t *tree) Get(key []byte) ([]byte, bool, error) {
	var space [usualDepth]step // not on the heap: most of what a process does is this
	way, err := t.descendIn(space[:0], key)
	if err != nil {
		return nil, false, t.classify(err)
	}
	leaf := way[len(way)-1].page
	if i, ok := leaf.search(key); ok {
		return leaf.value(i), true, nil
	}
	return nil, false, nil
}

// Scan implements [engine.Snapshot]. It holds one page a level.
func (t *tree) Scan(prefix, from []byte, fn func(key, value []byte) error) error {
	start := prefix
	if bytes.Compare(from, prefix) > 0 {
		start = from
	}
	way, err := t.descend(start)
	if err != nil {
		return t.classify(err)
	}
	depth := len(way)
	first, _ := way[len(way)-1].page.search(start)
	for {
		leaf := way[len(way)-1].page
		for i := first; i < leaf.len(); i++ {
			if !bytes.HasPrefix(leaf.key(i), prefix) {
				return nil
			}
			if err := fn(leaf.key(i), leaf.value(i)); err != nil {
				if errors.Is(err, engine.ErrStop) {
					return nil
				}
				return err
			}
		}
		if way, err = t.next(way); err != nil {
			return t.classify(err)
		}
		if way == nil {
			return nil
		}
		if len(way) != depth {
			return t.classify(damagef("page %d: a leaf at level %d instead of %d", way[len(way)-1].page.id, len(way), depth))
		}
		first = 0
	}
}

// descend returns the way from the root to the leaf where key is or would be.
func (t *tree) descend(key []byte) ([]step, error) {
	return t.descendIn(make([]step, 0, usualDepth), key)
}

// descendIn is descend with room for the way.
func (t *tree) descendIn(way []step, key []byte) ([]step, error) {
	if t.root == 0 {
		return append(way, step{page: t.inline}), nil
	}
	top, err := t.load(t.root, nil, nil)
	if err != nil {
		return nil, err
	}
	way = append(way, step{page: top})
	for !way[len(way)-1].page.leaf() {
		s := &way[len(way)-1]
		s.index = s.page.follow(key)
		if way, err = t.down(way); err != nil {
			return nil, err
		}
	}
	return way, t.level(way)
}

// level checks that the leaf at the end of way has a leaf beside it: every leaf is equally deep. A branch that points to the first
// leaf below its child instead of to the child keeps every bracket and hides the rest of what is below the child.
//
// It looks at a second page where the first is no leaf: then it is that page that is damaged, or was reached by a damaged pointer,
// and what is whole beside it stays readable.
func (t *tree) level(way []step) error {
	if len(way) < 2 {
		return nil
	}
	s, looked := way[len(way)-2], uint64(0)
	for _, i := range []int{s.index + 1, s.index - 1, s.index + 2, s.index - 2} {
		if i < 0 || i >= s.page.len() {
			continue
		}
		leaf, err := t.isLeaf(s.page.child(i))
		if leaf || err != nil {
			return err
		}
		if looked != 0 {
			break
		}
		looked = s.page.child(i)
	}
	if looked == 0 {
		return nil // an only child
	}
	return damagef("page %d: not the leaf that it should be", looked)
}

// isLeaf reports whether the page says that it is a leaf.
func (t *tree) isLeaf(id uint64) (bool, error) {
	if id < 2 || id >= t.meta.end {
		return false, nil
	}
	if t.pages.isLeaf(id) {
		return true, nil
	}
	var b [headerSize]byte
	if _, err := t.file.ReadAt(b[:], int64(id)*pageSize); err != nil {
		return false, unreadable(err)
	}
	h := decodeHeader(b[:])
	leaf := h.id == id && h.flags == leafPage
	if leaf {
		t.pages.putLeaf(id)
	}
	return leaf, nil
}

// next returns the way to the leaf after that of way, nil after the last. It changes way.
func (t *tree) next(way []step) ([]step, error) {
	for way = way[:len(way)-1]; len(way) > 0; way = way[:len(way)-1] {
		s := &way[len(way)-1]
		if s.index++; s.index < s.page.len() {
			break
		}
	}
	if len(way) == 0 {
		return nil, nil
	}
	var err error
	for {
		if way, err = t.down(way); err != nil || way[len(way)-1].page.leaf() {
			return way, err
		}
	}
}

// down appends to way the child at its last step's index.
func (t *tree) down(way []step) ([]step, error) {
	if len(way) >= maxDepth {
		return nil, damagef("page %d: the tree is too deep", way[len(way)-1].page.id)
	}
	child, above, err := t.childOf(way[len(way)-1], way[len(way)-1].index)
	if err != nil {
		return nil, err
	}
	for _, s := range way {
		if s.page.id == child.id {
			return nil, damagef("page %d: it is below itself", child.id)
		}
	}
	return append(way, step{page: child, above: above}), nil
}

// childOf loads child i of a branch and returns the bound of its keys.
func (t *tree) childOf(s step, i int) (child page, above []byte, err error) {
	above = s.above
	if i+1 < s.page.len() {
		above = s.page.key(i + 1)
	}
	child, err = t.load(s.page.child(i), s.page.key(i), above)
	return child, above, err
}

// load reads a page of the bucket and checks it against its bracket: it begins with first (nil for the root) and stays below above.
func (t *tree) load(id uint64, first, above []byte) (page, error) {
	p, known := t.pages.get(id)
	if !known {
		var err error
		if p, err = t.read(id); err != nil {
			return page{}, err
		}
		if p.leaf() {
			err = records(p)
		} else if p.len() == 0 {
			err = damagef("page %d: a branch without children", id)
		}
		if err != nil {
			return page{}, err
		}
	}
	n := p.len()
	if first != nil && (n == 0 || !bytes.Equal(p.key(0), first)) {
		return page{}, damagef("page %d: it does not begin with the key that its parent has for it", id)
	}
	if above != nil && n > 0 && bytes.Compare(p.key(n-1), above) >= 0 {
		return page{}, damagef("page %d: a key belongs to the next page", id)
	}
	if !known {
		t.pages.put(p)
	}
	return p, nil
}

// read reads a branch or leaf page with its overflow pages and checks its inside. Nothing is allocated for a size that the
// page does not confirm twice.
func (t *tree) read(id uint64) (page, error) {
	if id < 2 || id >= t.meta.end {
		return page{}, damagef("page %d is outside of the file", id)
	}
	b := make([]byte, pageSize)
	if _, err := t.file.ReadAt(b, int64(id)*pageSize); err != nil {
		return page{}, unreadable(err)
	}
	h := decodeHeader(b)
	if h.id != id {
		return page{}, damagef("page %d says that it is page %d", id, h.id)
	}
	n, err := used(h, b)
	if err != nil {
		return page{}, err
	}
	if uint64(h.overflow) != (n-1)/pageSize || id+uint64(h.overflow) >= t.meta.end {
		return page{}, damagef("page %d: %d overflow pages for %d bytes", id, h.overflow, n)
	}
	if h.overflow > 0 {
		b = append(make([]byte, 0, n), b...)[:n]
		if _, err := t.file.ReadAt(b[pageSize:], int64(id+1)*pageSize); err != nil {
			return page{}, unreadable(err)
		}
	}
	return newPage(h, b[:n:n])
}

// records checks that a leaf holds plain records.
func records(p page) error {
	for i := range p.len() {
		if p.elementFlags(i) != 0 {
			return damagef("page %d: element %d is not a record", p.id, i)
		}
	}
	return nil
}
