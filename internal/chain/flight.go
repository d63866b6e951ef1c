package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

const (
	// atOnce is how many names a store is asked for at the same time when it cannot be asked for all together.
	atOnce = 8
	// firstWait is below what the first wait before another attempt is; each later one may be twice as long.
	firstWait = 100 * time.Millisecond
)

// A flight is one question to a store, on its way or answered. Whoever wants to know the same joins it; who gives up leaves the others
// alone.
type flight struct {
	asked provider.Asked
	done  chan struct{} // closed when the answer is here
	item  provider.Item
	err   error
	at    time.Time // of the answer
	kept  bool      // it is on disk
}

// fetched is the answer to one question.
type fetched struct {
	item provider.Item // its value belongs to who asked
	age  time.Duration // 0: it was just asked
	err  error
}

// fetch returns what the store says to each question: what it said in this run if that is young enough, else what it says now.
func (m *member) fetch(ctx context.Context, p provider.Provider, asked []provider.Asked) []fetched {
	out := make([]fetched, len(asked))
	joined := make([]*flight, len(asked))
	var own []*flight
	began := m.chain.opts.World.Now()
	m.mu.Lock()
	for i, q := range asked {
		f := m.flights[q]
		if f == nil || !m.young(f, began) {
			f = &flight{asked: q, done: make(chan struct{})}
			m.flights[q] = f
			own = append(own, f)
		}
		joined[i] = f
	}
	m.mu.Unlock()
	if len(own) > 0 {
		m.chain.busy.Go(func() { m.fly(p, own) })
	}
	for i, f := range joined {
		select {
		case <-f.done:
		case <-ctx.Done():
			out[i].err = ctx.Err()
			continue
		}
		out[i] = f.answer(began)
	}
	return out
}

// answer is what a flight that has landed brought, for one who asked.
func (f *flight) answer(now time.Time) fetched {
	out := fetched{item: f.item, err: f.err, age: max(0, now.Sub(f.at))}
	out.item.Value = secret.New(bytes.Clone(f.item.Value.Reveal()))
	return out
}

// fly asks the store. It goes on when who asked first gives up, until the time of the provider is over or the chain is closed.
func (m *member) fly(p provider.Provider, own []*flight) {
	if b, ok := p.(provider.Batch); ok && len(own) > 1 {
		ctx, stop := context.WithTimeout(m.chain.life, m.spec.Timeout)
		defer stop()
		m.flyTogether(ctx, b, own)
		return
	}
	next := make(chan *flight)
	var workers sync.WaitGroup
	for range min(atOnce, len(own)) {
		workers.Go(func() {
			for f := range next {
				ctx, stop := context.WithTimeout(m.chain.life, m.spec.Timeout)
				var item provider.Item
				err := m.again(ctx, func() (err error) {
					item, err = p.Read(ctx, f.asked.Name, f.asked.Version)
					return err
				})
				stop()
				m.land(f, item, err)
			}
		})
	}
	for _, f := range own {
		next <- f
	}
	close(next)
	workers.Wait()
}

// flyTogether asks for all at once, and again for those that had no answer.
func (m *member) flyTogether(ctx context.Context, b provider.Batch, own []*flight) {
	answers := make(map[*flight]provider.Answer, len(own))
	left := own
	_ = m.again(ctx, func() error {
		asked := make([]provider.Asked, len(left))
		for i, f := range left {
			asked[i] = f.asked
		}
		got := b.ReadMany(ctx, asked)
		var (
			failed []*flight
			last   error
		)
		for i, f := range left {
			a := provider.Answer{Err: provider.Errorf(fault.Unavailable, m.spec.Name, "it gave %d answers to %d questions", len(got), len(left))}
			if len(got) == len(left) {
				a = got[i]
			}
			answers[f] = a
			if transient(a.Err) {
				failed, last = append(failed, f), longest(last, a.Err)
			}
		}
		left = failed
		return last
	})
	for _, f := range own {
		a := answers[f]
		m.land(f, a.Item, a.Err)
	}
}

// longest returns of two errors the one that asks to wait longer.
func longest(a, b error) error {
	x, _ := provider.RetryAfter(a)
	y, _ := provider.RetryAfter(b)
	if a != nil && x >= y {
		return a
	}
	return b
}

// land is told the answer. An error is an answer to those who wait for it, and is not kept.
func (m *member) land(f *flight, item provider.Item, err error) {
	if err == nil && item.Value.Len() == 0 {
		err = provider.Errorf(fault.Invalid, m.spec.Name, "it has an empty value for %s", f.asked.Name).About(f.asked.Name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f.item, f.err, f.at = item, m.word(err), m.chain.opts.World.Now()
	if f.err != nil && m.flights[f.asked] == f {
		delete(m.flights, f.asked)
	}
	close(f.done)
}

// transient reports whether asking again may help: only when the store did not answer, or said to come back later.
func transient(err error) bool {
	return errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Limited)
}

// again calls try until it succeeds, fails in a way that stays, or the time of ctx does not allow another attempt.
func (m *member) again(ctx context.Context, try func() error) error {
	for attempt := 0; ; attempt++ {
		err := try()
		if !transient(err) || attempt >= m.retries || ctx.Err() != nil {
			return err
		}
		most := firstWait << attempt
		wait := m.chain.opts.Jitter(most)
		if asked, ok := provider.RetryAfter(err); ok {
			wait = asked + m.chain.opts.Jitter(firstWait)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		if m.chain.opts.Wait(ctx, wait) != nil {
			return err
		}
	}
}

// word makes sure that an error names the provider and has a class that stops the chain unless the store itself said that there is no
// such secret.
func (m *member) word(err error) error {
	var f *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return provider.Errorf(fault.Unavailable, m.spec.Name, "it did not answer within %s", m.spec.Timeout).
			WithFix("tacit provider health; timeout says how long it may take")
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &f) && f.Origin == provider.Origin:
		return err
	}
	class := fault.CodeOf(err)
	if class == fault.NotFound {
		class = fault.Unavailable // something was not found; that it was the secret, the store did not say
	}
	return provider.Errorf(class, m.spec.Name, "%s", fmt.Sprint(err))
}

// version is how a store is asked for the version of a reference.
func version(r keeper.Ref) string {
	switch {
	case r.StoreVersion != "":
		return r.StoreVersion
	case r.Version == keeper.Previous:
		return provider.Previous
	case r.Version > 0:
		return fmt.Sprint(r.Version)
	}
	return ""
}
