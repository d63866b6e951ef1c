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

// importLines takes an upload to its end, and then imports it line by line. The body's proper end is the import's end: of one that
// breaks off nothing is looked at.
func (s *server) importLines(x *exchange) error {
	// Who is nobody may not fill a disk. What the caller may do, keeper decides when all of it is here.
	if _, err := s.API.Whoami(x.ctx(), x.caller); err != nil {
		return err
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return fault.New(fault.Busy, "%d imports are under way already", maxUploads).WithFix("try again when one of them is done")
	}
	up := &spool{dir: s.TempDir, random: s.Random}
	defer up.Close()
	if err := x.receive(up); err != nil {
		return err
	}
	in := lines{x: x, r: bufio.NewReaderSize(&spoolReader{s: up}, spoolBlock)}
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

// maxUploads bounds the imports that are under way at once.
const maxUploads = 8

// receive reads the whole body into up. Something of it must come every uploadTime.
func (x *exchange) receive(up *spool) error {
	b := make([]byte, 32<<10)
	defer clear(b)
	for {
		_ = x.deadline.SetReadDeadline(time.Now().Add(uploadTime))
		waiting(x.r)
		n, err := x.r.Body.Read(b)
		if _, werr := up.Write(b[:n]); werr != nil {
			return werr
		}
		switch {
		case errors.Is(err, io.EOF):
			x.complete()
			return nil
		case err != nil:
			return x.refuse(http.StatusBadRequest, "the body broke off")
		}
	}
}

// lines reads JSON lines, each at most wire.MaxLine bytes.
type lines struct {
	x    *exchange
	r    *bufio.Reader
	long []byte // a line that does not fit the reader
}

// next reads a line strictly into v; io.EOF after the last one.
func (l *lines) next(v any) error {
	line, err := l.line()
	if len(line) == 0 && err != nil {
		return err
	}
	defer clear(line)
	return wire.UnmarshalRequest(line, v)
}

// line returns the next line, valid until the one after it. The last one needs no end.
func (l *lines) line() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	l.long = append(l.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if line, err = l.r.ReadSlice('\n'); len(l.long)+len(line) > wire.MaxLine {
			l.x.status = http.StatusRequestEntityTooLarge
			return nil, fault.New(fault.Invalid, "request: a line is larger than %d bytes", wire.MaxLine)
		}
		l.long = append(l.long, line...)
	}
	return l.long, err
}
