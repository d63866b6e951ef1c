package jsonstream

import (
	"bytes"
	"errors"
	"io"
)

var errTooLong = errors.New("token too long")

// source is the reader below the tokenizer: it remembers where lines begin in what the tokenizer has not dealt with yet, and
// ends the tokenizer's appetite when one token gets too long.
type source struct {
	r     io.Reader
	read  int64 // bytes given out
	limit int64 // bytes that may be given out
	err   error // what ended the reading, io.EOF excepted

	newlines []int64 // offsets of those that were read but not passed by at; newlines[next:] are left
	next     int
	line     int   // newlines passed
	begin    int64 // offset of the line's first byte
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.read >= s.limit {
		s.err = errTooLong
		return 0, s.err
	}
	p = p[:min(int64(len(p)), s.limit-s.read)]
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	if s.next > len(s.newlines)/2 {
		s.newlines = s.newlines[:copy(s.newlines, s.newlines[s.next:])]
		s.next = 0
	}
	for i := 0; i < n; i++ {
		j := bytes.IndexByte(p[i:n], '\n')
		if j < 0 {
			break
		}
		i += j
		s.newlines = append(s.newlines, s.read+int64(i))
	}
	s.read += int64(n)
	return n, err
}

// at returns line and column, from 1, of an offset that is not smaller than the one of the call before.
func (s *source) at(offset int64) (line, column int) {
	for s.next < len(s.newlines) && s.newlines[s.next] < offset {
		s.begin = s.newlines[s.next] + 1
		s.next++
		s.line++
	}
	return s.line + 1, int(offset-s.begin) + 1
}
