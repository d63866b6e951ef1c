package keeper

import (
	"context"
	"errors"
	"time"

	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/vault"
)

// decision is what a method decided, as it will be recorded. A change to several objects has more of them.
type decision struct {
	audit.Record
	more       []audit.Object
	each       []*audit.Record // instead of one: about several objects, each with a result of its own
	durable    bool            // on disk before the answer, though nothing of the vault changes
	unenforced string          // what policy denied without refusing it: the reason; else empty
	seq        uint64          // of the record, once it is written
}

func decide(r audit.Record) *decision { return &decision{Record: r} }

// records returns the records of a decision, one an object.
func (d *decision) records() []*audit.Record {
	if d.each != nil {
		for _, r := range d.each {
			own := *r
			*r = d.Record
			r.Object, r.Result, r.Reason, r.Policy = own.Object, own.Result, own.Reason, own.Policy
			if r.Stage == audit.Alone {
				r.Stage = own.Stage
			}
		}
		return d.each
	}
	all := []*audit.Record{&d.Record}
	for _, o := range d.more {
		r := d.Record
		r.Object = o
		all = append(all, &r)
	}
	return all
}

// read calls look with one state of the vault, then writes the decision that look returned, and only then returns (I16).
// A failed look is recorded too, when it comes with a decision.
func (k *Keeper) read(ctx context.Context, c Caller, look func(*query) (*decision, error)) error {
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
			d, err := look(&query{r, a})
			if d == nil {
				return errors.Join(err, k.reconcile(ctx, r.Anchor()))
			}
			if werr := k.record(ctx, a.Caller, r.Anchor(), d, err); werr != nil {
				return werr
			}
			return err
		})
	})
	if err == nil && counted {
		// A use of the caller's token is a change of the vault, durable before the effect.
		return k.change(ctx, c, func(t *change) (*decision, error) { return look(&query{&t.Reader, t.asker}) })
	}
	even(ctx, c, began, err)
	return err
}

// turnedAway records a caller that was not admitted.
func (k *Keeper) turnedAway(ctx context.Context, a *asker, now *vault.Anchor, err error) error {
	if fault.CodeOf(err) != fault.Denied {
		return err
	}
	d := decide(audit.Record{Action: "read", Object: k.vaultObject()})
	d.Result, d.Reason = audit.Denied, err.Error()
	if werr := k.record(ctx, a.Caller, now, d, err); werr != nil {
		return werr
	}
	return err
}

// record writes a decision that changes nothing.
func (k *Keeper) record(ctx context.Context, c Caller, a *vault.Anchor, d *decision, err error) error {
	d.settle(err)
	k.complete(&d.Record, c, err)
	d.Revision = a.Revision
	head, err := k.append(ctx, a, !k.opts.Lazy || d.durable, d.records()...)
	d.seq = head.Seq
	return err
}

// change calls do with a transaction and commits it between its two records, with the changes of others that wait at the same time:
// see [Keeper.together]. do may be called in the goroutine of another caller. When it fails, the decision it returned, if any, is
// written as a failure.
func (k *Keeper) change(ctx context.Context, c Caller, do func(*change) (*decision, error)) error {
	began := time.Now()
	err := k.retry(func() error {
		if err := k.unlock(ctx); err != nil {
			return err
		}
		return k.together(&member{ctx: ctx, caller: c, do: do})
	})
	even(ctx, c, began, err)
	return err
}

// hooks tie the commit of a change to the log. decided is asked when the change is about to be committed.
func (k *Keeper) hooks(ctx context.Context, decided func() (Caller, *decision)) vault.Hooks {
	return k.hooksOf(func() (context.Context, []*decision) {
		c, d := decided()
		d.settle(nil)
		k.complete(&d.Record, c, nil)
		return ctx, []*decision{d}
	})
}

// hooksOf is hooks for several decisions, which are complete.
func (k *Keeper) hooksOf(decided func() (context.Context, []*decision)) vault.Hooks {
	var (
		ctx  context.Context
		last *audit.Record // of the intents; its outcome closes them all
	)
	return vault.Hooks{
		Witness: func(tx *vault.Tx) (vault.Witness, error) {
			var all []*audit.Record
			var ds []*decision
			ctx, ds = decided()
			for _, d := range ds {
				d.Stage, d.Revision = audit.Intent, tx.Next()
				all = append(all, d.records()...)
			}
			head, err := k.append(ctx, tx.Anchor(), true, all...)
			for _, d := range ds {
				d.seq = d.Seq // its own: those of others may stand behind it
			}
			last = all[len(all)-1]
			return vault.Witness{Seq: head.Seq, Hash: head.Hash}, err
		},
		Done: func(tx *vault.Tx, err error) {
			outcome := *last
			outcome.Time, outcome.Stage, outcome.Of = k.opts.Now().UTC(), audit.Outcome, last.Seq
			outcome.Result = audit.Allowed // of all the intents, whatever the last one says
			if err != nil {
				outcome.Revision, outcome.Result, outcome.Reason = tx.Anchor().Revision, audit.Failed, string(fault.CodeOf(err))
			}
			// The vault itself tells what became of an intent without an outcome, so an error here loses nothing.
			_, _ = k.log.Append(context.WithoutCancel(ctx), false, func(audit.Last) ([]*audit.Record, error) {
				return []*audit.Record{&outcome}, nil
			})
		},
	}
}

// complete fills in what every record has.
func (k *Keeper) complete(r *audit.Record, c Caller, err error) {
	r.Time = k.opts.Now().UTC()
	r.Principal, r.Door, r.UID, r.PID, r.Executable = c.Principal, c.Door, c.UID, c.PID, c.Executable
	if r.Provider == "" && r.Object.Kind == "secret" {
		r.Provider = Local
	}
	if r.Result != "" {
		return
	}
	if err == nil {
		r.Result = audit.Allowed
		return
	}
	switch code := fault.CodeOf(err); {
	case code == fault.Denied || code == fault.Sealed:
		r.Result, r.Reason = audit.Denied, string(code)
	default:
		r.Result, r.Reason = audit.Failed, string(code)
	}
}

// append writes records after checking that vault and log belong together: neither is older than the other (I17). Ends that wait are
// written with them, before them.
func (k *Keeper) append(ctx context.Context, a *vault.Anchor, durable bool, records ...*audit.Record) (audit.Head, error) {
	return k.log.Append(ctx, durable, func(last audit.Last) ([]*audit.Record, error) {
		if k.newLog && last.Record == nil {
			return records, nil // the one before was set aside, by a restore that accepts this vault
		}
		settled, err := audit.Reconcile(last.Record, last.Head.Seq, a.AuditSeq, a.Revision)
		if err != nil {
			return nil, err
		}
		before := k.ends.take()
		if settled != nil {
			settled.Time = k.opts.Now().UTC()
			before = append([]*audit.Record{settled}, before...)
		}
		return append(before, records...), nil
	})
}

// reconcile checks vault against log without recording anything.
func (k *Keeper) reconcile(ctx context.Context, a *vault.Anchor) error {
	last, err := k.log.Head(ctx)
	if err != nil {
		return err
	}
	_, err = audit.Reconcile(last.Record, last.Head.Seq, a.AuditSeq, a.Revision)
	return err
}

// retry runs do, and once more with new keys when another process changed the root key meanwhile.
func (k *Keeper) retry(do func() error) error {
	err := do()
	if !errors.Is(err, fault.StaleKeys) {
		return err
	}
	if k.opts.Opener == nil || k.opts.Lazy { // there are no new ones to be had, or others are using what is here
		k.stale.Store(true) // and the old ones stay until Close: others are using them
		return fault.New(fault.Locked, "the vault is locked").WithFix("tacit unlock")
	}
	k.relock()
	return do()
}
