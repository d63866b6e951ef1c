package provider

import (
	"context"

	"tacit/internal/fault"
)

// A Turn lets one caller at a time do something: one logs in, or fetches credentials, for all that wait. Unlike those of a mutex, who is
// tired of waiting can leave.
type Turn struct{ taken chan struct{} }

// NewTurn returns a turn that nobody has.
func NewTurn() Turn { return Turn{make(chan struct{}, 1)} }

// Take waits for the turn, and returns the error of ctx when that ends first. Who gets it gives it back.
func (t Turn) Take(ctx context.Context) error {
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ForCredentials is Take for credentials, which one caller fetches for all. Who is tired of waiting gets an error of the provider of that name.
func (t Turn) ForCredentials(ctx context.Context, provider string) error {
	err := t.Take(ctx)
	if err == nil {
		return nil
	}
	e := Errorf(fault.Unavailable, provider, "no credentials in time").WithFix("try again")
	e.Err = err
	return e
}

// Give gives the turn back.
func (t Turn) Give() { <-t.taken }
