package agent

import (
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"tacit/internal/keeper"
)

// state is whether the vault is open, and until when. Times are durations since boot, which go on while the machine sleeps.
//
// The vault locks when its time is up or nobody has used it for a while; every request asks first, so that a clock which jumped
// ahead counts at once, and [state.watch] does it without a request.
type state struct {
	newKeeper func() *keeper.Keeper // without keys
	files     func() error          // what is wrong with the vault's files
	serve     func(keeper.API) http.Handler
	boot      func() time.Duration
	now       func() time.Time

	mu      sync.Mutex
	current *session // never nil until the end
	open    bool
	until   time.Duration // open: the latest time
	idle    time.Duration // open: how long nobody may use it
	used    time.Duration // open: when somebody last did
	tidied  time.Duration // the value of used when memory was last given back
	busy    int           // requests under way that count as use
	closing []*session    // may still have keys
	changed chan struct{} // tells watch to look again
}

func newState(newKeeper func() *keeper.Keeper, serve func(keeper.API) http.Handler, files func() error, boot func() time.Duration, now func() time.Time) *state {
	s := &state{newKeeper: newKeeper, serve: serve, files: files, boot: boot, now: now, changed: make(chan struct{}, 1)}
	s.replace(newKeeper())
	return s
}

// use says how a request counts.
type use int

const (
	look   use = iota // does not: whoever only asks how things are keeps nothing open
	work              // while it is under way and when it ends
	stream            // when it begins: it may last for days
)

// ServeHTTP answers with the session of this moment.
func (s *state) serveAs(how use, w http.ResponseWriter, r *http.Request) {
	for {
		session := s.begin(how)
		ctx, leave, ok := session.enter(r.Context(), how == stream)
		if !ok { // closed just now: the next one is there already
			s.finish(how)
			continue
		}
		defer leave()
		defer s.finish(how)
		defer s.stale(session)
		session.handler.ServeHTTP(w, r.WithContext(ctx))
		return
	}
}

// begin returns the session of this moment.
func (s *state) begin(how use) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lockIfDue()
	if how == work {
		s.busy++
	}
	if how != look {
		s.used = s.boot()
	}
	return s.current
}

func (s *state) finish(how use) {
	if how != work {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	s.used = s.boot()
}

// stale locks when a request found that the keys it had are those of the past: another process changed the root key. Then a
// command is better off without the agent.
func (s *state) stale(was *session) {
	if !was.keeper.Locked() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == was {
		s.forget()
	}
}

// touch counts as use. When others can get at the vault's files it locks: a command that finds the agent locked looks itself, and
// says what is wrong with them (I07).
func (s *state) touch() {
	s.begin(stream)
	if err := s.files(); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.forget()
	}
}

// unlock opens the vault with a root key, after proving that the key opens it. When it is open already the new times count.
func (s *state) unlock(ctx context.Context, rootKey []byte, slot string, most, idle time.Duration) error {
	k := s.newKeeper()
	if err := k.Adopt(ctx, rootKey, slot); err != nil {
		_ = k.Close()
		return err
	}
	s.mu.Lock()
	now := s.boot()
	s.replace(k)
	s.open, s.until, s.idle, s.used = true, now+most, idle, now
	s.mu.Unlock()
	s.wake()
	debug.FreeOSMemory() // collects, so that nothing of the root key stays in garbage
	return nil
}

// reconfigure has requests from now on decided by what the configuration says now.
func (s *state) reconfigure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.keeper.Reconfigure()
}

// enforced reports whether what policy denies is refused.
func (s *state) enforced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.keeper.Enforced()
}

// lock forgets the keys, and returns when they are gone.
func (s *state) lock() {
	s.mu.Lock()
	s.forget()
	s.mu.Unlock()
	s.settle()
}

// forget locks. The caller has mu, and settles when it has given it back.
func (s *state) forget() {
	if s.open {
		s.open = false
		s.replace(s.newKeeper())
	}
	for _, old := range s.closing {
		old.evict()
	}
}

// replace puts a session with another keeper in the place of the current one, which goes on for those who are in it. The caller
// has mu.
func (s *state) replace(k *keeper.Keeper) {
	old := s.current
	s.current = newSession(k, s.serve(k))
	if old == nil {
		return
	}
	s.closing = append(slices.DeleteFunc(s.closing, (*session).isGone), old)
	go old.close()
}

// settle waits until the keys of sessions that were closed are gone.
func (s *state) settle() {
	s.mu.Lock()
	closing := slices.Clone(s.closing)
	s.mu.Unlock()
	for _, old := range closing {
		<-old.gone
	}
	debug.FreeOSMemory() // collects, so that keys which are only referred to by garbage are destroyed too
}

// due is how long the vault may stay open if nothing happens. The caller has mu.
func (s *state) due() time.Duration {
	now := s.boot()
	left := s.until - now
	if s.busy == 0 {
		left = min(left, s.used+s.idle-now)
	}
	return left
}

// lockIfDue locks when the time is up. The caller has mu.
func (s *state) lockIfDue() {
	if s.open && s.due() <= 0 {
		s.forget()
	}
}

// times returns when the vault locks at the latest, and when it does if nobody uses it; nil while it is locked.
func (s *state) times() (locked bool, at, idleAt *time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lockIfDue()
	if !s.open {
		return true, nil, nil
	}
	now, boot := s.now().UTC(), s.boot()
	latest := now.Add(s.until - boot).Truncate(time.Second)
	idle := now.Add(s.used + s.idle - boot).Truncate(time.Second)
	if idle.After(latest) {
		idle = latest
	}
	return false, &latest, &idle
}

// tick bounds how long watch sleeps: its timer stands still with the machine. And so often the vault is told how far the log has
// come (I17).
const tick = 10 * time.Second

// watch locks the vault in time and keeps the log anchored, until ctx ends.
func (s *state) watch(ctx context.Context) {
	for {
		s.mu.Lock()
		was := s.open
		s.lockIfDue()
		wait := tick
		if s.open {
			wait = min(wait, s.due())
		}
		locked := was && !s.open
		s.mu.Unlock()
		if locked {
			s.settle()
		} else if was {
			s.anchor(ctx)
			s.tidy()
		}
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-timer.C:
		case <-s.changed:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// anchor has the open vault remember how far the log has come. That it could not is found by whoever uses the vault next.
func (s *state) anchor(ctx context.Context) {
	s.mu.Lock()
	session := s.current
	s.mu.Unlock()
	inside, leave, ok := session.enter(ctx, false)
	if !ok {
		return
	}
	defer leave()
	_ = session.keeper.AnchorLog(inside)
}

// tidy gives memory back once nobody has used the vault for a tick: what a long listing took, and what values left behind.
func (s *state) tidy() {
	s.mu.Lock()
	due := s.busy == 0 && s.used != s.tidied && s.boot()-s.used >= tick
	if due {
		s.tidied = s.used
	}
	s.mu.Unlock()
	if due {
		debug.FreeOSMemory()
	}
}

func (s *state) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// end locks for good: nothing is served any more.
func (s *state) end() {
	s.lock()
	s.mu.Lock()
	last := s.current
	s.mu.Unlock()
	last.evict()
	last.close()
}
