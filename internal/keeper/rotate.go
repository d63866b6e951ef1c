package keeper

import (
	"context"

	"tacit/internal/audit"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/vault"
)

// RotateRoot gives the vault a new root key and moves everything to it. Interrupted anywhere, everything works, and Resume goes on.
func (k *Keeper) RotateRoot(ctx context.Context, c Caller, r RotateRootRequest) (out Rotation, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	var slots []envelope.Slot
	var leaving uint32
	var total int
	err = k.vault.View(ctx, func(v *vault.Reader) (err error) {
		a := v.Anchor()
		leaving = v.Leaving()
		moved := a.Count(vault.KindSecret) + a.Count(vault.KindVersion)
		total = 2*moved + a.Count(vault.KindValue) + a.Count(vault.KindIndex) // and then everything is written anew
		slots, err = v.Slots()
		return err
	})
	if err != nil {
		return out, err
	}
	switch {
	case leaving != 0 && !r.Resume:
		return out, fault.New(fault.Conflict, "a root rotation was interrupted").WithFix("tacit rotate-root --resume")
	case leaving == 0 && r.Resume:
		return out, fault.New(fault.Conflict, "no root rotation was interrupted").WithFix("tacit rotate-root")
	case leaving == 0:
		if out.Phrase, err = k.beginRotation(ctx, c, slots); err != nil {
			return out, err
		}
	}
	out.Resumed = r.Resume
	report := func(done int) {
		if r.Progress != nil {
			r.Progress(min(done, total), total)
		}
	}
	var m vault.Moving
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if more, err = k.vault.MoveBatch(ctx, &m); err != nil {
			return out, stopped(err)
		}
		report(m.Done)
	}
	record := decide(audit.Record{Action: "admin", Object: k.vaultObject(), Reason: "root rotation finished"})
	if err := k.vault.FinishRotation(ctx, k.hooks(ctx, func() (Caller, *decision) { return c, record }), func(done, _ int) { report(m.Done + done) }); err != nil {
		return out, stopped(err)
	}
	report(total)
	out.Epoch, out.Records = int(k.vault.Epoch()), m.Done
	return out, nil
}

// stopped is err, which ended a rotation that had begun.
func stopped(err error) error {
	const resume = "tacit rotate-root --resume"
	e := fault.Wrap(fault.Failed, err, "the root rotation stopped on its way")
	if e.Fix == "" {
		return e.WithFix("%s", resume)
	}
	return e.WithFix("%s; then go on: %s", e.Fix, resume)
}

// beginRotation makes every slot anew for a new root key: it asks for the phrases first, so that nothing has changed when one of
// them is wrong.
func (k *Keeper) beginRotation(ctx context.Context, c Caller, slots []envelope.Slot) (phrase *string, err error) {
	next, err := envelope.NewRoot(k.opts.Random)
	if err != nil {
		return nil, err
	}
	var made []envelope.Slot
	for _, s := range slots {
		slot, m, err := k.opts.Opener.Remake(ctx, s, k.root, k.vault.Epoch()+1, next)
		if err != nil {
			next.Wipe()
			return nil, err
		}
		if m.Phrase.Len() > 0 {
			phrase = optional(string(m.Phrase.Reveal()))
		}
		made = append(made, slot)
	}
	record := decide(audit.Record{Action: "admin", Object: k.vaultObject(), Reason: "root rotation began"})
	if err := k.vault.BeginRotation(ctx, k.root, next, made, k.hooks(ctx, func() (Caller, *decision) { return c, record })); err != nil {
		next.Wipe()
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.root.Wipe()
	k.root = next
	k.openLog()
	return phrase, nil
}
