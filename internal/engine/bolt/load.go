package bolt

import (
	"bufio"
	"bytes"
	"container/heap"
	"errors"
	"io"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// Bounds of what is collected in memory before it is written.
const (
	runBytes = 16 << 20
	runKeys  = 1 << 16
)

// loader writes any number of records, in any order, to a new database. Records are collected into sorted runs. As long as each
// run lies above the one before it, runs go to the database at once; from the first that does not, they go to a file and are
// merged at the end. So the database is written in ascending order, each page once, and memory holds one run.
type loader struct {
	dir, pattern string // where the file of runs is made
	db           *database
	run          run
	last         []byte // greatest key in the database
	written      bool
	spilled      *os.File
	ends         []int64 // where each run in the file ends
}

// put adds a record. Of one key the last wins.
func (l *loader) put(key, value []byte) error {
	l.run.add(key, value)
	if !l.run.full() {
		return nil
	}
	l.run.sort()
	if l.spilled == nil && l.above() {
		return l.write()
	}
	return l.spill()
}

// finish writes what is left.
func (l *loader) finish() error {
	l.run.sort()
	if l.spilled == nil {
		return l.write()
	}
	if err := l.spill(); err != nil { // the last run too: what came last must win
		return err
	}
	return l.merge()
}

// close removes the file of runs.
func (l *loader) close() {
	if l.spilled != nil {
		l.spilled.Close()
		_ = os.Remove(l.spilled.Name())
	}
}

// above reports whether the run lies above everything in the database.
func (l *loader) above() bool {
	return !l.written || len(l.run.records) == 0 || bytes.Compare(l.run.key(0), l.last) > 0
}

// write puts the sorted run into the database as one transaction. Pages are filled to the brim: hardly a record comes between.
func (l *loader) write() error {
	r := &l.run
	err := l.db.update(func(b *bbolt.Bucket) error {
		b.FillPercent = 0.95
		for i := range r.records {
			if err := b.Put(r.key(i), r.value(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if n := len(r.records); n > 0 && (!l.written || bytes.Compare(r.key(n-1), l.last) > 0) {
		l.last, l.written = append(l.last[:0], r.key(n-1)...), true
	}
	r.reset()
	return err
}

// spill appends the sorted run to the file of runs: for each record the sizes of key and value, then both.
func (l *loader) spill() error {
	if l.spilled == nil {
		f, err := os.CreateTemp(l.dir, l.pattern)
		if err != nil {
			return err
		}
		l.spilled = f
	}
	w := bufio.NewWriterSize(l.spilled, 1<<20)
	var end int64
	if n := len(l.ends); n > 0 {
		end = l.ends[n-1]
	}
	var sizes [8]byte
	for i := range l.run.records {
		k, v := l.run.key(i), l.run.value(i)
		order.PutUint32(sizes[:], uint32(len(k)))
		order.PutUint32(sizes[4:], uint32(len(v)))
		for _, b := range [][]byte{sizes[:], k, v} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		end += int64(len(sizes) + len(k) + len(v))
	}
	l.ends = append(l.ends, end)
	l.run.reset()
	return w.Flush()
}

// merge writes the runs of the file in ascending order, those of one key in the order in which they were put.
func (l *loader) merge() error {
	var h sources
	begin := int64(0)
	for i, end := range l.ends {
		s := &source{number: i, in: bufio.NewReaderSize(io.NewSectionReader(l.spilled, begin, end-begin), 128<<10)}
		if err := s.next(); err != nil {
			return err
		}
		h, begin = append(h, s), end
	}
	heap.Init(&h)
	for len(h) > 0 {
		s := h[0]
		l.run.add(s.record[:s.key], s.record[s.key:])
		if l.run.full() {
			l.run.sort() // already, but that drops what was put again
			if err := l.write(); err != nil {
				return err
			}
		}
		switch err := s.next(); {
		case errors.Is(err, io.EOF):
			heap.Pop(&h)
		case err != nil:
			return err
		default:
			heap.Fix(&h, 0)
		}
	}
	l.run.sort()
	return l.write()
}

// run collects records in one buffer that is used again.
type run struct {
	buffer  []byte
	records []record
}

// record is where a key and its value lie in the buffer.
type record struct{ key, value, end int }

func (r *run) add(key, value []byte) {
	at := len(r.buffer)
	r.buffer = append(append(r.buffer, key...), value...)
	r.records = append(r.records, record{key: at, value: at + len(key), end: len(r.buffer)})
}

func (r *run) full() bool { return len(r.buffer) >= runBytes || len(r.records) >= runKeys }

func (r *run) reset() { r.buffer, r.records = r.buffer[:0], r.records[:0] }

func (r *run) key(i int) []byte { return r.buffer[r.records[i].key:r.records[i].value] }

func (r *run) value(i int) []byte {
	x := r.records[i]
	return r.buffer[x.value:x.end:x.end]
}

// sort puts the records in ascending order, those of one key in the order in which they came.
func (r *run) sort() {
	compare := func(x, y record) int {
		return bytes.Compare(r.buffer[x.key:x.value], r.buffer[y.key:y.value])
	}
	if !slices.IsSortedFunc(r.records, compare) {
		slices.SortStableFunc(r.records, compare)
	}
}

// source is one run that is read back.
type source struct {
	number int
	in     *bufio.Reader
	record []byte // key and value
	key    int    // length of the key
}

func (s *source) next() error {
	var sizes [8]byte
	if _, err := io.ReadFull(s.in, sizes[:]); err != nil {
		return err
	}
	s.key = int(order.Uint32(sizes[:]))
	n := s.key + int(order.Uint32(sizes[4:]))
	s.record = slices.Grow(s.record[:0], n)[:n]
	if _, err := io.ReadFull(s.in, s.record); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// sources is a heap of runs, the one with the lowest next record first; of one key the earlier run.
type sources []*source

func (h sources) Len() int      { return len(h) }
func (h sources) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h sources) Less(i, j int) bool {
	c := bytes.Compare(h[i].record[:h[i].key], h[j].record[:h[j].key])
	return c < 0 || c == 0 && h[i].number < h[j].number
}
func (h *sources) Push(x any) { *h = append(*h, x.(*source)) }
func (h *sources) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
