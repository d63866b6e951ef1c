package vault

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sorter puts index entries of a bulk load into key order in bounded memory: it sorts runs, spills them to a scratch file
// (they are HMACs and ciphertext) and merges them. Without it each of a million random keys would rewrite a page of its own.
type sorter struct {
	scratch func() (*os.File, error) // a new file that nobody else sees
	file    *os.File
	out     *bufio.Writer
	size    int64
	runs    []int64 // where each run ends in the file
	entries []sortEntry
	count   uint32
	err     error
}

type sortEntry struct {
	ordinal    uint32
	key, value []byte
}

// runEntries is how many entries one run has, about 16 MB.
const runEntries = 1 << 16

func (s *sorter) add(key, value []byte) error {
	s.entries = append(s.entries, sortEntry{s.count, key, value})
	s.count++
	if len(s.entries) < runEntries {
		return nil
	}
	return s.spill()
}

func (s *sorter) sort() {
	slices.SortFunc(s.entries, func(a, b sortEntry) int { return bytes.Compare(a.key, b.key) })
}

func (s *sorter) spill() (err error) {
	if s.file == nil {
		if s.file, err = s.scratch(); err != nil {
			return fmt.Errorf("make scratch file: %w", err)
		}
		s.out = bufio.NewWriterSize(s.file, 1<<20)
	}
	s.sort()
	var frame []byte
	for _, e := range s.entries {
		frame = binary.BigEndian.AppendUint32(frame[:0], e.ordinal)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(e.key)))
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(e.value)))
		frame = append(append(frame, e.key...), e.value...)
		if _, err := s.out.Write(frame); err != nil {
			return err
		}
		s.size += int64(len(frame))
	}
	s.runs = append(s.runs, s.size)
	s.entries = s.entries[:0]
	return nil
}

// each calls fn with every entry in the order of the keys.
func (s *sorter) each(fn func(key, value []byte) error) error {
	s.sort()
	var m merge
	memory := s.entries
	m = append(m, &mergeRun{next: func() (e sortEntry, err error) {
		if len(memory) == 0 {
			return e, io.EOF
		}
		e, memory = memory[0], memory[1:]
		return e, nil
	}})
	if s.file != nil {
		if err := s.out.Flush(); err != nil {
			return err
		}
		from := int64(0)
		for _, to := range s.runs {
			r := bufio.NewReaderSize(io.NewSectionReader(s.file, from, to-from), 256<<10)
			m = append(m, &mergeRun{next: func() (sortEntry, error) { return readEntry(r) }})
			from = to
		}
	}
	live := m[:0]
	for _, r := range m {
		switch e, err := r.next(); {
		case err == nil:
			r.head = e
			live = append(live, r)
		case !errors.Is(err, io.EOF):
			return err
		}
	}
	m = live
	heap.Init(&m)
	var last sortEntry
	for len(m) > 0 {
		e := m[0].head
		if last.key != nil && bytes.Equal(last.key, e.key) {
			return errTwice(last.ordinal, e.ordinal)
		}
		if err := fn(e.key, e.value); err != nil {
			return err
		}
		last = e
		switch next, err := m[0].next(); {
		case err == nil:
			m[0].head = next
			heap.Fix(&m, 0)
		case errors.Is(err, io.EOF):
			heap.Pop(&m)
		default:
			return err
		}
	}
	return nil
}

func readEntry(r *bufio.Reader) (e sortEntry, err error) {
	var h [8]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return e, err
	}
	e.ordinal = binary.BigEndian.Uint32(h[:])
	k, v := int(binary.BigEndian.Uint16(h[4:])), int(binary.BigEndian.Uint16(h[6:]))
	b := make([]byte, k+v)
	if _, err := io.ReadFull(r, b); err != nil {
		return e, fmt.Errorf("read scratch file: %w", io.ErrUnexpectedEOF)
	}
	e.key, e.value = b[:k], b[k:]
	return e, nil
}

func (s *sorter) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

// merge is a heap of runs by their next key.
type merge []*mergeRun

type mergeRun struct {
	head sortEntry
	next func() (sortEntry, error)
}

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return bytes.Compare(m[i].head.key, m[j].head.key) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*mergeRun)) }
func (m *merge) Pop() any {
	old := *m
	x := old[len(old)-1]
	*m = old[:len(old)-1]
	return x
}
