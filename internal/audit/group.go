package audit

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// Append takes audit.lock, drops a torn last line, opens the last record (fault.Tampered or fault.Foreign if it does not
// open), calls decide with it and appends the records that decide returns, in order. Each record's Seq is set.
// The bytes are written when Append returns and, if durable is true, on disk, with all that was written before. If they cannot be written, nothing is (the file is
// cut back) and the error has class fault.DiskFull, fault.Permissions, fault.Busy or fault.Failed.
// It returns the head after the last record. An error of decide is returned as it is.
//
// Appends that come at the same time share the lock, the write and the sync. So decide may be called in another caller's
// goroutine, but never two at once, and what it is told may be a record that is about to be written.
//
// The caller holds the vault's lock, see the package comment.
func (l *Log) Append(ctx context.Context, durable bool, decide func(last Last) ([]*Record, error)) (Head, error) {
	if l.opts.Keys == nil || !validVault(l.opts.VaultID) {
		return Head{}, fault.New(fault.Failed, "append to the audit log: no keys or no vault id")
	}
	r := &request{ctx: ctx, durable: durable, decide: decide, err: errAbandoned, turn: make(chan bool, 1)}
	if l.queue.join(r) || <-r.turn {
		runtime.Gosched() // who was served with the batch before may come again: let them into this one
		batch := l.queue.take()
		defer l.queue.leave(r, batch)
		l.serve(batch)
	}
	return r.head, r.err
}

var errAbandoned = errors.New("append to the audit log: abandoned")

// request is one call of Append, and the answer to it.
type request struct {
	ctx     context.Context //nolint:containedctx // of the caller, who waits
	durable bool
	decide  func(last Last) ([]*Record, error)
	turn    chan bool // true: serve what waits, yourself included; false: you were served

	head Head
	err  error
}

// queue gathers appends. One caller serves all that wait; those who come meanwhile wait for the next one, who is the first of them.
type queue struct {
	mu      sync.Mutex
	served  bool // somebody is serving
	waiting []*request
}

// join enters r and reports whether its caller is to serve.
func (q *queue) join(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
	first := !q.served
	q.served = true
	return first
}

func (q *queue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.waiting
	q.waiting = nil
	return batch
}

// leave ends the turn of r, which has served the batch.
func (q *queue) leave(r *request, batch []*request) {
	q.mu.Lock()
	if q.served = len(q.waiting) > 0; q.served {
		q.waiting[0].turn <- true
	}
	q.mu.Unlock()
	for _, other := range batch {
		if other != r {
			other.turn <- false
		}
	}
}

// serve answers the requests of a batch.
func (l *Log) serve(requests []*request) {
	l.turn.Lock()
	defer l.turn.Unlock()
	err := l.serveLocked(requests)
	if err == nil {
		return
	}
	for _, r := range requests {
		if r.err == nil || errors.Is(r.err, errAbandoned) {
			r.head, r.err = Head{}, err
		}
	}
}

// serveLocked decides and writes under audit.lock. Its error is that of every request which has none of its own.
func (l *Log) serveLocked(requests []*request) error {
	if err := l.sync.failed(); err != nil {
		return err
	}
	if err := paths.EnsureDir(l.opts.Dir); err != nil {
		return err
	}
	ctx := requests[0].ctx
	if len(requests) > 1 {
		ctx = context.WithoutCancel(ctx) // the others want to go on
	}
	unlock, err := l.lock.Lock(ctx, l.lockPath())
	if err != nil {
		return err
	}
	defer func() {
		if unlock(); l.kept == nil {
			l.lock.Close()
		}
	}()
	l.trace("locked")
	e, err := l.takeEnd()
	if err != nil {
		return err
	}
	defer l.giveEnd(e)
	durable, b := false, &batch{e: e, last: e.last, buf: slices.Grow(l.space[:0], len(requests)*1024)}
	defer func() {
		if l.space = b.buf; cap(l.space) > maxLine {
			l.space = nil // of a large change
		}
	}()
	for _, r := range requests {
		if r.head, r.err = r.answer(b); r.err == nil {
			durable = durable || r.durable
		}
	}
	switch {
	case len(b.buf) > 0:
		err = e.append(b, durable)
	case durable && e.seg != nil:
		if err = e.seg.f.Sync(); err != nil { // what was written before
			return paths.Explain(err, e.seg.path, "sync %s", e.seg.path)
		}
		l.trace("synced")
	default:
		return nil
	}
	if err == nil {
		l.own = e.last.Head
		l.sync.wrote(e.seg.f, durable || b.opens != nil)
	}
	return err
}

// answer asks one caller and takes its records into the batch.
func (r *request) answer(b *batch) (Head, error) {
	if r.ctx.Err() != nil {
		return Head{}, context.Cause(r.ctx)
	}
	records, err := r.decide(b.last)
	if err != nil {
		return Head{}, err
	}
	if len(records) > 0 {
		if err := b.add(records); err != nil {
			return Head{}, err
		}
	}
	return b.last.Head, nil
}

// takeEnd returns the end of the log: the one that was kept, if the log goes on there.
func (l *Log) takeEnd() (*end, error) {
	e := l.kept
	l.kept = nil
	if e == nil {
		return l.openEnd(true)
	}
	size, ok := e.goesOn()
	if !ok {
		l.sync.close(e)
		return l.openEnd(true)
	}
	if e.stands(size) {
		return e, nil
	}
	e.seg.size, e.line = size, nil // another process has written
	if err := e.find(); err != nil {
		l.sync.close(e)
		return nil, err
	}
	return e, nil
}

// giveEnd keeps an end for the next append while a syncer runs: a process that appends once has nothing of it.
func (l *Log) giveEnd(e *end) {
	if l.sync.running() && e.seg != nil {
		l.kept = e
		return
	}
	e.close()
}

// dropEnd closes the end that is kept.
func (l *Log) dropEnd() {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.kept != nil {
		l.sync.close(l.kept)
		l.kept = nil
	}
	l.lock.Close()
}
