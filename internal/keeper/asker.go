package keeper

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

// asker is a caller as one state of the vault knows it: who it is, and what it may do.
type asker struct {
	Caller
	k      *Keeper
	access *access      // nil for the owner
	chain  policy.Chain // of the token that it came with
}

// isOwner reports whether the caller is not subject to policy: a token takes that away.
func (c Caller) isOwner() bool { return c.Owner && c.Token.Len() == 0 }

// query is a state of the vault, and who looks at it.
type query struct {
	*vault.Reader
	*asker
}

// change is a transaction, and who makes it.
type change struct {
	*vault.Tx
	*asker
}

// admit says who a caller is. A token makes it that token's principal, in its workspace and group, wherever it comes from and
// whoever else it may be.
//
// Whatever is wrong with a token has one answer, but one that was mistyped.
func (k *Keeper) admit(r *vault.Reader, c Caller) (*asker, error) {
	return k.admitted(r, c, false)
}

// admitted is admit, also for who goes on with what was counted on its token already.
func (k *Keeper) admitted(r *vault.Reader, c Caller, counted bool) (*asker, error) {
	a := &asker{Caller: c, k: k}
	if c.Token.Len() == 0 {
		if !c.Owner {
			return a, noToken()
		}
		return a, nil
	}
	workspace, group := a.Workspace, a.Group
	a.Owner, a.Principal, a.Workspace, a.Group = false, "unknown", "", ""
	hash, err := policy.HashToken(c.Token)
	if err != nil {
		return a, err
	}
	if a.access, err = k.access(r); err != nil {
		return a, err
	}
	a.chain = a.access.chain(a.access.byHash[hash])
	if counted {
		a.chain = a.chain.Unspent()
	}
	if len(a.chain) == 0 || a.chain[0].Hash != hash || a.chain.State(k.opts.Now()) != policy.Active {
		if len(a.chain) > 0 {
			a.Principal = string(a.chain[0].Principal)
		}
		return a, badToken()
	}
	t := a.chain[0]
	a.Principal, a.Workspace, a.Group = string(t.Principal), t.Workspace, t.Group
	if workspace != "" && workspace != t.Workspace || group != "" && group != t.Group {
		return a, elsewhere(workspace, group)
	}
	return a, nil
}

// elsewhere is the answer to a token whose bearer asks to act where the token is not: what is found elsewhere is not what was asked for.
func elsewhere(workspace, group string) error {
	where := "workspace " + workspace
	if group != "" {
		where = "group " + group + " of " + where
	}
	return fault.New(fault.Denied, "the token was not made for %s", where).WithFix("ask the vault's owner for one made there")
}

// badToken is the one answer to a token that is none, or no longer one.
func badToken() error {
	return fault.Unproven("the token is not valid: unknown, expired, used up or revoked").WithFix("ask the vault's owner for a new one")
}

func noToken() error {
	return fault.Unproven("a token is required").WithFix("set TACIT_TOKEN to one that `tacit token create` printed")
}

// limited reports whether the caller's token can be used only so many times.
func (a *asker) limited() bool {
	for _, t := range a.chain {
		if t.Limited {
			return true
		}
	}
	return false
}

// spend counts one use of the caller's tokens, in the transaction that is the effect or comes before it.
func (a *asker) spend(tx *vault.Tx) error {
	if !a.limited() {
		return nil
	}
	used, err := a.chain.Use(a.k.opts.Now())
	if err != nil {
		return badToken() // its time ended since it was admitted
	}
	for _, t := range used {
		if t.Limited {
			if err := putToken(tx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// decide answers by policy. The owner is not subject to it (I15).
func (a *asker) decide(action policy.Action, o policy.Object) policy.Decision {
	switch {
	case a.Owner:
		return policy.Decision{Allow: true}
	case a.access == nil || len(a.chain) == 0:
		return policy.Decision{Reason: "no token"}
	case a.access.broken != nil:
		return policy.Decision{Reason: "the policies cannot be read: " + a.access.broken.Error()}
	}
	return a.access.set.Authorize(a.chain, policy.Request{
		Principal: policy.Principal(a.Principal), Action: action, Object: o,
		Context: policy.Context{Time: a.k.opts.Now(), Door: a.Door, UID: a.UID, Workspace: a.Workspace, Group: a.Group},
	})
}

// allow returns an error unless policy allows one of the actions on o; d is told why, and the caller only that it is not so. asked is
// what the caller called o, which may be an alias.
func (a *asker) allow(d *decision, o policy.Object, asked string, actions ...policy.Action) error {
	var answer policy.Decision
	for _, action := range actions {
		if answer = a.decide(action, o); answer.Allow {
			break
		}
	}
	if len(answer.Rules) > 0 && d.unenforced == "" {
		d.Policy = answer.Rules[0]
	}
	if answer.Allow {
		return nil
	}
	if a.lenient(actions...) {
		d.unenforced = cmp.Or(d.unenforced, answer.Reason)
		return nil
	}
	d.Result, d.Reason = audit.Denied, answer.Reason
	return refused(string(o.Kind), asked)
}

// allowAll is allow for actions of which all are needed.
func (a *asker) allowAll(d *decision, o policy.Object, asked string, actions ...policy.Action) error {
	for _, action := range actions {
		if err := a.allow(d, o, asked, action); err != nil {
			return err
		}
	}
	return nil
}

// find returns the secret that r names and the version of it, if the caller may do one of the actions with it. d is told about it.
func (a *asker) find(v *vault.Reader, d *decision, r Ref, actions ...policy.Action) (s, version *vault.Secret, err error) {
	in, err := scopes(a.Caller, r.Scope)
	if err != nil {
		return nil, nil, err
	}
	look := v.FindEvenly
	if a.Owner {
		look = v.Find
	}
	if s, err = look(in, r.Name); err != nil {
		return nil, nil, a.missing(d, r.Name, err)
	}
	d.Object = object(s, s.Version)
	if err := a.allow(d, policyObject(s), r.Name, actions...); err != nil {
		return nil, nil, err
	}
	if version, err = versionOf(v, s, r.Version); err == nil {
		d.Object.Version = version.Version
	}
	return s, version, err
}

// missing turns "no such secret" into what the caller is told.
func (a *asker) missing(d *decision, n string, err error) error {
	var missing *fault.Error
	if !errors.As(err, &missing) || missing.Code != fault.NotFound {
		return err
	}
	if a.Owner {
		missing.Fix = "tacit list '" + prefixOf(n) + "*'"
		return missing
	}
	d.Result, d.Reason = audit.Denied, string(fault.NotFound)
	return refused(string(policy.Secret), n)
}

// refused is the one answer to what is not there and what is not permitted, for everyone but the owner.
func refused(kind, name string) error {
	if name == "" {
		return fault.New(fault.Denied, "this is not permitted").WithFix("ask the vault's owner")
	}
	return fault.New(fault.Denied, "not permitted, or no such %s: %s", kind, name).About(name).WithFix("ask the vault's owner; `tacit whoami` shows what is permitted")
}

// sees reports whether the caller may know that a secret exists: it may list it, or read it.
func (a *asker) sees(s *vault.Secret) bool {
	o := policyObject(s)
	return a.Owner || a.decide(policy.List, o).Allow || a.decide(policy.Read, o).Allow
}

// policyObject is a secret as policies look at it.
func policyObject(s *vault.Secret) policy.Object {
	groups := make([]string, 0, len(s.Groups))
	for _, g := range s.Groups {
		_, group, _ := strings.Cut(g, "/")
		groups = append(groups, group)
	}
	return policy.Object{
		Kind: policy.Secret, Name: s.Name, Scope: s.Scope, Groups: groups, Tags: s.Tags, Pin: s.Pin, Sealed: s.Sealed,
	}
}

// quantum is what answers to callers other than the owner are rounded up to when they are refused: how long it takes to find that
// there is no such secret, and that there is one that is not permitted, must not tell them apart.
const quantum = 10 * time.Millisecond

// even waits after a refusal. began is when the request came in.
func even(ctx context.Context, c Caller, began time.Time, err error) {
	if c.isOwner() || !errors.Is(err, fault.Denied) {
		return
	}
	spent := time.Since(began)
	t := time.NewTimer(quantum - spent%quantum)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
