package mask

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// An automaton finds all occurrences of a set of patterns in one pass over the text, whatever the patterns and the text: it is
// that of Aho and Corasick, "Efficient string matching" (CACM 18, 1975). A node stands for a prefix of a pattern, node 0 for the
// empty one, and the automaton is always in the node of the longest prefix that the text so far ends in.
type automaton struct {
	nodes  []node
	labels []byte     // the last byte of the prefix of every node
	first  [256]int32 // the child of node 0 by the byte of the text; 0 if it has none
	as     [256]byte  // the byte that one of the text is compared as
	// The children of all other nodes but for the one that follows its parent in nodes.
	branches table
	anyCase  bool
}

// A node takes 16 bytes, and 1 for its label. Most nodes have one child, which is the node that follows.
type node struct {
	fail  int32  // the node of the longest proper suffix that is a prefix of a pattern too and can go on where this one cannot
	out   int32  // the length of the longest pattern that ends here; 0 if none does
	depth int32  // the length of the prefix
	run   uint16 // how many of the nodes that follow are each the child of the one before it, but none behind one with out
	forks bool   // there are children in branches
}

// newAutomaton compiles the patterns; none may be empty. With anyCase, ASCII letters are equal in either case. It sorts the
// patterns, and with anyCase changes the bytes of them too. It returns what they begin with, each of that length and with the node of
// so many bytes of it as key says.
func newAutomaton(patterns [][]byte, anyCase bool, length, key int) (*automaton, []start) {
	a := &automaton{branches: newTable(len(patterns)), anyCase: anyCase}
	for b := range a.as {
		a.as[b] = byte(b)
		if anyCase && 'A' <= b && b <= 'Z' {
			a.as[b] += 'a' - 'A'
		}
	}
	if anyCase {
		for _, p := range patterns {
			for i, b := range p {
				p[i] = a.as[b]
			}
		}
	}
	parents, starts := a.grow(patterns, length, key)
	a.link(parents)
	return a, starts
}

// grow makes the nodes and returns the parent of each, and the starts.
func (a *automaton) grow(patterns [][]byte, length, key int) (parents []int32, starts []start) {
	// A pattern comes before its own prefixes, so that these need no nodes of their own and every other pattern begins one run of
	// new nodes, each the child of the one before it.
	slices.SortFunc(patterns, func(p, q []byte) int { return bytes.Compare(q, p) })
	total, longest := 1, 0
	var before []byte
	for _, p := range patterns {
		total += len(p) - shared(before, p)
		longest = max(longest, len(p))
		before = p
	}
	a.nodes, a.labels = make([]node, 1, total), make([]byte, 1, total)
	parents = make([]int32, 1, total)

	path := make([]int32, longest+1) // the nodes of the prefixes of the pattern before, by length
	before = nil
	for _, p := range patterns {
		common := shared(before, p)
		for depth := common; depth < len(p); depth++ {
			parent, n, label := path[depth], int32(len(a.nodes)), p[depth]
			switch {
			case depth == 0:
				a.first[label] = n
			case depth == common:
				a.nodes[parent].forks = true
				a.branches.set(branch(parent, label), n)
			default:
				a.nodes[parent].run = 1
			}
			a.nodes = append(a.nodes, node{depth: int32(depth) + 1})
			a.labels = append(a.labels, label)
			parents = append(parents, parent)
			path[depth+1] = n
		}
		if length > 0 && common < length {
			s := start{node: path[key]}
			copy(s.text[:length], p)
			starts = append(starts, s)
		}
		end := &a.nodes[path[len(p)]]
		end.out = end.depth
		before = p
	}
	return parents, starts
}

// shared returns the length of what both begin with.
func shared(p, q []byte) int {
	n := 0
	for n < len(p) && n < len(q) && p[n] == q[n] {
		n++
	}
	return n
}

// link sets fail and out of every node, from the shortest prefixes to the longest, and then run.
func (a *automaton) link(parents []int32) {
	suffix := make([]int32, len(a.nodes)) // what fail is, but for the shortcuts
	for _, n := range a.byDepth() {
		at := &a.nodes[n]
		if parents[n] != 0 {
			f := suffix[parents[n]]
			for f != 0 && a.child(f, a.labels[n]) == 0 {
				f = a.nodes[f].fail
			}
			suffix[n] = a.child(f, a.labels[n])
		}
		at.fail = suffix[n]
		if at.out == 0 {
			at.out = a.nodes[at.fail].out
		}
		// A node that the text has failed in need not be left for one that can only go on with the same byte (Knuth, Morris and
		// Pratt, "Fast pattern matching in strings", 1977): a thousand equal bytes are then left in one step.
		if f := &a.nodes[at.fail]; at.run != 0 && f.run != 0 && !f.forks && a.labels[at.fail+1] == a.labels[n+1] {
			at.fail = f.fail
		}
	}
	for n := len(a.nodes) - 2; n > 0; n-- {
		if at, next := &a.nodes[n], &a.nodes[n+1]; at.run != 0 && next.out == 0 && next.run < math.MaxUint16 {
			at.run = next.run + 1
		}
	}
}

// byDepth returns all nodes but 0, sorted by counting.
func (a *automaton) byDepth() []int32 {
	var from []int32 // from[d] is where the nodes of depth d begin
	for _, n := range a.nodes[1:] {
		for int(n.depth)+1 >= len(from) {
			from = append(from, 0)
		}
		from[n.depth+1]++
	}
	for d := 1; d < len(from); d++ {
		from[d] += from[d-1]
	}
	order := make([]int32, len(a.nodes)-1)
	for i, n := range a.nodes[1:] {
		order[from[n.depth]] = int32(i) + 1
		from[n.depth]++
	}
	return order
}

// follow goes from node n along its run as far as the text agrees, and returns how far.
func (a *automaton) follow(n int32, text []byte) int {
	length := min(int(a.nodes[n].run), len(text))
	labels, text := a.labels[int(n)+1:][:length], text[:length]
	i := 0
	for ; i+8 <= length; i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		if a.anyCase {
			x = lower(x)
		}
		if x ^= binary.LittleEndian.Uint64(labels[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < length && a.as[text[i]] == labels[i] {
		i++
	}
	return i
}

// child returns the child of node n with the label, or 0 if it has none.
func (a *automaton) child(n int32, label byte) int32 {
	at := &a.nodes[n]
	switch {
	case n == 0:
		return a.first[label]
	case at.run != 0 && a.labels[n+1] == label:
		return n + 1
	case at.forks:
		return a.branches.get(branch(n, label))
	}
	return 0
}

func branch(parent int32, label byte) uint64 { return uint64(parent)<<8 | uint64(label) }

// open returns the length of the longest end of the text that a pattern may still begin with, and go on from.
func (a *automaton) open(n int32) int64 {
	for n != 0 && a.nodes[n].run == 0 && !a.nodes[n].forks {
		n = a.nodes[n].fail
	}
	return int64(a.nodes[n].depth)
}
