package audit

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"tacit/client"
	"tacit/internal/order"
)

// shows reports whether a record says that somebody was given a value, or, as an intent, may have been: a read with a token that is
// good for so many uses is a change of the vault too.
func shows(r *Record) bool {
	return r.Action == "read" && r.Done() && r.Stage != Outcome && r.Object.Version > 0
}

// Who returns everyone who was given a value of the secret with the id: the newest version first, and of each version the
// principals in the order in which they first saw it.
func (l *Log) Who(ctx context.Context, objectID string) ([]client.AuditWhoVersion, error) {
	type key struct {
		version           int
		principal, action string
	}
	seen := make(map[key]*client.AuditWhoPrincipal)
	versions := []client.AuditWhoVersion{}
	count := func(r *Record) {
		k := key{r.Object.Version, r.Principal, r.Action}
		w := seen[k]
		if w == nil {
			w = &client.AuditWhoPrincipal{Principal: r.Principal, Action: r.Action, FirstAt: r.Time}
			seen[k] = w
		}
		w.LastAt = r.Time
		w.Count++
	}
	intents := make(map[uint64]Record) // without an outcome so far
	err := l.Scan(ctx, 0, func(r Record) error {
		intent, ended := intents[r.Of]
		switch {
		case r.Stage == Outcome && ended:
			delete(intents, r.Of)
			if r.Done() { // else nobody got anything
				count(&intent)
			}
		case r.Object.ID != objectID || !shows(&r):
		case r.Stage == Intent:
			intents[r.Seq] = r
		default:
			count(&r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, seq := range slices.Sorted(maps.Keys(intents)) { // whoever was killed then may have got it
		r := intents[seq]
		count(&r)
	}
	for k, w := range seen {
		i := slices.IndexFunc(versions, func(v client.AuditWhoVersion) bool { return v.Version == k.version })
		if i < 0 {
			i = len(versions)
			versions = append(versions, client.AuditWhoVersion{Version: k.version})
		}
		versions[i].Principals = append(versions[i].Principals, *w)
	}
	order.By(versions, func(a, b client.AuditWhoVersion) int { return cmp.Compare(b.Version, a.Version) })
	for _, v := range versions {
		order.By(v.Principals, func(a, b client.AuditWhoPrincipal) int {
			return cmp.Or(a.FirstAt.Compare(b.FirstAt), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Action, b.Action))
		})
	}
	return versions, nil
}
