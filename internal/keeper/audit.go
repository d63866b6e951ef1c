package keeper

import (
	"context"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/vault"
)

// Audit returns the newest records that match, and a summary of all that do.
func (k *Keeper) Audit(ctx context.Context, c Caller, r AuditRequest) (client.Audit, error) {
	found, err := k.query(ctx, c, r)
	return found.Wire(), err
}

func (k *Keeper) query(ctx context.Context, c Caller, r AuditRequest) (found audit.Found, err error) {
	q, committed, err := k.question(ctx, c, r)
	if err != nil {
		return found, err
	}
	if found, err = k.log.Query(ctx, q, committed); err != nil {
		return found, err
	}
	return found, k.read(ctx, c, func(*vault.Reader) (*decision, error) {
		return decide(audit.Record{Action: "audit", Object: k.vaultObject(), Reason: r.Secret}), nil
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
	q, committed, err := k.question(ctx, c, r)
	if err == nil {
		err = k.read(ctx, c, func(*vault.Reader) (*decision, error) {
			return decide(audit.Record{Action: "audit", Object: k.vaultObject(), Reason: "export"}), nil
		})
	}
	if err != nil {
		return err
	}
	return k.log.Lines(ctx, q, committed, func(r audit.Record) error { return each(r.Wire()) })
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
	err = k.log.FollowLines(ctx, q, found.Head+1, committed, func(r audit.Record) error { return each(r.Wire()) })
	if ctx.Err() != nil {
		return nil // told to stop
	}
	return err
}

// AuditWho returns everyone who was given a value of a secret, version by version.
func (k *Keeper) AuditWho(ctx context.Context, c Caller, r Ref) (out client.AuditWho, err error) {
	id := ""
	err = k.read(ctx, c, func(v *vault.Reader) (*decision, error) {
		if err := checkRef(r); err != nil {
			return nil, err
		}
		d := decide(audit.Record{Action: "audit", Object: named(r)})
		s, _, err := k.find(v, c, Ref{Name: r.Name, Scope: r.Scope})
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
	out.Versions, err = k.log.Who(ctx, id)
	return out, err
}
