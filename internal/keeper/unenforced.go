package keeper

import (
	"slices"

	"tacit/internal/audit"
	"tacit/internal/policy"
)

// lenient reports whether what policy answered no to, one of actions, is done all the same, because the user's configuration says so.
//
// That is about policy's own answer, no rule or a forbid, and nothing else. A token must be good; policies that cannot be read leave
// only the owner; a sealed value stays sealed, a scope that the caller is not in is not there, and what takes presence takes presence:
// none of these asks here. And [policy.Admin] is not given away: with it a moment without enforcement would be one for good, since
// what a principal does to rules, tags and tokens outlasts it.
func (a *asker) lenient(actions ...policy.Action) bool {
	if a.access == nil || len(a.chain) == 0 || a.access.broken != nil || !a.access.unenforced {
		return false
	}
	return slices.ContainsFunc(actions, func(x policy.Action) bool { return x != policy.Admin })
}

// settle makes a denial that was not refused the result of a decision. What went wrong for another reason is told as that.
func (d *decision) settle(err error) {
	if d.unenforced == "" || d.Result != "" || err != nil {
		return
	}
	if d.Reason != "" {
		d.Reason += "; "
	}
	d.Result, d.Reason = audit.Denied, d.Reason+d.unenforced+"; "+audit.NotEnforced
}
