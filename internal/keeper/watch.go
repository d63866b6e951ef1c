package keeper

import (
	"context"
	"sync"
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
	w := &watch{look: func() error {
		return k.view(watched, func(r *vault.Reader) error {
			a, err := k.admitted(r, c, true)
			if err != nil {
				return err
			}
			return may(a)
		})
	}, end: end}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = time.AfterFunc(watchEvery, w.once)
	return watched, w.stop
}

// A watch looks again and again whether a caller is still allowed something. Most of what is watched is over before the first look, so
// it costs a timer and no goroutine.
type watch struct {
	look func() error
	end  context.CancelCauseFunc

	mu    sync.Mutex // held while it looks
	over  bool
	again *time.Timer
}

func (w *watch) once() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if err := w.look(); err != nil {
		w.end(err)
		return
	}
	w.again.Reset(watchEvery)
}

// stop ends the watching, and waits for a look that is under way: the keys may be wiped after that.
func (w *watch) stop() {
	w.end(nil) // first: it interrupts a look
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.again.Stop()
}

// ended is the error of a stream that ended with err: what ended its context comes first.
func ended(watched context.Context, err error) error {
	if cause := context.Cause(watched); cause != nil {
		return cause
	}
	return err
}
