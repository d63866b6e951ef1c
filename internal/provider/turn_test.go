package provider_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"tacit/internal/provider"
)

// TestTurn: one at a time; who is tired of waiting leaves, and takes nobody's turn.
func TestTurn(t *testing.T) {
	t.Parallel()
	turn := provider.NewTurn()
	n := 0 // the race detector sees two at once
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if err := turn.Take(t.Context()); err != nil {
					t.Error(err)
					return
				}
				n++
				turn.Give()
			}
		})
	}
	all.Wait()
	if n != 800 {
		t.Errorf("%d turns", n)
	}
	if err := turn.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	tired, leave := context.WithCancel(t.Context())
	leave()
	if err := turn.Take(tired); !errors.Is(err, context.Canceled) {
		t.Errorf("Take: %v", err)
	}
	turn.Give()
	if err := turn.Take(t.Context()); err != nil {
		t.Error(err)
	}
}
