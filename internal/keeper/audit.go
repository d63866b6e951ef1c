package keeper

import (
	"context"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

// Audit returns the newest records that match, and a summary of all that do.
func (k *Keeper) Audit(ctx context.Context, c Caller, r AuditRequest) (client.Audit, error) {
	found, err := k.query(ctx, c, r)
	return found.Wire(), err
}

func (k *Keeper) query(ctx context.Context, c Caller, r AuditRequest) (found audit.Found, err error) {
	// The owner's look at the log is not part of what it shows. For anyone else the decision comes first.
	if !c.isOwner() {
		if err := k.audited(ctx, c, r.Secret); err != nil {
			return found, err
		}
	}
	q, committed, err := k.question(ctx, c, r)
	if err != nil {
		return found, err
	}
	if found, err = k.log.Query(ctx, q, committed); err != nil || !c.isOwner() {
		return found, err
	}
	return found, k.audited(ctx, c, r.Secret)
}

// audited decides and records that the caller looks at the whole log.
func (k *Keeper) audited(ctx context.Context, c Caller, reason string) error {
	if len(reason) > name.MaxLen {
		reason = "" // no name, which is said when it is looked for
	}
	return k.read(ctx, c, func(v *query) (*decision, error) {
		d := decide(audit.Record{Action: "audit", Object: k.vaultObject(), Reason: reason})
		return d, v.allow(d, policy.Object{Kind: policy.Vault}, "", policy.Audit)
	})
}

// question turns a request into a query. A name stands for every secret that it leads to in any scope, and for itself: a secret
// that was removed has no id any more.
func (k *Keeper) question(ctx context.Context, c Caller, r AuditRequest) (q audit.Query, committed func(uint64) bool, err error) {
	q = audit.Query{Principal: r.Principal, Since: r.Since, FailedOnly: r.Failed, Limit: r.Limit, Name: r.Secret}
	if r.Secret != "" {
		if err := checkRef(Ref{Name: r.Secret}); err != nil {
			return q, nil, err
		}
	}
	if err := k.unlock(ctx); err != nil {
		return q, nil, err
	}
	k.writeEnds(ctx)
	var now uint64
	err = k.vault.View(ctx, func(v *vault.Reader) error {
		now = v.Anchor().Revision
		if r.Secret == "" {
			return nil
		}
		for _, scope := range v.ScopesInUse() {
			s, err := v.InScope(scope, r.Secret)
			if err != nil {
				return err
			}
			if s != nil {
				q.ObjectIDs = append(q.ObjectIDs, s.ID.String())
			}
		}
		return nil
	})
	return q, func(revision uint64) bool { return revision <= now }, err
}

// AuditExport calls each with every record that matches, oldest first, in memory that does not grow with their number.
func (k *Keeper) AuditExport(ctx context.Context, c Caller, r AuditRequest, each func(client.AuditRecord) error) error {
	if err := k.audited(ctx, c, "export"); err != nil {
		return err
	}
	q, committed, err := k.question(ctx, c, r)
	if err != nil {
		return err
	}
	ctx, stop := k.whileAllowed(ctx, c, mayAudit)
	defer stop()
	return ended(ctx, k.log.Lines(ctx, q, committed, func(r audit.Record) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return each(r.Wire())
	}))
}

// AuditFollow calls each with the records that match, then with new ones as they come, until ctx ends.
func (k *Keeper) AuditFollow(ctx context.Context, c Caller, r AuditRequest, each func(client.AuditRecord) error) error {
	found, err := k.query(ctx, c, r)
	if err != nil {
		return err
	}
	for i := range found.Lines {
		if err := each(found.Lines[i].Wire()); err != nil {
			return err
		}
	}
	q, _, err := k.question(ctx, c, r)
	if err != nil {
		return err
	}
	committed := func(revision uint64) bool {
		reached := false
		err := k.vault.View(ctx, func(v *vault.Reader) error {
			reached = revision <= v.Anchor().Revision
			return nil
		})
		return err == nil && reached
	}
	watched, stop := k.whileAllowed(ctx, c, mayAudit)
	defer stop()
	err = k.log.FollowLines(watched, q, found.Head+1, committed, func(r audit.Record) error { return each(r.Wire()) })
	if ctx.Err() != nil {
		return nil // told to stop
	}
	return ended(watched, err)
}

// mayAudit is what it takes to look at the whole log.
func mayAudit(a *asker) error {
	return a.allow(decide(audit.Record{}), policy.Object{Kind: policy.Vault}, "", policy.Audit)
}

// AuditWho returns everyone who was given a value of a secret, version by version.
func (k *Keeper) AuditWho(ctx context.Context, c Caller, r Ref) (out client.AuditWho, err error) {
	id := ""
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		if err := checkRef(r); err != nil {
			return nil, err
		}
		d := decide(audit.Record{Action: "audit", Object: named(r)})
		s, _, err := v.find(v.Reader, d, Ref{Name: r.Name, Scope: r.Scope}, policy.Audit)
		if err != nil {
			return d, err
		}
		d.Object = object(s, 0)
		id, out.Name = s.ID.String(), s.Name
		return d, nil
	})
	if err != nil {
		return out, err
	}
	k.writeEnds(ctx)
	out.Versions, err = k.log.Who(ctx, id)
	return out, err
}
