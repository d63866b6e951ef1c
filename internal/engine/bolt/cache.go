package bolt

import "sync"

// Bounds of what a tree keeps of pages that were checked: in a view of its own, some branches; in a process that stays, more.
const (
	maxCached       = 1 << 20 // bytes
	maxCachedShared = 8 << 20
	maxLeaves       = 1 << 16 // pages that are known to be leaves
)

// pages are those that were read and checked before, by id. A page never changes while its tree is in use.
type pages struct {
	mu     sync.RWMutex
	byID   map[uint64]page
	leaves map[uint64]bool // that have a leaf's header; of these nothing else may be known
	bytes  int
	shared bool // between views: leaves are kept too
}

func (c *pages) get(id uint64) (page, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.byID[id]
	return p, ok
}

func (c *pages) put(p page) {
	limit := maxCached
	if c.shared {
		limit = maxCachedShared
	} else if p.leaf() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes+len(p.b) > limit {
		if !c.shared || len(p.b) > limit/8 {
			return
		}
		clear(c.byID) // which page is needed next is anybody's guess
		c.bytes = 0
	}
	if _, ok := c.byID[p.id]; !ok {
		c.byID[p.id] = p
		c.bytes += len(p.b)
	}
}

// isLeaf reports whether a page is known to be a leaf.
func (c *pages) isLeaf(id uint64) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.leaves[id]
}

func (c *pages) putLeaf(id uint64) {
	if !c.shared {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.leaves) >= maxLeaves {
		clear(c.leaves)
	}
	c.leaves[id] = true
}
