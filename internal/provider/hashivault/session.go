package hashivault

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"tacit/internal/provider"
	"tacit/internal/secret"
)

// margin is how long before its end a token is no longer used, as a part of its life.
const margin = 10

// A session is the token that requests are made with. It is got when the first request needs it, kept in memory only, and got anew when
// its time is over.
type session struct {
	method method
	now    func() time.Time
	blind  atomic.Bool // its tokens may not look themselves up

	turn  provider.Turn // who has it may touch what follows
	token secret.Value  // empty: none
	until time.Time     // zero: no end is known
}

func newSession(m method, now func() time.Time) *session {
	return &session{method: m, now: now, turn: provider.NewTurn()}
}

// current returns a token, and whether it was got just now. One caller logs in for all that wait; if it gives up, the next one tries.
func (s *session) current(ctx context.Context, v *conn) (token secret.Value, fresh bool, err error) {
	if s.turn.Take(ctx) != nil {
		return secret.Value{}, false, provider.Ended(ctx, v.name)
	}
	defer s.turn.Give()
	if s.token.Len() > 0 && (s.until.IsZero() || s.now().Before(s.until)) {
		return s.token, false, nil
	}
	token, lease, err := s.method.token(ctx, v)
	if err != nil {
		return secret.Value{}, false, err
	}
	s.token, s.until = token, time.Time{}
	if lease > 0 {
		s.until = s.now().Add(lease - lease/margin)
	}
	return token, true, nil
}

// drop forgets token, unless there is another one already.
func (s *session) drop(ctx context.Context, token secret.Value) {
	if s.turn.Take(ctx) != nil {
		return
	}
	defer s.turn.Give()
	if bytes.Equal(s.token.Reveal(), token.Reveal()) {
		s.token = secret.Value{}
	}
}

// end forgets the token, and returns it if we logged in for it.
func (s *session) end(ctx context.Context) secret.Value {
	if s.turn.Take(ctx) != nil {
		return secret.Value{}
	}
	defer s.turn.Give()
	token := s.token
	s.token = secret.Value{}
	if !s.method.renews() || !s.until.IsZero() && !s.now().Before(s.until) { // somebody else's, or as good as over
		return secret.Value{}
	}
	return token
}
