package bolt

import "tacit/internal/engine"

// spans are the pages that a change goes through: first page to number of pages.
type spans map[uint64]uint64

func (s spans) add(p page) { s[p.id] = uint64(p.overflow) + 1 }

// prove checks every page that bbolt will follow to apply ops, and returns them. For a put that is the way to the key. A
// deletion may also merge each page of the way with its neighbour under the same parent; a neighbour that stays after pages
// between were emptied is the neighbour of one of those, whose way is here too.
func (t *tree) prove(ops []engine.Op) (spans, error) {
	touched := spans{}
	for _, op := range ops {
		way, err := t.descend(op.Key)
		if err != nil {
			return nil, err
		}
		for level, s := range way {
			touched.add(s.page)
			if op.Value != nil || level == len(way)-1 {
				continue
			}
			for _, i := range []int{s.index - 1, s.index + 1} {
				if i < 0 || i >= s.page.len() {
					continue
				}
				sibling, _, err := t.childOf(s, i)
				if err != nil {
					return nil, err
				}
				touched.add(sibling)
			}
		}
	}
	delete(touched, 0) // the inline page is part of the top page
	top, err := t.read(t.meta.root)
	if err != nil {
		return nil, err
	}
	touched.add(top)
	return touched, nil
}
