package keeper

import (
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// Local is the provider that the vault is.
const Local = "local"

// scopes returns where a name is looked for, in order: the scope that was asked for, else every scope that the caller is in,
// the most specific first.
func scopes(c Caller, asked string) ([]name.Scope, error) {
	if asked != "" {
		s, err := name.ParseScope(asked)
		return []name.Scope{s}, err
	}
	var all []name.Scope
	if own, err := name.ParseScope(c.Principal); err == nil {
		all = append(all, own)
	}
	if c.Group != "" || c.Workspace != "" {
		s, err := name.Workspace(c.Workspace, c.Group)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
		if c.Group != "" {
			all = append(all, name.Scope("workspace/"+c.Workspace))
		}
	}
	kind, _, _ := strings.Cut(c.Principal, "/")
	if s, err := name.ParseScope(kind); err == nil && kind != "workspace" {
		all = append(all, s)
	}
	return append(all, name.Global), nil
}

// home returns where a new secret goes: the scope that was asked for, else the caller's group or workspace, else global.
func home(c Caller, asked string) (name.Scope, error) {
	if asked != "" {
		return name.ParseScope(asked)
	}
	return name.Workspace(c.Workspace, c.Group)
}

// checkRef refuses what cannot be asked of this vault.
func checkRef(r Ref) error {
	if r.Provider != "" && r.Provider != Local {
		return fault.New(fault.Usage, "unknown provider: %s", r.Provider).About(r.Provider).WithFix("this vault is the provider %q", Local)
	}
	return name.Check(r.Name)
}
