package agent

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// graceTime is how long a lock waits for requests that are under way before it ends them.
const graceTime = 2 * time.Second

// session is a keeper for as long as it is open, or the one that has no keys, and the requests that use it.
type session struct {
	keeper  *keeper.Keeper
	handler http.Handler

	requests sync.WaitGroup
	mu       sync.Mutex
	closed   bool
	under    map[*request]struct{} // way

	hurry chan struct{} // closed: who is still inside must leave
	once  sync.Once     // closes hurry
	gone  chan struct{} // closed: the keys are destroyed
}

func newSession(k *keeper.Keeper, h http.Handler) *session {
	return &session{keeper: k, handler: h, under: map[*request]struct{}{}, hurry: make(chan struct{}), gone: make(chan struct{})}
}

// request is one that uses a session.
type request struct {
	cancel context.CancelCauseFunc
	conn   net.Conn // nil in a test without a network
	stream bool     // lasts until the caller has enough
}

// enter lets a request use the session until leave is called. It is false once the session is closed.
func (s *session) enter(ctx context.Context, stream bool) (inside context.Context, leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, false
	}
	r := &request{stream: stream}
	if c, ok := connOf(ctx); ok {
		r.conn = c
	}
	inside, r.cancel = context.WithCancelCause(ctx)
	s.requests.Add(1)
	s.under[r] = struct{}{}
	return inside, func() {
		s.mu.Lock()
		delete(s.under, r)
		s.mu.Unlock()
		r.cancel(nil)
		s.requests.Done()
	}, true
}

// close ends the session: nobody enters any more, and when the last request has left, the keys are destroyed. Those who are
// inside may take their time until somebody calls [session.evict].
func (s *session) close() {
	defer close(s.gone)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.requests.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-s.hurry:
		s.end(func(r *request) bool { return r.stream })
		patience := time.NewTimer(graceTime)
		defer patience.Stop()
		select {
		case <-done:
		case <-patience.C:
			s.end(func(*request) bool { return true })
			<-done
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), graceTime)
	defer cancel()
	_ = s.keeper.AnchorLog(ctx) // a log that cannot be anchored is no reason to keep the keys
	_ = s.keeper.Close()        // nothing is left to be written
}

func (s *session) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// evict ends streams at once, and other requests within graceTime, once the session is closed.
func (s *session) evict() { s.once.Do(func() { close(s.hurry) }) }

// end cancels the requests that match. Their connections are closed too: what is at the other end may not read on.
func (s *session) end(match func(*request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.under {
		if match(r) {
			r.cancel(errLocked())
			if r.conn != nil && !r.stream {
				_ = r.conn.Close()
			}
		}
	}
}

func errLocked() error { return fault.New(fault.Locked, "the vault is locked").WithFix("tacit unlock") }
