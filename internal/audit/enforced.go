package audit

import "strings"

// NotEnforced ends the reason of a denial that was recorded and not refused, because the user's configuration says not to enforce
// what policy denies.
const NotEnforced = "not enforced"

// Done reports whether what the record tells of was done: it was allowed, or denied and not refused.
func (r *Record) Done() bool {
	return r.Result == Allowed || r.Result == Denied && strings.HasSuffix(r.Reason, NotEnforced)
}
