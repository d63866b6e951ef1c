package broker

import (
	"errors"
	"io"
	"sync"
)

// An upload is the body of a request on its way to the upstream: counted, bounded, and no longer read once the exchange is over.
type upload struct {
	body  io.Reader
	whole *io.SectionReader // the same, to be read again; nil when it cannot
	said  int64             // its length; -1 when that is not known
	limit int64             // 0: none
	alive func()
	read  int64
	*tally
}

// A tally is what is known of the body, however often it was sent.
type tally struct {
	mu   sync.Mutex
	sent int64
	err  error // what was wrong with it
	over bool
}

func newUpload(body io.Reader, length, limit int64, alive func()) *upload {
	u := &upload{body: body, said: length, limit: limit, alive: alive, tally: &tally{}}
	if u.whole = section(body); u.whole != nil {
		return u.again()
	}
	return u
}

// section returns what is left of a body in memory or in a file; nil for one that comes and goes.
func section(body io.Reader) *io.SectionReader {
	at, ok := body.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		return nil
	}
	start, err := at.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	end, err := at.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	if _, err := at.Seek(start, io.SeekStart); err != nil {
		return nil
	}
	return io.NewSectionReader(at, start, end-start)
}

// again returns the body from its beginning; nil when it is gone. Whoever still reads the old one does not disturb who reads the new.
func (u *upload) again() *upload {
	if u.whole == nil {
		return nil
	}
	n := *u
	n.read, n.body = 0, io.NewSectionReader(u.whole, 0, u.whole.Size())
	return &n
}

func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	over := u.over
	u.mu.Unlock()
	if over {
		return 0, errFinished
	}
	n, err := u.body.Read(p)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || errors.Is(err, errFinished) { // for a reason that the context of the exchange knows
		return 0, errFinished
	}
	u.alive()
	u.sent += int64(n)
	u.read += int64(n)
	switch {
	case u.limit > 0 && u.read > u.limit:
		u.err = errUploadLarge
	case err != nil && !isEnd(err):
		u.err = errUpload
	case err != nil && u.said >= 0 && u.read < u.said:
		u.err = errShortUpload
	}
	if u.err != nil {
		return 0, u.err
	}
	return n, err
}

// Close leaves the caller's body alone: who opened it closes it.
func (u *upload) Close() error { return nil }

// finish makes the body unread from now on.
func (u *upload) finish() {
	if u != nil {
		u.mu.Lock()
		u.over = true
		u.mu.Unlock()
	}
}

// failed returns what was wrong with the body, as an error of this package.
func (u *upload) failed() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// total returns how many bytes were read of the body.
func (u *upload) total() int64 {
	if u == nil {
		return 0
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sent
}
