package mask

// A table is a hash table with open addressing, at most half full, that finds a node by a number. (Go's own map takes four times
// as long to say that there is nothing.)
type table struct {
	entries []entry
	shift   int
}

type entry struct {
	key  uint64
	node int32 // 0 if the entry is free: no key leads to node 0
}

func newTable(capacity int) table {
	bits := 1
	for 1<<bits < 2*capacity {
		bits++
	}
	return table{make([]entry, 1<<bits), 64 - bits}
}

func (t *table) set(key uint64, node int32) { *t.find(key) = entry{key, node} }

// get returns the node, or 0.
func (t *table) get(key uint64) int32 { return t.find(key).node }

func (t *table) find(key uint64) *entry {
	for i := key * 0x9e3779b97f4a7c15 >> (t.shift & 63); ; i++ {
		e := &t.entries[i&uint64(len(t.entries)-1)]
		if e.key == key || e.node == 0 {
			return e
		}
	}
}
