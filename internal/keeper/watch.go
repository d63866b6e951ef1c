package keeper

import (
	"context"
	"time"

	"tacit/internal/vault"
)

// watchEvery is how long a stream goes on after its caller was refused, at most.
const watchEvery = 500 * time.Millisecond

// whileAllowed returns a context for a stream to the caller. It ends, with the refusal as its cause, once the caller's token is no
// good any more or may returns an error (I18). The owner is not watched. stop ends the watching.
func (k *Keeper) whileAllowed(ctx context.Context, c Caller, may func(*asker) error) (watched context.Context, stop func()) {
	if c.isOwner() {
		return ctx, func() {}
	}
	watched, end := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		each := time.NewTicker(watchEvery)
		defer each.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-each.C:
			}
			err := k.view(watched, func(r *vault.Reader) error {
				a, err := k.admit(r, c)
				if err != nil {
					return err
				}
				return may(a)
			})
			if err != nil {
				end(err)
			}
		}
	}()
	return watched, func() {
		end(nil)
		<-done
	}
}

// ended is the error of a stream that ended with err: what ended its context comes first.
func ended(watched context.Context, err error) error {
	if cause := context.Cause(watched); cause != nil {
		return cause
	}
	return err
}
