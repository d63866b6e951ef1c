package provider

import (
	"errors"
	"fmt"
	"time"

	"tacit/internal/fault"
)

// Origin is who failed, in every error of a provider.
const Origin = "provider"

// Errorf returns an error of the provider of that name, as all of them look: "azure-keyvault: denied: the store answered 403". The
// text says what the store answered; it holds no value and no URL that came from the store. Name the secret with
// [fault.Error.About], and the way out with [fault.Error.WithFix].
func Errorf(class fault.Code, provider, format string, args ...any) *fault.Error {
	return fault.New(class, "%s: %s: %s", provider, word(class), fmt.Sprintf(format, args...)).From(Origin)
}

// word is a class as a person reads it.
func word(class fault.Code) string {
	switch class {
	case fault.NotFound:
		return "not found"
	case fault.Limited:
		return "too many requests"
	case fault.Usage:
		return "misconfigured"
	}
	return string(class)
}

// NotFound returns the error for a secret that the store itself says it does not have; it alone lets the chain ask the next provider
// (I19).
func NotFound(provider, secret string) *fault.Error {
	return Errorf(fault.NotFound, provider, "no such secret: %s", secret).About(secret)
}

// retryAfter is an error of a store that said when to come back.
type retryAfter struct {
	error
	after time.Duration
}

func (e *retryAfter) Unwrap() error { return e.error }

// WithRetryAfter returns err with the time that the store asked us to wait; see [RetryAfter].
func WithRetryAfter(err error, d time.Duration) error {
	if err == nil || d <= 0 {
		return err
	}
	return &retryAfter{err, d}
}

// RetryAfter returns the time that the store asked us to wait before the next attempt, if it said so.
func RetryAfter(err error) (time.Duration, bool) {
	var e *retryAfter
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.after, true
}
