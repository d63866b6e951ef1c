package server

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// importLines reads an import line by line. The body's proper end is the import's end: one that breaks off changes nothing.
func (s *server) importLines(x *exchange) error {
	in := lines{x: x, r: bufio.NewReaderSize(x.r.Body, 64<<10)}
	var head client.ImportRequest
	switch err := in.next(&head); {
	case errors.Is(err, io.EOF):
		return x.refuse(http.StatusBadRequest, "an import begins with a line that says how")
	case err != nil:
		return err
	}
	out, err := s.API.Import(x.ctx(), x.caller, wire.ToImport(head), func() (keeper.ImportEntry, error) {
		var e wire.EntryBody
		if err := in.next(&e); err != nil {
			return keeper.ImportEntry{}, err
		}
		return e.To()
	})
	if err != nil {
		return err
	}
	return x.answer(out)
}

// lines reads a body of JSON lines, each at most wire.MaxLine bytes.
type lines struct {
	x    *exchange
	r    *bufio.Reader
	long []byte // a line that does not fit the reader
}

// next reads a line strictly into v; io.EOF after the last one. A line must come within requestTime.
func (l *lines) next(v any) error {
	line, err := l.line()
	if err != nil {
		return err
	}
	defer clear(line)
	return wire.UnmarshalRequest(line, v)
}

func (l *lines) line() ([]byte, error) {
	if l.r.Buffered() == 0 {
		l.wait()
	}
	line, err := l.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return l.ended(line, err)
	}
	l.long = append(l.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		l.wait()
		if line, err = l.r.ReadSlice('\n'); len(l.long)+len(line) > wire.MaxLine {
			l.x.status = http.StatusRequestEntityTooLarge
			return nil, fault.New(fault.Invalid, "request: a line is larger than %d bytes", wire.MaxLine)
		}
		l.long = append(l.long, line...)
	}
	return l.ended(l.long, err)
}

// wait gives the peer requestTime from now for more.
func (l *lines) wait() {
	_ = l.x.deadline.SetReadDeadline(time.Now().Add(requestTime))
	waiting(l.x.r)
}

// ended decides about a line and the error that came with it: only after the proper end of the body there may be none.
func (l *lines) ended(line []byte, err error) ([]byte, error) {
	switch {
	case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
		return line, nil
	case errors.Is(err, io.EOF):
		l.x.complete()
		return nil, io.EOF
	}
	return nil, l.x.refuse(http.StatusBadRequest, "the body broke off")
}
