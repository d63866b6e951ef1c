package keeper

import (
	"context"
	"encoding/hex"
	"io"
	"slices"
	"sync"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

// Providers besides the vault are asked by the process of the caller, with what the caller has. Keeper decides about it before they
// are, and is told what became of it: [External].

// External is the part of [API] about secrets that the caller itself asks a provider for. Such a secret is judged by its name, as one
// of the global scope without tags.
type External interface {
	// Decide says which of the names the caller may do something with, and writes that to the log before it returns (I16): a provider
	// is asked after it, and not at all when it fails.
	Decide(ctx context.Context, c Caller, r DecideRequest) (client.Decided, error)
	// Record writes what became of what was decided, once. Until it returns, nothing of what the provider said may be shown.
	Record(ctx context.Context, c Caller, r RecordRequest) error
}

// DecideRequest asks about secrets of a provider.
type DecideRequest struct {
	Action   string // read, write, rotate, delete or list
	Provider string
	// Names are what it is about. None, for list: whatever the provider has; then names that it has may be asked about again, with the
	// same action, and only those that are allowed may be shown.
	Names []string
	// Cache asks for the key under which the caller keeps for a while what a provider answered. Only the owner gets it: what it opens was
	// read with what the owner has.
	Cache bool
}

// RecordRequest says what became of it.
type RecordRequest struct {
	ID       string // of the answer to Decide
	Outcomes []Outcome
}

// Outcome is what became of one name that was allowed; of one that is not mentioned, the log says that it was allowed.
type Outcome struct {
	Name    string
	Version int        // that was read or written, when it is a number
	Code    fault.Code // why not; empty: it was done
}

// MaxExternal bounds the names of one request.
const MaxExternal = 1000

// Decide implements [External].
func (k *Keeper) Decide(ctx context.Context, c Caller, r DecideRequest) (out client.Decided, err error) {
	action, err := checkDecide(r)
	if err != nil {
		return out, err
	}
	pending := &undone{records: map[string]*audit.Record{}}
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		out = client.Decided{Denied: []string{}, Everything: v.Owner}
		if r.Cache && v.Owner {
			out.CacheKey = v.CacheKey()
		}
		pending.whose, pending.at = decider(v.asker), k.opts.Now()
		d := decide(audit.Record{Action: r.Action, Object: audit.Object{Kind: "provider", Name: r.Provider}, Provider: r.Provider})
		d.durable = action == policy.Write || action == policy.Delete || action == policy.Rotate
		if action == policy.List && len(r.Names) > 0 {
			d.Reason = "names" // that the provider said, and that are now judged
		}
		for _, n := range r.Names {
			one := decide(audit.Record{
				Stage: audit.Use, Action: r.Action, Provider: r.Provider,
				Object: audit.Object{Kind: "secret", Name: n, Scope: string(name.Global)},
			})
			if v.allow(one, policy.Object{Kind: policy.Secret, Name: n, Scope: name.Global}, n, actions(action)...) != nil {
				one.Stage = audit.Alone
				out.Denied = append(out.Denied, n)
			} else if one.settle(nil); one.Result == "" {
				one.Result = audit.Allowed
			}
			if action != policy.List {
				d.each = append(d.each, &one.Record)
				pending.records[n] = &one.Record
			}
		}
		return d, nil
	})
	if err != nil {
		return client.Decided{}, err
	}
	for _, n := range out.Denied {
		delete(pending.records, n)
	}
	if len(pending.records) == 0 {
		return out, nil
	}
	out.ID, err = k.undone.add(pending, k.opts.Random)
	return out, err
}

// actions are those of which one is enough: whoever may read a secret may know that it is there.
func actions(a policy.Action) []policy.Action {
	if a == policy.List {
		return []policy.Action{policy.List, policy.Read}
	}
	return []policy.Action{a}
}

func checkDecide(r DecideRequest) (policy.Action, error) {
	if r.Provider == "" || r.Provider == Local || !name.IsProvider(r.Provider) {
		return "", fault.New(fault.Invalid, "a provider besides %s must be named", Local)
	}
	if len(r.Names) > MaxExternal {
		return "", fault.New(fault.Invalid, "at most %d names at a time", MaxExternal)
	}
	a := policy.Action(r.Action)
	switch a {
	case policy.Read, policy.Write, policy.Rotate, policy.Delete:
		if len(r.Names) == 0 {
			return "", fault.New(fault.Invalid, "%s: which secrets?", r.Action)
		}
	case policy.List:
	default:
		return "", fault.New(fault.Invalid, "the action is read, write, rotate, delete or list")
	}
	for i, n := range r.Names {
		if err := name.Check(n); err != nil {
			return "", err
		}
		if slices.Contains(r.Names[:i], n) {
			return "", fault.New(fault.Invalid, "%s is there twice", n).About(n)
		}
	}
	return a, nil
}

// Record implements [External].
func (k *Keeper) Record(ctx context.Context, c Caller, r RecordRequest) error {
	for _, o := range r.Outcomes {
		if err := name.Check(o.Name); err != nil {
			return err
		}
		if o.Code != "" && !o.Code.Known() {
			return fault.New(fault.Invalid, "unknown code of an outcome")
		}
	}
	return k.retry(func() error {
		return k.view(ctx, func(v *vault.Reader) error {
			a, err := k.admitted(v, c, true) // a use was counted when it was decided
			if err != nil {
				return k.turnedAway(ctx, a, v.Anchor(), err)
			}
			ends, err := k.ended(a, r)
			if err != nil || len(ends) == 0 {
				return err
			}
			_, err = k.append(ctx, v.Anchor(), false, ends...)
			return err
		})
	})
}

// ended makes the records of what became of a decision, and forgets it.
func (k *Keeper) ended(a *asker, r RecordRequest) ([]*audit.Record, error) {
	pending := k.undone.take(r.ID, decider(a))
	if pending == nil {
		return nil, fault.New(fault.Conflict, "what was decided is not known any more").WithFix("run the command again")
	}
	var ends []*audit.Record
	for _, o := range r.Outcomes {
		decided := pending.records[o.Name]
		if decided == nil {
			return nil, fault.New(fault.Invalid, "nothing was decided about %s", o.Name).About(o.Name)
		}
		end := *decided
		end.Stage, end.Of, end.Seq, end.Revision = audit.Ended, decided.Seq, 0, 0
		end.Object.Version, end.Result, end.Reason = o.Version, audit.Allowed, ""
		if o.Code != "" {
			end.Result, end.Reason = audit.Failed, string(o.Code)
		}
		k.complete(&end, a.Caller, nil)
		ends = append(ends, &end)
		delete(pending.records, o.Name)
	}
	return ends, nil
}

// Refused is the answer to what the caller may not do with a secret of a provider: the same as for one of the vault.
func Refused(secret string) error { return refused(string(policy.Secret), secret) }

const (
	undoneAge = 15 * time.Minute // after which nobody is expected to say what became of a decision
	maxUndone = 8 * MaxExternal  // records of one principal that are remembered
)

// undone is decisions of one request of which it is not known what became of them.
type undone struct {
	id      string
	whose   string
	at      time.Time
	records map[string]*audit.Record // by name
}

// undoneList remembers them by random ids, so that nobody ends what somebody else began. What one principal leaves behind takes the place
// of its own only (I29).
type undoneList struct {
	mu sync.Mutex
	of map[string][]*undone // by decider, the oldest first
}

// decider is the principal; a token that has the owner's is not the owner.
func decider(a *asker) string {
	if a.Owner {
		return "the owner"
	}
	return a.Principal
}

func (l *undoneList) add(u *undone, random io.Reader) (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fault.Wrap(fault.Failed, err, "random bytes")
	}
	u.id = "d_" + hex.EncodeToString(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string][]*undone{}
	}
	l.forget(u.at)
	own := append(l.of[u.whose], u)
	total := 0
	for _, x := range own {
		total += len(x.records)
	}
	for total > maxUndone {
		total -= len(own[0].records)
		own = slices.Delete(own, 0, 1)
	}
	l.of[u.whose] = own
	return u.id, nil
}

// forget drops what is too old.
func (l *undoneList) forget(now time.Time) {
	for whose, own := range l.of {
		old := 0
		for old < len(own) && now.Sub(own[old].at) > undoneAge {
			old++
		}
		if l.of[whose] = slices.Delete(own, 0, old); old == len(own) {
			delete(l.of, whose)
		}
	}
}

// take returns what somebody began, and forgets it.
func (l *undoneList) take(id, whose string) *undone {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.of[whose]
	i := slices.IndexFunc(own, func(u *undone) bool { return u.id == id })
	if i < 0 {
		return nil
	}
	u := own[i]
	if l.of[whose] = slices.Delete(own, i, i+1); len(l.of[whose]) == 0 {
		delete(l.of, whose)
	}
	return u
}
