package mask

// branches is a hash table with open addressing, at most half full. (A map of Go takes three times as long for a miss.)
type branches struct {
	entries []branchEntry
	shift   int
}

type branchEntry struct {
	key   uint64 // the parent and the label; 0 if there is none, because the parent is never node 0
	child int32
}

func newBranches(capacity int) branches {
	bits := 1
	for 1<<bits < 2*capacity {
		bits++
	}
	return branches{make([]branchEntry, 1<<bits), 64 - bits}
}

func (t *branches) set(parent int32, label byte, child int32) {
	e := t.find(parent, label)
	e.key, e.child = uint64(parent)<<8|uint64(label), child
}

func (t *branches) get(parent int32, label byte) int32 { return t.find(parent, label).child }

func (t *branches) find(parent int32, label byte) *branchEntry {
	key := uint64(parent)<<8 | uint64(label)
	for i := key * 0x9e3779b97f4a7c15 >> (t.shift & 63); ; i++ {
		e := &t.entries[i&uint64(len(t.entries)-1)]
		if e.key == key || e.key == 0 {
			return e
		}
	}
}
