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
// with Get.
type Batch interface {
	// GetMany answers the first of the requests, in their order: one at least, and all unless that is more than one answer should hold.
	// Who wants the others asks again for them, as [GetMany] does. The error is why none was looked at.
	GetMany(ctx context.Context, c Caller, rs []GetRequest) ([]Answer, error)
}

var _ Batch = (*Keeper)(nil)

const (
	// atOnce is how many secrets are asked for at the same time where they cannot be asked for together.
	atOnce = 8
	// plenty is how many bytes of values end an answer: what is read together is in memory together, here and at each door on its way.
	plenty = 256 << 10
)

// GetMany asks api for several secrets, in as few goes as it can.
func GetMany(ctx context.Context, api API, c Caller, rs []GetRequest) []Answer {
	answers := make([]Answer, 0, len(rs))
	for len(answers) < len(rs) {
		some, err := GetSome(ctx, api, c, rs[len(answers):])
		if err == nil && len(some) == 0 {
			err = fault.New(fault.Failed, "nothing was answered")
		}
		if err != nil {
			for len(answers) < len(rs) {
				answers = append(answers, Answer{Err: err})
			}
			break
		}
		answers = append(answers, some...)
	}
	return answers
}

// GetSome is one go of [GetMany]: the answers to the first of the requests, as those of a [Batch], whatever api is.
func GetSome(ctx context.Context, api API, c Caller, rs []GetRequest) ([]Answer, error) {
	if b, ok := api.(Batch); ok {
		return b.GetMany(ctx, c, rs)
	}
	return GetEach(ctx, api, c, rs[:min(len(rs), 2*atOnce)]), nil
}

// GetEach asks api for each of the secrets with Get, a few at a time.
func GetEach(ctx context.Context, api API, c Caller, rs []GetRequest) []Answer {
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
func (k *Keeper) GetMany(ctx context.Context, c Caller, rs []GetRequest) (answers []Answer, err error) {
	if len(rs) == 0 {
		return nil, nil
	}
	began := time.Now()
	counted := false
	var owed time.Duration
	err = k.retry(func() error {
		return k.view(ctx, func(r *vault.Reader) error {
			a, err := k.admit(r, c)
			if err != nil {
				return k.turnedAway(ctx, a, r.Anchor(), err)
			}
			if counted = a.limited(); counted {
				return nil
			}
			answers, owed, err = k.valuesOf(ctx, &query{r, a}, rs)
			return err
		})
	})
	switch {
	case err != nil:
		even(ctx, c, began, err)
		return nil, err
	case counted:
		return k.getCounted(ctx, c, rs), nil
	}
	evenMany(ctx, began, owed)
	return answers, nil
}

// getCounted answers a caller whose token can be used only so many times: each value is a use of it, which is a change of the vault.
func (k *Keeper) getCounted(ctx context.Context, c Caller, rs []GetRequest) (answers []Answer) {
	held := 0
	for _, r := range rs {
		if held >= plenty {
			break
		}
		read, err := k.Get(ctx, c, r)
		answers = append(answers, Answer{read, err})
		held += read.Value.Len()
	}
	return answers
}

// valuesOf answers the first of the requests, and then writes what it decided: without that nothing is answered (I16). owed is how much
// longer those that were refused would have taken alone.
func (k *Keeper) valuesOf(ctx context.Context, v *query, rs []GetRequest) (answers []Answer, owed time.Duration, err error) {
	answers = make([]Answer, 0, len(rs))
	defer func() {
		if err != nil {
			for _, a := range answers {
				a.Value.Wipe()
			}
			answers = nil
		}
	}()
	records := make([]*audit.Record, 0, len(rs))
	for held := 0; len(answers) < len(rs) && held < plenty; {
		r := rs[len(answers)]
		if err := checkRef(r.Ref); err != nil {
			answers = append(answers, Answer{Err: err})
			continue
		}
		began := time.Now()
		d, read, err := k.reveal(v, r)
		if errors.Is(err, fault.StaleKeys) {
			return answers, 0, err
		}
		if !v.Owner && errors.Is(err, fault.Denied) {
			owed += quantum - time.Since(began)%quantum
		}
		answers = append(answers, Answer{read, err})
		held += read.Value.Len()
		d.settle(err)
		k.complete(&d.Record, v.Caller, err)
		d.Revision = v.Anchor().Revision
		records = append(records, d.records()...)
	}
	if len(records) == 0 {
		return answers, owed, k.reconcile(ctx, v.Anchor())
	}
	_, err = k.append(ctx, v.Anchor(), !k.opts.Lazy, records...)
	return answers, owed, err
}

// evenMany is [even] for several refusals at once, of which each takes as long as it would alone: rounded up only together, a difference
// too small to be seen in one would be seen in a hundred.
func evenMany(ctx context.Context, began time.Time, owed time.Duration) {
	if owed == 0 {
		return
	}
	t := time.NewTimer(owed + quantum - (time.Since(began)+owed)%quantum)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
