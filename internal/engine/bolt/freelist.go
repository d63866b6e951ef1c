package bolt

// proveFreelist checks the list of free pages before bbolt takes pages from it: a page that is free by mistake would be
// overwritten while it holds records.
//
// The list must be well-formed, ascending and inside the file, and must name neither itself nor a page of touched. Then each
// free page is looked at, up to maxLooked of them: what it holds is what it held when it was freed, so if the tree still leads
// to it, it is not free.
func (t *tree) proveFreelist(touched spans) error {
	first := make([]byte, pageSize)
	if _, err := t.file.ReadAt(first, int64(t.meta.freelist)*pageSize); err != nil {
		return unreadable(err)
	}
	h := decodeHeader(first)
	if h.id != t.meta.freelist || h.flags != freelistPage {
		return damagef("page %d: not the freelist", t.meta.freelist)
	}
	// A count that does not fit 16 bits stands before the ids, and 0xFFFF in its place (freelist/shared.go, Write).
	count, at := uint64(h.count), uint64(headerSize)
	if h.count == 0xFFFF {
		count, at = order.Uint64(first[headerSize:]), headerSize+8
	}
	pages := uint64(h.overflow) + 1
	// bbolt sizes the list for what is free before it allocates the list itself, and always takes one page more than it fills.
	if count > t.meta.end || at+8*count > pages*pageSize || pages > 2+(headerSize+8+8*(count+pages))/pageSize || h.id+pages > t.meta.end {
		return damagef("page %d: a freelist of %d pages cannot have %d entries", h.id, pages, count)
	}
	b := first
	if pages > 1 {
		b = make([]byte, at+8*count)
		if _, err := t.file.ReadAt(b, int64(h.id)*pageSize); err != nil {
			return unreadable(err)
		}
	}
	free := make([]uint64, count)
	for i := range free {
		id := order.Uint64(b[at+8*uint64(i):])
		switch {
		case id < 2 || id >= t.meta.end:
			return damagef("freelist: page %d is outside of the file", id)
		case i > 0 && free[i-1] >= id:
			return damagef("freelist: page %d is out of order", id)
		case id >= h.id && id < h.id+pages:
			return damagef("freelist: page %d is the list itself", id)
		}
		free[i] = id
	}
	return t.proveFree(free, touched)
}

// maxLooked bounds how many free pages are looked at, at one or two microseconds each. More are free only after a great part of
// the vault was deleted or rewritten.
const maxLooked = 2048

// proveFree checks that none of the free pages is in use.
func (t *tree) proveFree(free []uint64, touched spans) error {
	isFree := make(map[uint64]bool, len(free))
	for _, id := range free {
		isFree[id] = true
	}
	for id, n := range touched {
		for i := id; i < id+n; i++ {
			if isFree[i] {
				return damagef("freelist: page %d is in use", i)
			}
		}
	}
	if len(free) > maxLooked {
		return nil
	}
	b := make([]byte, pageSize)
	for _, id := range free {
		live, err := t.live(id, isFree[id-1], b)
		if err != nil {
			return err
		}
		if live {
			return damagef("freelist: page %d is in use", id)
		}
	}
	return nil
}

// live reports whether the tree leads to page id. A page in the middle of a longer one has no header; it belongs to the nearest
// header before it, which was looked at already when the page before is free too. It reads into b, which is one page long.
func (t *tree) live(id uint64, beforeIsFree bool, b []byte) (bool, error) {
	const longest = 300 // pages; a value of 1 MiB and its key
	for start := id; start >= 2 && id-start < longest; start-- {
		if _, err := t.file.ReadAt(b, int64(start)*pageSize); err != nil {
			return false, unreadable(err)
		}
		h := decodeHeader(b)
		switch {
		case h.id != start || h.flags != branchPage && h.flags != leafPage && h.flags != freelistPage:
			if beforeIsFree {
				return false, nil
			}
			continue // the middle of something
		case h.flags == freelistPage || id > start+uint64(h.overflow):
			return false, nil
		case start == t.meta.root || start == t.root:
			return true, nil
		}
		key, err := t.firstKey(h, b)
		if err != nil || key == nil {
			return false, nil // nothing that the tree could lead to
		}
		return t.leadsTo(start, key)
	}
	return false, nil
}

// firstKey returns the first key of a page that begins with b, nil if it has none. Of the rest of the page nothing is known then:
// where the tree leads is decided by the pages above it.
func (t *tree) firstKey(h header, b []byte) ([]byte, error) {
	if h.count == 0 {
		return nil, nil
	}
	p := page{h, b}
	_, size, _ := p.at(0)
	if start := p.start(0); size > 0 && size <= maxKey && start+size <= uint64(len(b)) {
		return b[start : start+size], nil
	}
	whole, err := t.read(h.id) // a key that is longer than this
	if err != nil || whole.len() == 0 {
		return nil, err
	}
	return whole.key(0), nil
}

// leadsTo reports whether page id, which is not the root, is on the way to key. Of the leaf at its end no more is read than that it is
// one.
func (t *tree) leadsTo(id uint64, key []byte) (bool, error) {
	if t.root == 0 {
		return false, nil
	}
	top, err := t.load(t.root, nil, nil)
	if err != nil {
		return false, err
	}
	way := append(make([]step, 0, usualDepth), step{page: top})
	for !way[len(way)-1].page.leaf() {
		s := &way[len(way)-1]
		s.index = s.page.follow(key)
		child := s.page.child(s.index)
		if child == id {
			return true, nil
		}
		if leaf, err := t.isLeaf(child); leaf || err != nil {
			return false, err
		}
		if way, err = t.down(way); err != nil {
			return false, err
		}
	}
	return false, nil
}
