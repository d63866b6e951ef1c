package roundtrip

import (
	"errors"
	"io"
	"strconv"
	"time"
)

const (
	// pieceBytes is how much of a body is read at once, and the most that one chunk of it holds.
	pieceBytes = 32 << 10
	// uploadGrace is how long after the end of an answer the end of the request may come, for the connection to be used again. Mostly it
	// was there before the answer, and who sent it has only not said so yet.
	uploadGrace = 50 * time.Millisecond
	// maxEmpty is how often in a row a body may be read for nothing.
	maxEmpty = 100
)

// An upload sends the body of a request while its answer is awaited, or read: a server may answer before it has all.
type upload struct {
	c    *conn
	done chan struct{}
	body error // what was wrong with the body; once it is done
	sent error // the same, or what was wrong with the connection
}

// startUpload sends body, of length bytes, or in chunks when that is not positive. A body that breaks off ends the connection, so that
// nobody takes what was sent for all of it; a connection that breaks does not: the answer may be there.
func startUpload(t *Transport, c *conn, body io.ReadCloser, length int64) *upload {
	u := &upload{c: c, done: make(chan struct{})}
	go func() {
		piece := t.pieces.Get().(*[]byte) //nolint:forcetypeassert // it holds nothing else
		if length > 0 {
			u.whole(body, length, *piece)
		} else {
			u.chunks(body, *piece)
		}
		_ = body.Close()
		clear(*piece)
		t.pieces.Put(piece)
		close(u.done)
		if u.body != nil {
			c.abort()
		}
	}()
	return u
}

// whole sends exactly length bytes.
func (u *upload) whole(body io.Reader, length int64, piece []byte) {
	for empty := 0; ; empty++ {
		n, err := body.Read(piece)
		if length -= int64(n); length < 0 {
			u.broken(errLonger)
			return
		}
		if n > 0 && u.write(piece[:n]) != nil {
			return
		}
		switch {
		case errors.Is(err, io.EOF) && length == 0:
			return
		case errors.Is(err, io.EOF):
			err = errShorter
		case err == nil && n == 0 && empty >= maxEmpty:
			err = io.ErrNoProgress
		case n > 0:
			empty = 0
		}
		if err != nil {
			u.broken(err)
			return
		}
	}
}

// chunks sends what comes as it comes, each piece as one chunk (RFC 9112, section 7.1), and the end with the last.
func (u *upload) chunks(body io.Reader, piece []byte) {
	const before, behind = len("7fff\r\n"), len("\r\n0\r\n\r\n")
	room := piece[before : len(piece)-behind]
	for empty := 0; ; empty++ {
		n, err := body.Read(room)
		ended := errors.Is(err, io.EOF)
		if n > 0 {
			empty = 0
			// The size stands right before what was read.
			size := strconv.AppendInt(make([]byte, 0, before), int64(n), 16)
			start := before - len(size) - len("\r\n")
			copy(piece[start:], size)
			copy(piece[before-len("\r\n"):], "\r\n")
			out := append(piece[start:before+n], "\r\n"...)
			if ended {
				out = append(out, "0\r\n\r\n"...)
			}
			if u.write(out) != nil || ended {
				return
			}
		}
		switch {
		case ended:
			_ = u.write([]byte("0\r\n\r\n"))
			return
		case err == nil && empty >= maxEmpty:
			err = io.ErrNoProgress
		}
		if err != nil {
			u.broken(err)
			return
		}
	}
}

func (u *upload) write(b []byte) error {
	_, u.sent = u.c.rw.Write(b)
	return u.sent
}

func (u *upload) broken(err error) { u.body, u.sent = err, err }

// wrong returns what is known to be wrong with the body; of no upload: nothing.
func (u *upload) wrong() error {
	if u == nil {
		return nil
	}
	select {
	case <-u.done:
		return u.body
	default:
		return nil
	}
}

// finished reports whether the request was sent to its end.
func (u *upload) finished() bool {
	select {
	case <-u.done:
		return u.sent == nil
	default:
	}
	late := time.NewTimer(uploadGrace)
	defer late.Stop()
	select {
	case <-u.done:
		return u.sent == nil
	case <-late.C:
		return false
	}
}
