package config

import "tacit/internal/order"

// Problems lists what is wrong with the file by itself, in the order of its lines.
func (f *File) Problems() []Problem {
	f.parse()
	if f.problem != nil {
		return []Problem{*f.problem}
	}
	if f.root == nil {
		return nil
	}
	r := reader{project: f}
	for _, m := range f.root.Members {
		switch {
		case isOne(m.Key, userKeys()...):
			r.misplaced(m.Place, m.Key, "a project does not say what others may do")
		case !isOne(m.Key, projectKeys()...):
			r.wrong(m.Place, CodeUnknownKey, "unknown key %q", clip(m.Key))
		}
	}
	if v, ok := member(member1(f.root, "secrets").Table, "audit"); ok {
		r.misplaced(v.Place, "secrets.audit", "a project does not say what is recorded")
	}
	r.decode(f.root)
	order.By(r.problems, func(a, b Problem) int { return a.Place.Line - b.Place.Line })
	return r.problems
}

// DeclaresSecrets reports whether the file says where secrets come from, or may: a file that cannot be read may.
func (f *File) DeclaresSecrets() bool {
	f.parse()
	_, ok := member(f.root, "secrets")
	return ok || f.problem != nil
}

// HasProviders reports whether the file declares providers besides the vault.
func (f *File) HasProviders() bool {
	f.parse()
	for _, m := range membersOf(member1(member1(f.root, "secrets").Table, "providers")) {
		if m.Key != "local" {
			return true
		}
	}
	return false
}
