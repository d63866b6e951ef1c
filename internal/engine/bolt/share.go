package bolt

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"tacit/internal/engine"
)

// roundTime is how long views may join a round: a steady stream of readers must not keep writers of other processes out.
const roundTime = 5 * time.Millisecond

// share lets the views of one engine have the lock, the open file and the checked pages in common, for a process that stays and is
// asked by many at once. Views come in rounds: the first one of a round takes the lock and looks whether the file is as the round
// before left it; the last one gives the lock back.
//
// Where rounds follow each other closely a round stays open for its whole time, though no view is under way: taking the lock and
// looking costs more than most views. While it is open nobody can commit, so what the round found stays true. A change of this
// process ends it at once, one of another process waits for the rest of the time.
type share struct {
	mu      sync.Mutex
	round   *round    // under way; nil: the next view begins one
	ended   time.Time // when the round before was over
	writers int       // changes of this process that wait for the lock: no round stays open for longer than its views
	state   *state    // as the last round found it; used by the round under way only
}

// round is views that run at once, or close to each other, under one lock.
type round struct {
	opened chan struct{} // closed once lock, state and err are set
	over   chan struct{} // closed once the lock was given back
	lock   *lock
	state  *state
	err    error
	until  time.Time // when nobody may join any more
	stays  bool      // open until then, though no view is under way
	last   *time.Timer
	views  int
}

// state is the file as one commit left it.
type state struct {
	file    *os.File
	storage uint64
	tree    *tree
}

// view is [Engine.View] in a round.
func (s *share) view(ctx context.Context, e *Engine, fn func(engine.Snapshot) error) error {
	r, err := s.join(ctx, e)
	if err != nil {
		return err
	}
	defer s.leave(e, r)
	if err := fn(r.state.tree); err != nil || r.lock != nil {
		return err
	}
	return e.unchanged(r.state.file, r.state.tree.meta)
}

// join returns the round under way, or a new one.
func (s *share) join(ctx context.Context, e *Engine) (*round, error) {
	for {
		s.mu.Lock()
		r := s.round
		switch {
		case r == nil:
			now := e.opts.Now()
			r = &round{opened: make(chan struct{}), over: make(chan struct{}), views: 1, until: now.Add(roundTime)}
			r.stays = now.Sub(s.ended) < roundTime
			s.round = r
			s.mu.Unlock()
			r.err = s.open(ctx, e, r)
			close(r.opened)
			if r.err != nil {
				s.leave(e, r)
				return nil, r.err
			}
			return r, nil
		case e.opts.Now().Before(r.until):
			r.views++
			s.mu.Unlock()
			<-r.opened // bounded by the engine's wait for the lock
			if r.err == nil {
				return r, nil
			}
			s.leave(e, r)
			if !errors.Is(r.err, context.Canceled) && !errors.Is(r.err, context.DeadlineExceeded) {
				return nil, r.err
			}
			<-r.over // whoever opened it gave up; this one does not
		case r.views == 0:
			s.end(r, e.opts.Now())
			s.mu.Unlock()
		default:
			s.mu.Unlock()
			<-r.over
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// open takes the lock and makes the state what the file is now.
func (s *share) open(ctx context.Context, e *Engine, r *round) (err error) {
	if r.lock, err = e.lock(ctx, shared); err != nil {
		return err
	}
	e.opts.Trace(Locked)
	if s.state != nil && s.state.current(e) {
		r.state = s.state
		e.opts.Trace(Opened)
		return nil
	}
	s.forget()
	f, t, err := e.open(os.O_RDONLY)
	if err != nil {
		return err
	}
	t.pages.shared = true
	storage, err := identity(f)
	if err != nil {
		f.Close()
		return e.ioError(err, "read %s", e.path)
	}
	s.state = &state{file: f, storage: storage, tree: t}
	r.state = s.state
	e.opts.Trace(Opened)
	return nil
}

// current reports whether the file at the engine's path still is the one of the state, without a commit since.
func (s *state) current(e *Engine) bool {
	named, err1 := os.Lstat(e.path)
	held, err2 := s.file.Stat()
	if errors.Join(err1, err2) != nil || !os.SameFile(named, held) {
		return false
	}
	m, err := readMeta(s.file)
	return err == nil && m == s.tree.meta
}

// leave ends a view, and with the last of them the round, unless that stays open.
func (s *share) leave(e *Engine, r *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.views--; r.views > 0 {
		return
	}
	now := e.opts.Now()
	left := r.until.Sub(now)
	// Without a lock others can commit meanwhile.
	if !r.stays || s.writers > 0 || r.err != nil || r.lock == nil || left <= 0 {
		s.end(r, now)
		return
	}
	if r.last == nil {
		r.last = time.AfterFunc(min(left, roundTime), func() { s.close(e, r) })
	}
}

// close ends a round whose time is up, or leaves that to its last view.
func (s *share) close(e *Engine, r *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.stays = false
	if s.round == r && r.views == 0 {
		s.end(r, e.opts.Now())
	}
}

// end gives the lock of a round back. No view of it is under way.
func (s *share) end(r *round, now time.Time) {
	if r.last != nil {
		r.last.Stop()
	}
	r.lock.release()
	s.round, s.ended = nil, now
	close(r.over)
}

// begin makes way for a change of this process, until done is called: it must not wait for a round that is only open.
func (s *share) begin(e *Engine) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers++
	if r := s.round; r != nil && r.views == 0 {
		s.end(r, e.opts.Now())
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.writers--
	}
}

// stamp returns the stamp of the state while a round is under way: nobody can commit then.
func (s *share) stamp() (engine.Stamp, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.round == nil {
		return engine.Stamp{}, false
	}
	select {
	case <-s.round.opened:
	default:
		return engine.Stamp{}, false
	}
	if s.round.err != nil {
		return engine.Stamp{}, false
	}
	return engine.Stamp{Generation: s.round.state.tree.meta.txid, Storage: s.round.state.storage}, true
}

// forget closes the file. No view is under way, or it is the one that calls.
func (s *share) forget() {
	if s.state != nil {
		s.state.file.Close()
		s.state = nil
	}
}
