package policy

import (
	"slices"
	"strings"
	"time"

	"tacit/internal/fault"
)

// A Chain is a token, the token that made it, and so on to the one that the owner made: docs/decisions/0014. A chain that does not
// hang together (a parent is gone, or is less than its child) proves nothing.
type Chain []Token

// MaxChain is the most tokens that a chain may have: each request looks at all of them.
const MaxChain = 8

// MaxRules is the most rules that a token may have.
const MaxRules = 256

// whole reports whether each token was made by the next one, of which it is no more than a part, and the last one by the owner.
func (c Chain) whole() bool {
	if len(c) > MaxChain {
		return false
	}
	for i, t := range c {
		if _, err := ParsePrincipal(string(t.Principal)); err != nil {
			return false
		}
		if i+1 == len(c) {
			return t.Parent == ""
		}
		if t.ID == "" || t.Parent != c[i+1].ID || !t.within(c[i+1]) {
			return false
		}
	}
	return false
}

// within reports whether t is the same principal as parent, in its workspace and group or a wider place: whoever is in a
// workspace sees more than whoever is in none.
func (t Token) within(parent Token) bool {
	return t.Principal == parent.Principal &&
		(t.Workspace == parent.Workspace || t.Workspace == "") &&
		(t.Group == "" || t.Group == parent.Group && t.Workspace == parent.Workspace)
}

// State returns the state of the first token: a child dies with its parent, in the same way. A chain that does not hang together is
// revoked.
func (c Chain) State(now time.Time) State {
	if !c.whole() {
		return Revoked
	}
	for _, t := range c {
		if s := t.State(now); s != Active {
			return s
		}
	}
	return Active
}

// Unspent returns the chain as it is for a use that was counted already and goes on: that a token is used up does not end its last use.
func (c Chain) Unspent() Chain {
	c = slices.Clone(c)
	for i := range c {
		c[i].Limited = false
	}
	return c
}

// Permits reports whether the rules of every token in the chain permit doing a to o. It looks at rules only, not at states.
func (c Chain) Permits(a Action, o Object) bool {
	return c.whole() && !slices.ContainsFunc(c, func(t Token) bool { return !t.Permits(a, o) })
}

// Use returns the chain after one use at now: a use counts for each token of it, so that children do not multiply their parent's
// uses. It is an error of class fault.Denied unless the chain is active. The caller makes it durable before the effect.
func (c Chain) Use(now time.Time) (Chain, error) {
	if s := c.State(now); s != Active {
		return nil, fault.New(fault.Denied, "the token is %s", strings.ReplaceAll(string(s), "_", " "))
	}
	used := slices.Clone(c)
	for i := range used {
		used[i].LastUsedAt = now
		if used[i].Limited {
			used[i].UsesLeft--
		}
	}
	return used, nil
}

// CheckChild says in a friendly way why child, which the first token of the chain is about to make, would have more than its maker:
// an error of class fault.Denied, nil if it would not. held is what grants give the maker ([Set.Held]). The check is careful where
// it cannot compare two globs. What holds is not this check but the intersection at each request.
func (c Chain) CheckChild(child Token, held []Rule, now time.Time) error {
	denied := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Denied, "a token can only make one with less than it has: "+format, args...)
	}
	if s := c.State(now); s != Active {
		return fault.New(fault.Denied, "the token is %s", strings.ReplaceAll(string(s), "_", " "))
	}
	maker := c[0]
	switch {
	case child.Parent != maker.ID || child.ID == maker.ID:
		return denied("its maker is not %s", maker.ID)
	case child.Principal != maker.Principal:
		return denied("it is %s, not %s", maker.Principal, clip(string(child.Principal)))
	case !child.within(maker):
		return denied("it is not in that workspace or group")
	case len(child.Rules) == 0:
		return denied("the new one has no rule")
	case len(child.Rules) > MaxRules:
		return denied("the new one has more than %d rules", MaxRules)
	case len(c) == MaxChain:
		return denied("it is the last of a chain of %d", MaxChain)
	}
	for _, r := range child.Rules {
		for i, t := range c {
			has := t.Rules
			if i+1 == len(c) { // what the owner gave the principal besides
				has = append(slices.Clone(has), held...)
			}
			if !slices.ContainsFunc(has, func(h Rule) bool { return h.covers(r) }) {
				return denied("it has no rule that covers '%s'", r).WithFix("rules that it has: %s", ruleList(has))
			}
		}
	}
	return nil
}

func ruleList(rules []Rule) string {
	var list []string
	for _, r := range rules {
		list = append(list, "'"+r.String()+"'")
	}
	return strings.Join(list, ", ")
}

// Authorize answers a request that carries a token. It needs all of these:
//
//   - the chain is whole, every token in it is active, and the request is of its principal and from its workspace and group;
//   - no policy forbids it, and none fails;
//   - the first token, which the owner made, permits it, or a grant or policy permits it to the principal;
//   - the rules of each token made from that one permit it too.
//
// An allowing decision names the policies that allow it, else the token that the owner made.
func (s *Set) Authorize(c Chain, r Request) Decision {
	if state := c.State(r.Context.Time); state != Active {
		return Decision{Forbidden: true, Reason: "the token is " + strings.ReplaceAll(string(state), "_", " ")}
	}
	owners := c[len(c)-1]
	if r.Principal != owners.Principal {
		return Decision{Forbidden: true, Reason: "the token is another principal's"}
	}
	if r.Context.Workspace != c[0].Workspace || r.Context.Group != c[0].Group {
		return Decision{Forbidden: true, Reason: "the token is not in that workspace or group"}
	}
	d := s.Decide(r)
	if d.Forbidden {
		return d
	}
	if !d.Allow {
		if !owners.Permits(r.Action, r.Object) {
			return d
		}
		d = Decision{Allow: true, Rules: []string{owners.ID}, Reason: "allowed by token " + owners.ID}
	}
	for _, t := range c[:len(c)-1] {
		if !t.Permits(r.Action, r.Object) {
			return Decision{Rules: []string{t.ID}, Reason: "not among the rules of token " + t.ID}
		}
	}
	return d
}
