package azurekeyvault

import (
	"bytes"
	"context"
	"time"

	"tacit/internal/provider"
	"tacit/internal/secret"
)

// early is how long before its end a token is no longer used.
const early = 2 * time.Minute

// A session is the token that requests are made with, in memory only.
type session struct {
	identity identity
	turn     provider.Turn // who has it may touch what follows
	token    secret.Value  // empty: none
	until    time.Time
}

// current returns a token, and whether it was got just now. One caller gets it for all that wait; if it gives up, the next one tries.
// A token that was refused is not used again.
func (s *session) current(ctx context.Context, refused secret.Value) (token secret.Value, fresh bool, err error) {
	if s.turn.Take(ctx) != nil {
		return secret.Value{}, false, provider.Ended(ctx, s.identity.name)
	}
	defer s.turn.Give()
	now := s.identity.world.Now()
	if s.token.Len() > 0 && !bytes.Equal(s.token.Reveal(), refused.Reveal()) && now.Before(s.until) {
		return s.token, false, nil
	}
	got, err := s.identity.get(ctx)
	if err != nil {
		return secret.Value{}, false, err
	}
	s.token, s.until = got.text, now.Add(got.life-early)
	return s.token, true, nil
}
