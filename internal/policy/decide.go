package policy

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// A Decision is the answer to a [Request].
type Decision struct {
	Allow     bool
	Forbidden bool     // denied by a forbid, or because a rule could not be evaluated: no grant would change that
	Rules     []string // ids of the policies, grants or tokens that decided, sorted
	Errors    []string // "policy-2: …", of policies that could not be evaluated, sorted
	Reason    string   // one line for a person, such as "no rule matched"
}

// Reasons that name no rule.
const (
	noRule   = "no rule matched"
	nonsense = "the action does not apply to this kind of object"
)

// Decide answers a request by policy alone; [Set.Authorize] is for one that carries a token. It never allows when in doubt (I15).
func (s *Set) Decide(r Request) Decision {
	if _, err := ParsePrincipal(string(r.Principal)); err != nil {
		return Decision{Forbidden: true, Reason: "the principal is not valid"}
	}
	if !r.Action.appliesTo(r.Object.Kind) {
		return Decision{Forbidden: true, Reason: nonsense}
	}
	if s == nil {
		return Decision{Reason: noRule}
	}
	list := s.candidates(r)
	if len(list) == 0 {
		return Decision{Reason: noRule}
	}
	q, w := s.describe(r, list)
	allowed, why := cedar.Authorize(evaluated(list), w, q)
	return decision(bool(allowed), why)
}

// decision reads Cedar's answer. Cedar leaves out a policy that fails, which would turn a forbid that fails into nothing; here any
// failure denies.
func decision(allowed bool, why cedar.Diagnostic) Decision {
	var d Decision
	for _, r := range why.Reasons {
		d.Rules = append(d.Rules, string(r.PolicyID))
	}
	slices.Sort(d.Rules)
	if len(why.Errors) > 0 {
		var ids []string
		for _, e := range why.Errors {
			ids = append(ids, string(e.PolicyID))
			d.Errors = append(d.Errors, string(e.PolicyID)+": "+e.Message)
		}
		slices.Sort(ids)
		slices.Sort(d.Errors)
		d.Forbidden, d.Rules = true, ids
		d.Reason = few(ids) + " could not be evaluated"
		return d
	}
	switch {
	case allowed:
		d.Allow, d.Reason = true, "allowed by "+few(d.Rules)
	case len(d.Rules) > 0:
		d.Forbidden, d.Reason = true, "forbidden by "+few(d.Rules)
	default:
		d.Reason = noRule
	}
	return d
}

// few lists ids for a person.
func few(ids []string) string {
	const most = 3
	if len(ids) <= most {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
}

// evaluated is a list of policies in the form that cedar.Authorize takes.
type evaluated []*filed

// All implements [cedar.PolicyIterator].
func (list evaluated) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, f := range list {
			if !yield(f.id, f.policy) {
				return
			}
		}
	}
}

// bare reports whether no policy of the list looks further than its head.
func (list evaluated) bare() bool {
	return !slices.ContainsFunc(list, func(f *filed) bool { return !f.bare })
}

// world is the two entities that a request is about, as Cedar looks them up.
type world struct{ principal, object types.Entity }

// Get implements [types.EntityGetter].
func (w *world) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case w.object.UID:
		return w.object, true
	case w.principal.UID:
		return w.principal, true
	}
	return types.Entity{}, false
}

// describe says to Cedar what the request is, as far as the listed policies look at it: the object is a member of its scopes and of
// those globs, of the ones that they mention, that match its name.
func (s *Set) describe(r Request, list evaluated) (cedar.Request, *world) {
	q := cedar.Request{
		Principal: principalUID(r.Principal), Action: types.NewEntityUID("Action", types.String(r.Action)), Resource: objectUID(r.Object),
	}
	w := &world{principal: types.Entity{UID: q.Principal}, object: types.Entity{UID: q.Resource}}
	if r.Object.named() {
		parents := []types.EntityUID{types.NewEntityUID("Scope", types.String(r.Object.home()))}
		for _, scope := range r.Object.attached() {
			parents = append(parents, types.NewEntityUID("Scope", types.String(scope)))
		}
		for _, f := range list {
			for _, text := range f.globs {
				if s.globs[text].Match(r.Object.Name) {
					parents = append(parents, types.NewEntityUID("Glob", types.String(text)))
				}
			}
		}
		w.object.Parents = types.NewEntityUIDSet(parents...)
	}
	if !list.bare() {
		w.object.Attributes = attributes(r.Object)
		q.Context = types.NewRecord(types.RecordMap{
			"time": types.NewDatetime(r.Context.Time), "door": types.String(r.Context.Door), "uid": types.Long(r.Context.UID),
			"workspace": types.String(r.Context.Workspace), "group": types.String(r.Context.Group),
		})
	}
	return q, w
}

func principalUID(p Principal) types.EntityUID {
	return types.NewEntityUID(types.EntityType(p.Kind().entityType()), types.String(p.Name()))
}

func objectUID(o Object) types.EntityUID {
	id := o.Name
	switch o.Kind {
	case Secret:
		id = string(o.home()) + ":" + o.Name
	case Vault, Policies:
		id = string(o.Kind)
	}
	return types.NewEntityUID(types.EntityType(o.Kind.entityType()), types.String(id))
}

// attributes returns what schema.cedarschema declares for the kind, all of it.
func attributes(o Object) types.Record {
	switch o.Kind {
	case Secret:
		tags := make([]types.Value, len(o.Tags))
		for i, t := range o.Tags {
			tags[i] = types.String(t)
		}
		exposure := types.String("readable")
		if o.Sealed {
			exposure = "sealed"
		}
		return types.NewRecord(types.RecordMap{
			"name": types.String(o.Name), "scope": types.String(o.home()), "tags": types.NewSet(tags...),
			"pin": types.String(o.Pin), "exposure": exposure,
		})
	case Capability:
		return types.NewRecord(types.RecordMap{
			"name": types.String(o.Name), "scope": types.String(o.home()), "service": types.String(o.Service),
			"method": types.String(o.Method), "path": types.String(o.Path),
		})
	case Tokens:
		return types.NewRecord(types.RecordMap{"principal": types.String(o.Owner)})
	}
	return types.Record{}
}
