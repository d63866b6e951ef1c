package keeper

import (
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// Local is the provider that the vault is.
const Local = "local"

// ScopesOf returns where a name is looked for when no scope is asked for: every one that c is in, the most specific first.
func ScopesOf(c Caller) []string {
	all, err := scopes(c, "")
	if err != nil {
		return []string{""} // whoever is asked says what is wrong
	}
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return out
}

// scopes returns where a name is looked for, in order: the scope that was asked for, else every scope that the caller is in,
// the most specific first. Only the owner may ask for one that it is not in.
func scopes(c Caller, asked string) ([]name.Scope, error) {
	if asked != "" && c.Owner {
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
	all = append(all, name.Global)
	if asked == "" {
		return all, nil
	}
	s, err := name.ParseScope(asked)
	if err == nil && !slices.Contains(all, s) {
		err = refused("scope", asked)
	}
	return []name.Scope{s}, err
}

// home returns where a new secret goes: the scope that was asked for, else the caller's group or workspace, else global.
func home(c Caller, asked string) (name.Scope, error) {
	if asked != "" {
		in, err := scopes(c, asked)
		if err != nil {
			return "", err
		}
		return in[0], nil
	}
	return name.Workspace(c.Workspace, c.Group)
}

// checkRef refuses what cannot be asked of this vault.
func checkRef(r Ref) error {
	if r.Provider != "" && r.Provider != Local {
		return fault.New(fault.Usage, "unknown provider: %s", r.Provider).About(r.Provider).WithFix("this vault is the provider %q", Local)
	}
	if r.Scope != "" {
		if _, err := name.ParseScope(r.Scope); err != nil {
			return err
		}
	}
	return name.Check(r.Name)
}
