package bolt

import (
	"bufio"
	"bytes"
	"container/heap"
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"tacit/internal/engine"
)

// Bounds of what one stream collects in memory before it is written.
const (
	runBytes = 4 << 20
	runKeys  = 1 << 15
)

// loader writes any number of records, in any order, to a new database, in bounded memory. Records are told apart by the first
// byte of their key, since those that share it often come in order though others come between: see [stream].
type loader struct {
	db      *database
	spill   func() (*os.File, error)
	streams map[byte]*stream
}

// put adds a record. That a key comes twice is found now or by finish.
func (l *loader) put(key, value []byte) error {
	first := byte(0)
	if len(key) > 0 {
		first = key[0]
	}
	s := l.streams[first]
	if s == nil {
		s = &stream{loader: l}
		l.streams[first] = s
	}
	return s.put(key, value)
}

// finish writes what is left.
func (l *loader) finish() error {
	if len(l.streams) == 0 { // the bucket is made with the first transaction
		return l.db.update(func(*bbolt.Bucket) error { return nil })
	}
	for _, first := range slices.Sorted(maps.Keys(l.streams)) {
		if err := l.streams[first].finish(); err != nil {
			return err
		}
	}
	return nil
}

// close removes the files of runs.
func (l *loader) close() {
	for _, s := range l.streams {
		if s.spilled != nil {
			s.spilled.Close()
			_ = os.Remove(s.spilled.Name())
		}
	}
}

// stream is the records of one first byte, collected into sorted runs. As long as each run lies above the one before it, runs go
// to the database at once; from the first that does not, they go to a file and are merged at the end. So pages are written about
// once, and memory holds one run.
type stream struct {
	*loader
	run     run
	last    []byte // greatest key in the database
	written bool
	spilled *os.File
	ends    []int64 // where each run in the file ends
}

func (s *stream) put(key, value []byte) error {
	s.run.add(key, value)
	if !s.run.full() {
		return nil
	}
	return s.flush()
}

func (s *stream) flush() error {
	if err := s.run.sort(); err != nil {
		return err
	}
	if s.spilled == nil && s.above() {
		return s.write()
	}
	return s.save()
}

func (s *stream) finish() error {
	if err := s.flush(); err != nil || s.spilled == nil {
		return err
	}
	return s.merge()
}

// above reports whether the run lies above everything of the stream that is in the database.
func (s *stream) above() bool {
	return !s.written || len(s.run.records) == 0 || bytes.Compare(s.run.key(0), s.last) > 0
}

// write puts the sorted run into the database as one transaction. Pages are filled to the brim: hardly a record comes between.
func (s *stream) write() error {
	r := &s.run
	n := len(r.records)
	if n == 0 {
		return nil
	}
	above := s.above()
	err := s.db.update(func(b *bbolt.Bucket) error {
		b.FillPercent = 0.95
		for i := range r.records {
			if !above && b.Get(r.key(i)) != nil {
				return engine.ErrTwice
			}
			if err := b.Put(r.key(i), r.value(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if above {
		s.last, s.written = append(s.last[:0], r.key(n-1)...), true
	}
	r.reset()
	return err
}

// save appends the sorted run to the file of runs: for each record the sizes of key and value, then both.
func (s *stream) save() error {
	if s.spilled == nil {
		f, err := s.spill()
		if err != nil {
			return err
		}
		s.spilled = f
	}
	w := bufio.NewWriterSize(s.spilled, 1<<20)
	var end int64
	if n := len(s.ends); n > 0 {
		end = s.ends[n-1]
	}
	var sizes [8]byte
	for i := range s.run.records {
		k, v := s.run.key(i), s.run.value(i)
		order.PutUint32(sizes[:], uint32(len(k)))
		order.PutUint32(sizes[4:], uint32(len(v)))
		for _, b := range [][]byte{sizes[:], k, v} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		end += int64(len(sizes) + len(k) + len(v))
	}
	s.ends = append(s.ends, end)
	s.run.reset()
	return w.Flush()
}

// merge writes the runs of the file in ascending order.
func (s *stream) merge() error {
	var h sources
	begin := int64(0)
	for _, end := range s.ends {
		from := &source{in: bufio.NewReaderSize(io.NewSectionReader(s.spilled, begin, end-begin), 128<<10)}
		if err := from.next(); err != nil {
			return err
		}
		h, begin = append(h, from), end
	}
	heap.Init(&h)
	for len(h) > 0 {
		from := h[0]
		s.run.add(from.record[:from.key], from.record[from.key:])
		if s.run.full() {
			if err := s.merged(); err != nil {
				return err
			}
		}
		switch err := from.next(); {
		case errors.Is(err, io.EOF):
			heap.Pop(&h)
		case err != nil:
			return err
		default:
			heap.Fix(&h, 0)
		}
	}
	return s.merged()
}

// merged writes a run that the merge filled: it is in order, but a key may be there twice.
func (s *stream) merged() error {
	if err := s.run.sort(); err != nil {
		return err
	}
	return s.write()
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

// sort puts the records in ascending order.
func (r *run) sort() error {
	compare := func(x, y record) int {
		return bytes.Compare(r.buffer[x.key:x.value], r.buffer[y.key:y.value])
	}
	if !slices.IsSortedFunc(r.records, compare) {
		slices.SortFunc(r.records, compare)
	}
	for i := range r.records[:max(len(r.records), 1)-1] {
		if compare(r.records[i], r.records[i+1]) == 0 {
			return engine.ErrTwice
		}
	}
	return nil
}

// source is one run that is read back.
type source struct {
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

// sources is a heap of runs, the one with the lowest next record first.
type sources []*source

func (h sources) Len() int      { return len(h) }
func (h sources) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h sources) Less(i, j int) bool {
	return bytes.Compare(h[i].record[:h[i].key], h[j].record[:h[j].key]) < 0
}
func (h *sources) Push(x any) { *h = append(*h, x.(*source)) }
func (h *sources) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
