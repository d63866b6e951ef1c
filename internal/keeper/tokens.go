package keeper

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/policy"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// TokenRequest asks for a token.
type TokenRequest struct {
	Principal string
	Allow     []string   // rules
	ExpiresAt *time.Time // nil: never
	Uses      int        // 0: not limited
	Workspace string     // that its bearer is in
	Group     string
}

// Bounds of the tokens that a vault keeps: all of them are in memory while it is open. What a token may make is bounded, so that its
// bearer cannot keep the owner from making one.
const (
	maxTokens   = 10_000
	maxChildren = 100
	keepDead    = 30 * 24 * time.Hour // for `token list` to show what became of it
)

// TokenCreate makes a token. Only its hash is kept, so what is returned is the only copy. A token makes tokens of its own
// principal, with no more than it has; the owner makes any.
func (k *Keeper) TokenCreate(ctx context.Context, c Caller, r TokenRequest) (out client.TokenCreated, err error) {
	t, err := r.token()
	if err != nil {
		return out, err
	}
	var text secret.Value
	err = k.change(ctx, c, func(tx *change) (*decision, error) {
		now := k.opts.Now().UTC().Truncate(time.Millisecond)
		if text, t.ID, t.Hash, err = policy.NewToken(k.opts.Random); err != nil {
			return nil, err
		}
		d := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "token", ID: t.ID, Name: t.ID}, Reason: "token for " + r.Principal})
		t.CreatedAt, t.CreatedBy, t.Parent = now, policy.Principal(tx.Principal), ""
		if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now) {
			return d, fault.New(fault.Usage, "the token would have expired already")
		}
		all, err := k.access(&tx.Reader)
		if err != nil {
			return d, err
		}
		if err := tx.mayMake(d, &t, all); err != nil {
			return d, err
		}
		left, err := all.forget(tx.Tx, now)
		if err == nil && left >= maxTokens {
			err = fault.New(fault.Invalid, "there are %d tokens already", left).WithFix("revoke some: tacit token list")
		}
		if err != nil {
			return d, err
		}
		return d, putToken(tx.Tx, t)
	})
	if err != nil {
		return out, err
	}
	shown := shapeToken(policy.Chain{t}, t.CreatedAt)
	return client.TokenCreated{
		Token: string(text.Reveal()), ID: t.ID, Principal: shown.Principal, Rules: shown.Rules, ExpiresAt: shown.ExpiresAt, UsesLeft: shown.UsesLeft,
		Workspace: shown.Workspace, Group: shown.Group, Parent: shown.Parent, CreatedAt: t.CreatedAt,
	}, nil
}

// token checks the request.
func (r TokenRequest) token() (t policy.Token, err error) {
	if t.Principal, err = policy.ParsePrincipal(r.Principal); err != nil {
		return t, err
	}
	if len(r.Allow) == 0 {
		return t, fault.New(fault.Usage, "a token without a rule permits nothing").WithFix("add --allow 'read ci/*'")
	}
	if len(r.Allow) > policy.MaxRules {
		return t, fault.New(fault.Usage, "a token has at most %d rules", policy.MaxRules)
	}
	for _, text := range r.Allow {
		rule, err := policy.ParseRule(text)
		if err != nil {
			return t, err
		}
		t.Rules = append(t.Rules, rule)
	}
	if r.Uses < 0 {
		return t, fault.New(fault.Usage, "a token needs a number of uses of at least 1")
	}
	if _, err := name.Workspace(r.Workspace, r.Group); err != nil {
		return t, err
	}
	if r.ExpiresAt != nil {
		t.ExpiresAt = r.ExpiresAt.UTC().Truncate(time.Millisecond)
	}
	t.Limited, t.UsesLeft, t.Workspace, t.Group = r.Uses > 0, r.Uses, r.Workspace, r.Group
	return t, nil
}

// mayMake reports whether the caller may make t. What holds later is the intersection with its makers at each request; this is so
// that nobody is surprised by it.
func (a *asker) mayMake(d *decision, t *policy.Token, all *access) error {
	if a.Owner {
		return nil
	}
	t.Parent = a.chain[0].ID
	if len(a.chain) >= policy.MaxChain {
		return fault.New(fault.Denied, "tokens make tokens at most %d times", policy.MaxChain-1)
	}
	if all.children(a.chain) >= maxChildren {
		return fault.New(fault.Denied, "tokens that the owner made make at most %d others", maxChildren)
	}
	if err := a.chain.CheckChild(*t, all.set.Held(t.Principal), a.k.opts.Now()); err != nil {
		d.Result, d.Reason = audit.Denied, err.Error()
		return err
	}
	for _, maker := range a.chain { // it ends with them, and says so
		if !maker.ExpiresAt.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(maker.ExpiresAt)) {
			t.ExpiresAt = maker.ExpiresAt
		}
	}
	return nil
}

// forget removes tokens that have been dead for long, and when there are too many, all that are dead. It returns how many are left.
func (a *access) forget(tx *vault.Tx, now time.Time) (left int, err error) {
	left = len(a.tokens)
	full := left >= maxTokens
	for id, t := range a.tokens {
		chain := a.chain(id)
		if chain.State(now) == policy.Active || !full && now.Sub(lastSign(orDead(chain, t), now)) < keepDead {
			continue
		}
		if err := tx.RemoveSmall(vault.KindAccess, tokenRecord+hex.EncodeToString(t.Hash[:])); err != nil {
			return left, err
		}
		left--
	}
	return left, nil
}

// lastSign is the latest time at which something is known of a chain up to now.
func lastSign(c policy.Chain, now time.Time) (last time.Time) {
	for _, t := range c {
		for _, at := range []time.Time{t.CreatedAt, t.LastUsedAt, t.RevokedAt, t.ExpiresAt} {
			if at.After(last) && !at.After(now) {
				last = at
			}
		}
	}
	return last
}

// children counts the tokens that were made from the one that the owner made first in a chain.
func (a *access) children(of policy.Chain) (n int) {
	for id := range a.tokens {
		if c := a.chain(id); len(c) > 1 && c[len(c)-1].ID == of[len(of)-1].ID {
			n++
		}
	}
	return n
}

// TokenList returns the tokens, the newest first: all of them to the owner and who has admin on them, else the caller's own and
// those that it made.
func (k *Keeper) TokenList(ctx context.Context, c Caller) (client.Tokens, error) {
	out := client.Tokens{Tokens: []client.Token{}}
	err := k.read(ctx, c, func(v *query) (*decision, error) {
		out.Tokens = out.Tokens[:0]
		d := decide(audit.Record{Action: "list", Object: audit.Object{Kind: "token"}})
		all, err := k.access(v.Reader)
		if err != nil {
			return d, err
		}
		for id := range all.tokens {
			if chain := all.chain(id); v.manages(chain, all.tokens[id]) {
				out.Tokens = append(out.Tokens, shapeToken(orDead(chain, all.tokens[id]), k.opts.Now()))
			}
		}
		return d, nil
	})
	order.By(out.Tokens, func(a, b client.Token) int {
		if n := b.CreatedAt.Compare(a.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	out.Total = len(out.Tokens)
	return out, err
}

// manages reports whether the caller may see and revoke a token: its own, one that was made from it, or any with admin.
func (a *asker) manages(chain policy.Chain, t policy.Token) bool {
	if a.Owner {
		return true
	}
	for _, maker := range chain {
		if maker.ID == a.chain[0].ID {
			return true
		}
	}
	return a.decide(policy.Admin, policy.Object{Kind: policy.Tokens, Name: t.ID, Owner: t.Principal}).Allow
}

// TokenRevoke revokes a token by its ID, or every token of a principal. The next request with one of them, or with one that was
// made from one of them, is refused.
func (k *Keeper) TokenRevoke(ctx context.Context, c Caller, which string) (client.TokensRevoked, error) {
	out := client.TokensRevoked{Revoked: []string{}}
	_, notPrincipal := policy.ParsePrincipal(which)
	if notPrincipal != nil && !isID(which, "t_") {
		return out, fault.New(fault.Usage, "not the ID of a token, nor a principal").WithFix("tacit token list")
	}
	err := k.change(ctx, c, func(tx *change) (*decision, error) {
		out.Revoked = out.Revoked[:0]
		d := decide(audit.Record{Action: "admin", Object: audit.Object{Kind: "token", ID: which, Name: which}, Reason: "revoked"})
		all, err := k.access(&tx.Reader)
		if err != nil {
			return d, err
		}
		now := k.opts.Now().UTC()
		known := false
		for id, t := range all.tokens {
			if id != which && string(t.Principal) != which || !tx.manages(all.chain(id), t) {
				continue
			}
			known = true
			state := t.State(now)
			if state != policy.Active && state != policy.UsedUp {
				continue
			}
			t.RevokedAt = now // also of one that is used up: its last use may be under way
			if err := putToken(tx.Tx, t); err != nil {
				return d, err
			}
			if state == policy.Active {
				out.Revoked = append(out.Revoked, id)
			}
		}
		switch {
		case known:
			return d, nil
		case !tx.Owner:
			d.Result = audit.Denied
			return d, refused("token", which)
		case notPrincipal == nil:
			return d, fault.New(fault.NotFound, "%s has no tokens", which).About(which).WithFix("tacit token list")
		}
		return d, fault.New(fault.NotFound, "no such token: %s", which).About(which).WithFix("tacit token list")
	})
	slices.Sort(out.Revoked)
	out.Total = len(out.Revoked)
	return out, err
}

// isID reports whether s looks like an ID of ours: it ends up in the log.
func isID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && rest != "" && len(rest) <= 32 && !strings.ContainsFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

// orDead is the chain of a token, or one that says that it is revoked when its makers are gone.
func orDead(chain policy.Chain, t policy.Token) policy.Chain {
	if len(chain) > 0 {
		return chain
	}
	return policy.Chain{t}
}

func shapeToken(chain policy.Chain, now time.Time) client.Token {
	t := chain[0]
	out := client.Token{
		ID: t.ID, Principal: string(t.Principal), Rules: []string{}, State: string(chain.State(now)), CreatedAt: t.CreatedAt, CreatedBy: string(t.CreatedBy),
		ExpiresAt: orNil(t.ExpiresAt), LastUsedAt: orNil(t.LastUsedAt), Workspace: optional(t.Workspace), Group: optional(t.Group), Parent: optional(t.Parent),
	}
	for _, r := range t.Rules {
		out.Rules = append(out.Rules, r.String())
	}
	if t.Limited {
		out.UsesLeft = &t.UsesLeft
	}
	return out
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
