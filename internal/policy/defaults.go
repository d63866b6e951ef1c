package policy

import (
	"maps"
	"slices"
	"strconv"

	"tacit/internal/fault"
)

// Defaults turns access_control.default_permissions of the user's configuration into grants, which `policy show` shows like any
// other: from a kind of principal ("agent": all of them) or one principal ("agent/claude") to its rules. The ids are
// "default-agent-1" and so on, in the order of the names and of the rules. Errors are of class fault.Invalid.
func Defaults(permissions map[string][]string) ([]Grant, error) {
	var grants []Grant
	for _, who := range slices.Sorted(maps.Keys(permissions)) {
		to := Grant{Kind: Kind(who)}
		if !knownKind(to.Kind) {
			p, err := ParsePrincipal(who)
			if err != nil {
				return nil, fault.New(fault.Invalid, "access_control.default_permissions: %q is no principal", clip(who)).About(clip(who)).
					WithFix("write user, agent or plugin for all of that kind, or one of them as agent/NAME")
			}
			to = Grant{Principal: p}
		}
		for i, text := range permissions[who] {
			rule, err := ParseRule(text)
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "access_control.default_permissions.%s", who)
			}
			g := to
			g.ID, g.Rule = "default-"+who+"-"+strconv.Itoa(i+1), rule
			grants = append(grants, g)
		}
	}
	return grants, nil
}
