package policy

import (
	"slices"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"tacit/internal/fault"
	"tacit/internal/name"
)

// A Set is compiled policies. It never changes, so any number of goroutines may ask it; nil is a Set without policies.
//
// Policies are filed under what their heads say of principal, action and object, so that a request meets only those whose heads
// can fit. That changes no answer: Cedar evaluates nothing of a policy whose head does not fit, errors included.
type Set struct {
	shelves map[shelfKey]*shelf
	globs   map[string]name.Glob // every one that a policy mentions
	grants  []Grant
}

// A shelfKey is "agent/bar", "agent" for all of that kind, or "" for all, and an action.
type shelfKey struct {
	who    string
	action Action
}

// A shelf holds the policies of one key by the object in their heads.
type shelf struct {
	byObject map[types.EntityUID][]*filed // == Secret::"global:prod/db"
	byName   map[string][]*filed          // in Glob::"prod/db", without wildcard
	byPrefix map[string][]globbed         // in Glob::"prod/*", under what every match begins with: "prod/"
	lengths  []int                        // of the keys of byPrefix, ascending
	others   []*filed
}

type globbed struct {
	glob  name.Glob
	filed []*filed
}

// filed is one policy.
type filed struct {
	id     cedar.PolicyID
	policy *cedar.Policy
	globs  []string // that it mentions
	bare   bool     // it has a head only, so it looks at no attribute and no context
}

// Compile checks and compiles policy text and grants. Errors are of class fault.Invalid and name the first mistake with its line;
// [Check] lists all.
func Compile(text string, grants ...Grant) (*Set, error) {
	statements, problems := parse(text)
	if err := asError(problems); err != nil {
		return nil, err
	}
	s := &Set{shelves: map[shelfKey]*shelf{}, globs: map[string]name.Glob{}, grants: slices.Clone(grants)}
	ids := map[string]bool{}
	for _, st := range statements {
		ids[st.id] = true
		if err := s.add(st); err != nil {
			return nil, err
		}
	}
	for _, g := range grants {
		st, err := g.statement()
		if err != nil {
			return nil, err
		}
		if ids[g.ID] {
			return nil, fault.New(fault.Invalid, "two grants have the id %q", g.ID).About(g.ID)
		}
		ids[g.ID] = true
		if err := s.add(st); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Held returns the rules that grants give the principal, by name or by kind.
func (s *Set) Held(p Principal) []Rule {
	if s == nil {
		return nil
	}
	var list []Rule
	for _, g := range s.grants {
		if g.Principal == p || g.Principal == "" && g.Kind == p.Kind() {
			list = append(list, g.Rule)
		}
	}
	return list
}

// statement returns the grant's own text, parsed. It needs no check against the schema: a test checks the text of every form.
func (g Grant) statement() (statement, error) {
	if err := g.check(); err != nil {
		return statement{}, err
	}
	var p cedar.Policy
	if err := p.UnmarshalCedar([]byte(g.Cedar())); err != nil {
		return statement{}, fault.Wrap(fault.Invalid, err, "read grant %s", g.ID)
	}
	return statement{id: g.ID, policy: &p, globs: []string{g.Rule.object.String()}}, nil
}

// add files one policy.
func (s *Set) add(st statement) error {
	f := &filed{id: cedar.PolicyID(st.id), policy: st.policy, globs: st.globs}
	for _, text := range st.globs {
		g, err := name.ParseGlob(text)
		if err != nil {
			return err
		}
		s.globs[text] = g
	}
	tree := (*ast.Policy)(st.policy.AST())
	f.bare = len(tree.Conditions) == 0
	for _, a := range headActions(tree.Action) {
		key := shelfKey{headPrincipal(tree.Principal), a}
		if s.shelves[key] == nil {
			s.shelves[key] = &shelf{byObject: map[types.EntityUID][]*filed{}, byName: map[string][]*filed{}, byPrefix: map[string][]globbed{}}
		}
		s.shelves[key].add(f, s.globs, tree.Resource)
	}
	return nil
}

func (sh *shelf) add(f *filed, globs map[string]name.Glob, resource ast.IsResourceScopeNode) {
	if eq, ok := resource.(ast.ScopeTypeEq); ok {
		sh.byObject[eq.Entity] = append(sh.byObject[eq.Entity], f)
		return
	}
	head := headGlob(resource)
	if head == "" {
		sh.others = append(sh.others, f)
		return
	}
	glob := globs[head]
	if glob.Literal() {
		sh.byName[head] = append(sh.byName[head], f)
		return
	}
	prefix := glob.Prefix()
	if i, ok := slices.BinarySearch(sh.lengths, len(prefix)); !ok {
		sh.lengths = slices.Insert(sh.lengths, i, len(prefix))
	}
	same := sh.byPrefix[prefix]
	if i := slices.IndexFunc(same, func(g globbed) bool { return g.glob.String() == head }); i >= 0 {
		same[i].filed = append(same[i].filed, f)
		return
	}
	sh.byPrefix[prefix] = append(same, globbed{glob, []*filed{f}})
}

// headPrincipal returns whom the head of a policy can fit: one principal, a kind, or all where it does not say or says it in a way
// that only Cedar should judge.
func headPrincipal(scope ast.IsPrincipalScopeNode) string {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return strings.ToLower(string(s.Entity.Type)) + "/" + string(s.Entity.ID)
	case ast.ScopeTypeIs:
		return strings.ToLower(string(s.Type))
	}
	return ""
}

// headActions returns the actions that the head can fit.
func headActions(scope ast.IsActionScopeNode) []Action {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return []Action{Action(s.Entity.ID)}
	case ast.ScopeTypeIn: // actions are in no group but themselves
		return []Action{Action(s.Entity.ID)}
	case ast.ScopeTypeInSet:
		list := make([]Action, len(s.Entities))
		for i, e := range s.Entities {
			list[i] = Action(e.ID)
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	return Actions()
}

// headGlob returns the glob that the object must be in; empty if the head names none.
func headGlob(scope ast.IsResourceScopeNode) string {
	var e types.EntityUID
	switch s := scope.(type) {
	case ast.ScopeTypeIn:
		e = s.Entity
	case ast.ScopeTypeIsIn:
		e = s.Entity
	}
	if e.Type != "Glob" {
		return ""
	}
	return string(e.ID)
}

// candidates returns the policies whose heads can fit the request.
func (s *Set) candidates(r Request) []*filed {
	var list []*filed
	for _, who := range []string{string(r.Principal), string(r.Principal.Kind()), ""} {
		sh := s.shelves[shelfKey{who, r.Action}]
		if sh == nil {
			continue
		}
		list = append(list, sh.others...)
		if len(sh.byObject) > 0 {
			list = append(list, sh.byObject[objectUID(r.Object)]...)
		}
		if r.Object.named() {
			list = sh.appendMatching(list, r.Object.Name)
		}
	}
	return list
}

// appendMatching appends the policies whose heads name a glob that matches.
func (sh *shelf) appendMatching(list []*filed, name string) []*filed {
	list = append(list, sh.byName[name]...)
	for _, n := range sh.lengths {
		if n > len(name) {
			break
		}
		same := sh.byPrefix[name[:n]]
		for i := range same {
			if same[i].glob.Match(name) {
				list = append(list, same[i].filed...)
			}
		}
	}
	return list
}
