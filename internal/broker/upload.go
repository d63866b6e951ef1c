package broker

import (
	"errors"
	"io"
	"sync"
)

// An upload is the body of a request on its way to the upstream: counted, bounded, and no longer read once the exchange is over.
type upload struct {
	body  io.Reader
	start int64 // where it begins, when it can be read again; -1 when it cannot
	said  int64 // its length; -1 when that is not known
	limit int64 // 0: none
	alive func()

	mu   sync.Mutex
	sent int64 // of all tries
	now  int64 // of this one
	err  error // what was wrong with the body
	over bool
}

func newUpload(body io.Reader, length, limit int64, alive func()) *upload {
	u := &upload{body: body, start: -1, said: length, limit: limit, alive: alive}
	if s, ok := body.(io.Seeker); ok {
		if at, err := s.Seek(0, io.SeekCurrent); err == nil {
			u.start = at
		}
	}
	return u
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
	if u.over {
		return 0, errFinished
	}
	u.alive()
	u.sent += int64(n)
	u.now += int64(n)
	switch {
	case errors.Is(err, errFinished): // the exchange is over, for a reason that its context knows
		return 0, err
	case u.limit > 0 && u.now > u.limit:
		u.err = errUploadLarge
	case err != nil && !isEnd(err):
		u.err = errUpload
	case err != nil && u.said >= 0 && u.now < u.said:
		u.err = errShortUpload
	}
	if u.err != nil {
		return 0, u.err
	}
	return n, err
}

// Close leaves the caller's body alone: who opened it closes it.
func (u *upload) Close() error { return nil }

// rewindable reports whether the body can be sent again.
func (u *upload) rewindable() bool { return u.start >= 0 }

// rewind makes the body begin again.
func (u *upload) rewind() bool {
	s, ok := u.body.(io.Seeker)
	if !ok || u.start < 0 {
		return false
	}
	if _, err := s.Seek(u.start, io.SeekStart); err != nil {
		return false
	}
	u.mu.Lock()
	u.now = 0
	u.mu.Unlock()
	return true
}

// finish makes the body unread from now on.
func (u *upload) finish() {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.over = true
	u.mu.Unlock()
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
