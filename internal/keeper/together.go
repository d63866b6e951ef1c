package keeper

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/vault"
)

// Why it is done like this: docs/decisions/0018-changes-are-committed-together.md.

// batchTime is how long a batch takes changes in. What it makes durable then fits into the 20 ms for which it may keep other
// processes out.
const batchTime = 5 * time.Millisecond

// errAbandoned is the answer to a change in whose batch another one panicked.
var errAbandoned = fault.New(fault.Failed, "the change was abandoned").WithFix("run the command again")

// member is one change, which waits to be made and committed with others.
type member struct {
	ctx    context.Context //nolint:containedctx // of the caller, who waits
	caller Caller
	do     func(*change) (*decision, error)

	turn chan bool // true: lead what waits, yourself included; false: err is your answer
	told bool      // to lead

	asker    *asker
	decision *decision
	changed  bool  // there is something to commit
	leans    bool  // what it did, or why it failed, stands on what is to be committed
	result   error // of do
	err      error // the answer
}

// together has a change made and committed, with those of others that wait at the same time: one caller leads, and makes the changes
// of all who have come by then.
//
// A caller who gives up while it waits is not made to; once its change is being made it is told what became of it.
func (k *Keeper) together(m *member) error {
	m.turn, m.err = make(chan bool, 1), errAbandoned
	lead := k.changes.join(m)
	if !lead {
		select {
		case lead = <-m.turn:
		case <-m.ctx.Done():
			if k.changes.withdraw(m) {
				return m.ctx.Err()
			}
			lead = <-m.turn
		}
	}
	if lead {
		k.lead(m)
	}
	return m.err
}

// lead commits one batch.
func (k *Keeper) lead(m *member) {
	b := batch{keeper: k}
	defer func() { k.changes.leave(m, b.members) }()
	early := k.changes.all()
	err := k.vault.Update(m.ctx, b.run, k.hooksOf(b.decided))
	switch {
	case len(b.members) > 0:
		b.answer(err)
	case errors.Is(err, fault.Busy):
		// Who waited as long as this one has waited long enough.
		for _, other := range early {
			if other == m || k.changes.withdraw(other) {
				other.result = err
				b.members = append(b.members, other)
			}
		}
		b.answer(nil)
	default:
		m.err = err // the others see for themselves
	}
}

// batch is the changes of one transaction.
type batch struct {
	keeper  *Keeper
	members []*member
}

// run makes the changes of those who wait, one after the other.
func (b *batch) run(tx *vault.Tx) error {
	runtime.Gosched() // who was answered with the batch before may come again: let them into this one
	for began := time.Now(); len(b.members) == 0 || time.Since(began) < b.keeper.changes.within; {
		m := b.keeper.changes.next()
		if m == nil {
			break
		}
		m.leans = slices.ContainsFunc(b.members, func(other *member) bool { return other.changed })
		b.members = append(b.members, m)
		m.run(b.keeper, tx)
	}
	return nil
}

// run makes one change in a part of the transaction. When it fails, the decision it returned, if any, is written as a failure.
func (m *member) run(k *Keeper, tx *vault.Tx) {
	if m.result = m.ctx.Err(); m.result != nil {
		return
	}
	m.changed, m.result = tx.Part(func(tx *vault.Tx) (err error) {
		if m.asker, err = k.admit(&tx.Reader, m.caller); err != nil {
			return k.turnedAway(m.ctx, m.asker, tx.Anchor(), err)
		}
		if m.decision, err = m.do(&change{tx, m.asker}); err == nil {
			err = m.asker.spend(tx)
		}
		if err == nil || m.decision == nil {
			return err
		}
		if werr := k.record(m.ctx, m.asker.Caller, tx.Anchor(), m.decision, err); werr != nil {
			return werr
		}
		return err
	})
}

// decided returns what is about to be committed. One caller who gives up does not end it for the others.
func (b *batch) decided() (ctx context.Context, all []*decision) {
	for _, m := range b.members {
		if m.changed {
			m.decision.settle(nil)
			b.keeper.complete(&m.decision.Record, m.asker.Caller, nil)
			all = append(all, m.decision)
		}
	}
	if ctx = b.members[0].ctx; len(b.members) > 1 {
		ctx = context.WithoutCancel(ctx)
	}
	return ctx, all
}

// answer tells each member its result, or the error of the transaction if that concerns it.
func (b *batch) answer(err error) {
	for _, m := range b.members {
		if m.err = m.result; err != nil && (m.changed || m.leans) {
			m.err = err
		}
	}
}

// changes is the queue of those who want to change the vault. One at a time leads; who comes meanwhile waits for the next batch, which
// the first of them leads.
type changes struct {
	within time.Duration // how long a batch takes them in

	mu      sync.Mutex
	led     bool
	waiting []*member // the leader is the first until it takes itself
}

// join enters m and reports whether it is to lead.
func (q *changes) join(m *member) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, m)
	first := !q.led
	q.led, m.told = true, first
	return first
}

// all returns those who wait.
func (q *changes) all() []*member {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.waiting)
}

// next takes the first of those who wait; nil: nobody does.
func (q *changes) next() *member {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	m := q.waiting[0]
	q.waiting = q.waiting[1:]
	return m
}

// withdraw takes m out. It reports whether m was only waiting: neither taken nor told to lead.
func (q *changes) withdraw(m *member) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, m)
	if i < 0 || m.told {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// leave ends the turn of its leader, which has answered others.
func (q *changes) leave(leader *member, answered []*member) {
	q.mu.Lock()
	if len(q.waiting) > 0 && q.waiting[0] == leader { // it could not begin
		q.waiting = q.waiting[1:]
	}
	if q.led = len(q.waiting) > 0; q.led {
		q.waiting[0].told = true
		q.waiting[0].turn <- true
	}
	q.mu.Unlock()
	for _, m := range answered {
		if m != leader {
			m.turn <- false
		}
	}
}
