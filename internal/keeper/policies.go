package keeper

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

// policies is the object of what is done to policies and grants.
func policies() policy.Object { return policy.Object{Kind: policy.Policies} }

func policyDecision(action, what, reason string) *decision {
	return decide(audit.Record{Action: action, Object: audit.Object{Kind: "policy", ID: what, Name: what}, Reason: reason})
}

// Grant gives a principal what a rule permits.
func (k *Keeper) Grant(ctx context.Context, c Caller, principal, rule string) (out client.Grant, err error) {
	g := policy.Grant{}
	if g.Principal, err = policy.ParsePrincipal(principal); err != nil {
		return out, err
	}
	if g.Rule, err = policy.ParseRule(rule); err != nil {
		return out, err
	}
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		d := policyDecision("admin", "", "granted "+principal+" "+g.Rule.String())
		all, err := tx.manage(d)
		if err != nil {
			return d, err
		}
		for _, old := range all.grants {
			if old.Principal == g.Principal && old.Rule.String() == g.Rule.String() {
				return d, fault.New(fault.Exists, "%s has that already: %s", principal, old.ID).About(old.ID)
			}
		}
		g.ID = all.nextGrant()
		d.Object.ID, d.Object.Name = g.ID, g.ID
		name, plain := grantAsRecord(g)
		if err := tx.PutSmall(vault.KindAccess, name, plain); err != nil {
			return d, err
		}
		out = shapeGrant(g)
		return d, tx.PutSmall(vault.KindAccess, nextRecord, []byte(strconv.Itoa(all.next+1)))
	})
	return out, err
}

// manage returns what the vault says about access, to callers who may change it.
func (t *change) manage(d *decision) (*access, error) {
	if err := t.allow(d, policies(), "", policy.Admin); err != nil {
		return nil, err
	}
	return t.k.access(&t.Reader)
}

// GrantList returns the grants, in the order in which they were given.
func (k *Keeper) GrantList(ctx context.Context, c Caller) (client.Grants, error) {
	out := client.Grants{Grants: []client.Grant{}}
	err := k.read(ctx, c, func(v *query) (*decision, error) {
		out.Grants = out.Grants[:0]
		d := policyDecision("list", "", "")
		if err := v.allow(d, policies(), "", policy.Audit, policy.Admin); err != nil {
			return d, err
		}
		all, err := k.access(v.Reader)
		if err != nil {
			return d, err
		}
		for _, g := range all.sorted() {
			out.Grants = append(out.Grants, shapeGrant(g))
		}
		return d, nil
	})
	out.Total = len(out.Grants)
	return out, err
}

// GrantRemove takes a grant back. The next request is decided without it.
func (k *Keeper) GrantRemove(ctx context.Context, c Caller, id string) (out client.Grant, err error) {
	if !isID(id, "grant-") {
		return out, fault.New(fault.Usage, "not the ID of a grant").WithFix("tacit grant list")
	}
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		d := policyDecision("admin", id, "grant taken back")
		all, err := tx.manage(d)
		if err != nil {
			return d, err
		}
		i := slices.IndexFunc(all.grants, func(g policy.Grant) bool { return g.ID == id })
		if i < 0 {
			return d, fault.New(fault.NotFound, "no such grant: %s", id).About(id).WithFix("tacit grant list")
		}
		out = shapeGrant(all.grants[i])
		return d, tx.RemoveSmall(vault.KindAccess, grantRecord+strings.TrimPrefix(id, "grant-"))
	})
	return out, err
}

// PolicyShow returns all policies as Cedar.
func (k *Keeper) PolicyShow(ctx context.Context, c Caller) (out client.Policies, err error) {
	return out, k.read(ctx, c, func(v *query) (*decision, error) {
		d := policyDecision("list", "", "")
		if err := v.allow(d, policies(), "", policy.Audit, policy.Admin); err != nil {
			return d, err
		}
		all, err := k.access(v.Reader)
		if err == nil {
			_, err = all.config.read()
		}
		if err == nil {
			out = shapePolicies(all.text, all.all())
		}
		return d, err
	})
}

// PolicySet replaces the owner's own policies. Text that does not compile changes nothing.
func (k *Keeper) PolicySet(ctx context.Context, c Caller, text string) (out client.Policies, err error) {
	if len(text) > maxPolicy {
		return out, fault.New(fault.Invalid, "the policies have %d bytes, at most %d are accepted", len(text), maxPolicy)
	}
	if !utf8.ValidString(text) {
		return out, fault.New(fault.Invalid, "the policies are not text in UTF-8")
	}
	return out, k.change(ctx, c, func(tx *change) (*decision, error) {
		d := policyDecision("admin", "", "policies replaced")
		all, err := tx.manage(d)
		if err != nil {
			return d, err
		}
		if _, err := all.config.read(); err != nil {
			return d, err
		}
		if _, err := policy.Compile(text, all.all()...); err != nil {
			return d, err
		}
		out = shapePolicies(text, all.all())
		return d, tx.PutSmall(vault.KindAccess, policyRecord, []byte(text))
	})
}

// maxPolicy bounds the owner's own policies (I08).
const maxPolicy = 256 << 10

// PolicyTest runs the cases of a test file against the policies as they are. An object that a case only names is completed from the
// vault.
func (k *Keeper) PolicyTest(ctx context.Context, c Caller, file []byte) (client.PolicyTested, error) {
	out := client.PolicyTested{Cases: []client.PolicyCase{}}
	cases, err := policy.ParseTestFile(file)
	if err != nil {
		return out, err
	}
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		out.Cases, out.Failed = out.Cases[:0], 0
		d := policyDecision("audit", "", "policies tested")
		if err := v.allow(d, policies(), "", policy.Audit, policy.Admin); err != nil {
			return d, err
		}
		all, err := k.access(v.Reader)
		if err == nil {
			err = all.broken
		}
		if err != nil {
			return d, err
		}
		for i := range cases {
			q := &cases[i].Request
			if q.Context.Door == "" {
				q.Context.Door = usualDoor
			}
			if !cases[i].Bare {
				continue
			}
			q.Object.Scope = "" // where the principal would find it
			if q.Object, _, err = known(v.Reader, *q); err != nil {
				return d, err
			}
		}
		for _, r := range all.set.Test(cases, k.opts.Now()) {
			out.Cases = append(out.Cases, client.PolicyCase{
				Line: r.Line, Principal: string(r.Request.Principal), Action: string(r.Request.Action), Object: r.Request.Object.String(),
				Expect: verdict(r.Allow), Decision: verdict(r.Decision.Allow), OK: r.OK, Rules: orEmpty(r.Decision.Rules), Reason: r.Decision.Reason,
			})
			if !r.OK {
				out.Failed++
			}
		}
		return d, nil
	})
	out.Total = len(out.Cases)
	out.OK = err == nil && out.Failed == 0
	return out, err
}

// usualDoor is the door of a request that is only thought of: whoever is not the owner comes by the agent's socket, unless somebody
// says otherwise.
const usualDoor = "socket"

// ExplainRequest asks why a principal may do something, or may not.
type ExplainRequest struct {
	Principal, Action, Object string
	Scope                     string // of the object; empty: where the principal would find it
	Workspace, Group          string // that the principal is in
}

// PolicyExplain says which rules decide a request, and which grant would allow it. For the owner, and holders of audit.
func (k *Keeper) PolicyExplain(ctx context.Context, c Caller, r ExplainRequest) (out client.PolicyExplained, err error) {
	q := policy.Request{Context: policy.Context{Time: k.opts.Now(), Door: usualDoor, UID: -1, Workspace: r.Workspace, Group: r.Group}}
	if q.Principal, err = policy.ParsePrincipal(r.Principal); err != nil {
		return out, err
	}
	if q.Action, err = policy.ParseAction(r.Action); err != nil {
		return out, err
	}
	if err := checkRef(Ref{Name: r.Object, Scope: r.Scope}); err != nil {
		return out, err
	}
	q.Object = policy.Object{Kind: policy.Secret, Name: r.Object, Scope: name.Scope(r.Scope)}
	if q.Action == policy.Use {
		q.Object.Kind = policy.Capability
	}
	return out, k.read(ctx, c, func(v *query) (*decision, error) {
		d := decide(audit.Record{Action: "audit", Object: audit.Object{Kind: "secret", Name: r.Object, Scope: r.Scope}, Reason: "policy explained for " + r.Principal})
		if err := v.allow(d, policy.Object{Kind: policy.Vault}, "", policy.Audit); err != nil {
			return d, err
		}
		all, err := k.access(v.Reader)
		if err != nil {
			return d, err
		}
		var elsewhere []name.Scope
		if q.Object, elsewhere, err = known(v.Reader, q); err != nil {
			return d, err
		}
		out = client.PolicyExplained{
			Decision: "deny", Principal: r.Principal, Action: r.Action, Object: q.Object.Name, Rules: []string{},
		}
		if all.broken != nil {
			out.Reason = "the policies cannot be read: " + all.broken.Error()
			return d, nil
		}
		e := all.set.Explain(q, elsewhere...)
		if ids := all.permitting(q); len(ids) > 0 && !e.Allow {
			e = policy.Explanation{Decision: policy.Decision{Allow: true, Rules: ids, Reason: "allowed by token " + strings.Join(ids, ", ")}}
		}
		if !e.Allow && all.unenforced && q.Action != policy.Admin {
			e.Reason += "; " + audit.NotEnforced
		}
		out.Decision, out.Rules, out.Reason, out.Grant = verdict(e.Allow), orEmpty(e.Rules), e.Reason, optional(e.Command)
		return d, nil
	})
}

// permitting returns the tokens with which a request is allowed: good ones of its principal, in its workspace and group.
func (a *access) permitting(q policy.Request) (ids []string) {
	for id, t := range a.tokens {
		if t.Principal == q.Principal && a.set.Authorize(a.chain(id), q).Allow {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// known completes the object of a request from what the vault knows of it, where the principal would find it: by its canonical name,
// with tags and exposure. elsewhere are the other scopes that have the name.
func known(v *vault.Reader, q policy.Request) (o policy.Object, elsewhere []name.Scope, err error) {
	o = q.Object
	if o.Kind != policy.Secret {
		return o, nil, nil
	}
	in, err := scopes(Caller{Principal: string(q.Principal), Owner: true, Workspace: q.Context.Workspace, Group: q.Context.Group}, string(o.Scope))
	if err != nil {
		return o, nil, err
	}
	var found *vault.Secret
	for _, scope := range append(in, v.ScopesInUse()...) {
		s, err := v.InScope(scope, o.Name)
		switch {
		case err != nil:
			return o, nil, err
		case s == nil || found != nil && s.ID == found.ID:
		case found == nil && (slices.Contains(in, scope) || o.Scope == ""):
			found = s
		default:
			elsewhere = append(elsewhere, s.Scope)
		}
	}
	if found == nil {
		return o, elsewhere, nil
	}
	return policyObject(found), elsewhere, nil
}

func verdict(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}

// sorted returns the grants by their numbers.
func (a *access) sorted() []policy.Grant {
	all := slices.Clone(a.grants)
	order.By(all, func(x, y policy.Grant) int {
		if n := len(x.ID) - len(y.ID); n != 0 {
			return n
		}
		return strings.Compare(x.ID, y.ID)
	})
	return all
}

func shapeGrant(g policy.Grant) client.Grant {
	who := string(g.Principal)
	if who == "" {
		who = string(g.Kind)
	}
	return client.Grant{ID: g.ID, Principal: who, Rule: g.Rule.String(), Policy: g.Cedar()}
}

func shapePolicies(own string, all []policy.Grant) client.Policies {
	return client.Policies{Text: policy.Text(own, all...), Own: own, Grants: len(all)}
}
