// Package oskeyring keeps small keys in the keyring of the user's login session: the Secret Service on Linux, the Keychain on
// macOS, the Credential Manager on Windows. It satisfies envelope.OSKeyring and knows nothing of slots but their ids.
//
// On Linux it is a client of its own, of the freedesktop.org Secret Service API draft 0.2
// (https://specifications.freedesktop.org/secret-service-spec/), because the libraries send the key in the clear over the bus,
// wait for ever for a prompt that nobody can answer, and start a bus where there is none. This one encrypts (Diffie-Hellman,
// AES), ends with its context, and starts nothing on a machine without a display.
package oskeyring

import (
	"context"
	"errors"
	"time"

	"tacit/internal/fault"
)

// promptTime bounds the wait for a user who is asked to unlock the keyring, where there is a display to ask on.
const promptTime = 2 * time.Minute

// callTime bounds everything else.
const callTime = 5 * time.Second

var errNone = fault.New(fault.NotFound, "the keyring has no key for this slot")

// within runs fn, and returns when ctx ends even if fn does not.
func within[T any](ctx context.Context, limit time.Duration, fn func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := fn(ctx)
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			r.err = errSilent
		}
		return r.v, r.err
	case <-ctx.Done():
		var zero T
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return zero, errSilent
		}
		return zero, ctx.Err()
	}
}

var errSilent = fault.New(fault.Unavailable, "the keyring does not answer")
