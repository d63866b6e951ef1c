package keeper

import (
	"context"
	"sync"
	"time"

	"tacit/internal/audit"
	"tacit/internal/vault"
)

const (
	endWithin = 10 * time.Millisecond // how long a record of an end waits for another to be written with
	maxEnds   = 256                   // that wait
	// maxEndPath bounds the path in a record that waits: it is written with those of others, whom it must not keep from being written.
	maxEndPath = 4096
)

// ends are the records of what became of uses, which wait to be written with the next record, whosever it is. Nobody depends on them:
// the decision is in the log already, and an end that is not there says that it is not known.
type ends struct {
	mu      sync.Mutex
	waiting []*audit.Record
	timer   *time.Timer // runs while something waits

	writing sync.Mutex // held by the timer while it writes
}

// add has a record wait, or reports that it must not.
func (e *ends) add(r *audit.Record, write func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) >= maxEnds || r.Request == nil || len(r.Request.Path) > maxEndPath {
		return false
	}
	if e.waiting = append(e.waiting, r); e.timer == nil {
		e.timer = time.AfterFunc(endWithin, func() {
			e.writing.Lock()
			defer e.writing.Unlock()
			e.mu.Lock()
			e.timer = nil
			e.mu.Unlock()
			write()
		})
	}
	return true
}

// take returns what waits, for who is about to write.
func (e *ends) take() []*audit.Record {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.waiting
	e.waiting = nil
	return taken
}

func (e *ends) none() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting) == 0
}

// rest stops the timer, and waits for it when it is writing.
func (e *ends) rest() {
	e.mu.Lock()
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	e.mu.Unlock()
	e.writing.Lock()
	e.writing.Unlock() //nolint:staticcheck // to have waited
}

// writeEnds writes the ends that wait. Who reads the log does so first.
func (k *Keeper) writeEnds(ctx context.Context) {
	if k.ends.none() {
		return
	}
	_ = k.vault.View(ctx, func(r *vault.Reader) error {
		_, err := k.append(ctx, r.Anchor(), false)
		return err
	})
}
