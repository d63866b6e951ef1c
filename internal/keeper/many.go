package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/vault"
)

// An Answer is what came back for one of several requests.
type Answer struct {
	Read
	Err error // of this one; those of [API.Get]
}

// A Batch is an [API] that answers for several secrets in one go. Each is decided and recorded on its own, as if it had been asked for
// with Get. Answers stand in the order of the requests.
type Batch interface {
	GetMany(ctx context.Context, c Caller, rs []GetRequest) []Answer
}

var _ Batch = (*Keeper)(nil)

// atOnce is how many secrets are asked for at the same time where they cannot be asked for together.
const atOnce = 8

// GetMany asks api for several secrets: in one go if it is a [Batch], else a few at a time.
func GetMany(ctx context.Context, api API, c Caller, rs []GetRequest) []Answer {
	if b, ok := api.(Batch); ok {
		return b.GetMany(ctx, c, rs)
	}
	answers := make([]Answer, len(rs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(atOnce, len(rs)) {
		workers.Go(func() {
			for i := range next {
				answers[i].Read, answers[i].Err = api.Get(ctx, c, rs[i])
			}
		})
	}
	for i := range rs {
		next <- i
	}
	close(next)
	workers.Wait()
	return answers
}

// GetMany implements [Batch]: from one state of the vault, with one write to the log.
func (k *Keeper) GetMany(ctx context.Context, c Caller, rs []GetRequest) []Answer {
	answers := make([]Answer, len(rs))
	if len(rs) == 0 {
		return answers
	}
	began := time.Now()
	counted := false
	err := k.retry(func() error {
		return k.view(ctx, func(r *vault.Reader) error {
			a, err := k.admit(r, c)
			if err != nil {
				return k.turnedAway(ctx, a, r.Anchor(), err)
			}
			if counted = a.limited(); counted {
				return nil
			}
			return k.valuesOf(ctx, &query{r, a}, rs, answers)
		})
	})
	switch {
	case err != nil: // nothing is known for certain: nothing is given
		for i := range answers {
			answers[i].Value.Wipe()
			answers[i] = Answer{Err: err}
		}
	case counted: // each is a use of the caller's token, and a change of the vault
		for i, r := range rs {
			answers[i].Read, answers[i].Err = k.Get(ctx, c, r)
		}
		return answers
	}
	for _, answer := range answers {
		if errors.Is(answer.Err, fault.Denied) {
			even(ctx, c, began, answer.Err)
			break
		}
	}
	return answers
}

// valuesOf answers the requests and then writes what it decided. The answers count only when it returns nil (I16).
func (k *Keeper) valuesOf(ctx context.Context, v *query, rs []GetRequest, answers []Answer) error {
	var records []*audit.Record
	for i, r := range rs {
		if answers[i].Err = checkRef(r.Ref); answers[i].Err != nil {
			continue
		}
		d, read, err := k.reveal(v, r)
		if errors.Is(err, fault.StaleKeys) {
			return err
		}
		answers[i] = Answer{read, err}
		d.settle(err)
		k.complete(&d.Record, v.Caller, err)
		d.Revision = v.Anchor().Revision
		records = append(records, d.records()...)
	}
	if len(records) == 0 {
		return k.reconcile(ctx, v.Anchor())
	}
	_, err := k.append(ctx, v.Anchor(), !k.opts.Lazy, records...)
	return err
}
