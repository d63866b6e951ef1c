package audit

import (
	"errors"
	"os"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// SyncWithin is how soon after an append an agent begins to make it durable: half of the second that I16 gives it.
const SyncWithin = 500 * time.Millisecond

// KeepSynced begins to make durable what [Log.Append] only writes, and to keep the log open between appends, until stop is called,
// once. Each record is synced within the given time after it was written, and stop syncs the rest. When a sync fails, nothing more
// can be appended until KeepSynced is called anew: what the log cannot keep must not happen (I16).
//
// It is for a process that appends often. While nothing is appended it does nothing.
func (l *Log) KeepSynced(within time.Duration) (stop func() error) {
	wake, quit, done := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	l.sync.start(wake)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-wake:
			}
			select {
			case <-quit:
				return
			case <-time.After(within):
				_ = l.syncWritten() // its error is the next append's
			}
		}
	}()
	return func() error {
		close(quit)
		<-done
		err := l.syncWritten()
		l.sync.start(nil)
		l.dropEnd()
		return err
	}
}

// syncWritten makes durable what was written so far.
func (l *Log) syncWritten() error {
	if f := l.sync.take(); f != nil {
		l.sync.sync(f)
		l.trace("synced")
	}
	return l.sync.failed()
}

// syncer knows what was written and is not durable yet. Nobody waits for it to sync: appends go on meanwhile. So that no sync comes
// too late, who closes a file that was written to syncs it before.
type syncer struct {
	mu    sync.Mutex
	wake  chan<- struct{} // nil: nobody is there to sync
	dirty *os.File
	err   error // of the first sync that failed
}

func (s *syncer) start(wake chan<- struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake, s.err = wake, nil
}

func (s *syncer) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wake != nil
}

// wrote notes an append to f.
func (s *syncer) wrote(f *os.File, durable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if durable {
		s.dirty = nil // all of the file is, and it is the last one
		return
	}
	if s.wake == nil {
		return
	}
	s.dirty = f
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns the file that has to be synced, nil when there is none.
func (s *syncer) take() (f *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, s.dirty = s.dirty, nil
	return f
}

func (s *syncer) sync(f *os.File) {
	err := f.Sync()
	if err == nil || errors.Is(err, os.ErrClosed) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = paths.Explain(err, f.Name(), "sync the audit log %s", f.Name())
	}
}

// close closes an end that was kept.
func (s *syncer) close(e *end) {
	s.sync(e.seg.f)
	e.close()
}

// failed returns the error of a sync that failed. The disk may have lost what was written before, and would not say so again.
func (s *syncer) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return nil
	}
	return fault.Wrap(fault.Failed, s.err, "the audit log lost records").WithFix("see to the disk, then: tacit lock && tacit unlock && tacit audit verify")
}
